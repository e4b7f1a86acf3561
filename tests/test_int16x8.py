"""Weights of 8 bits and activations of 16: as near as float, or a word about the operation that has no such form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import drawn_shards
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from curate.errors import TrainError
from curate.ml import conversion
from curate.ml.tflite import Interpreted

pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"), pytest.mark.tf]


@pytest.fixture(scope="module")
def pictures() -> np.ndarray[Any, Any]:
    return np.stack([drawn_shards.lesion(seed % 3, seed, 32) for seed in range(12)])


@pytest.fixture(scope="module")
def model(pictures: np.ndarray[Any, Any]) -> Any:
    """A network with hard-swish, whose answers differ from picture to picture."""
    from curate.ml.backend import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    pixels = keras.Input((32, 32, 3), name="pixels")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)
    for channels in (8, 16):
        x = layers.BatchNormalization()(layers.Conv2D(channels, 3, 2, "same", use_bias=False)(x))
        x = layers.Activation("hard_swish")(x)
    scores = layers.Dense(3, kernel_initializer="random_normal", name="logits")(layers.GlobalAveragePooling2D()(x))
    made = keras.Model(pixels, layers.Softmax(name="probabilities")(layers.Rescaling(300.0)(scores)))
    assert np.asarray(made(pictures.astype(np.float32))).std(axis=0).max() > 0.1
    return made


def test_it_answers_as_float_does(model: Any, pictures: np.ndarray[Any, Any], tmp_path: Path) -> None:
    job = conversion.Job(tmp_path, tmp_path, tmp_path, ("int16x8",), "category", 32, 8, 1, 1)
    asked = conversion._asked("int16x8", model, pictures, job)
    data = conversion._tflite(conversion._saved(asked, tmp_path / "saved"), "int16x8", pictures)
    truth = np.asarray(model(pictures.astype(np.float32)))
    conversion._check("int16x8", data, model.count_params(), pictures, truth)
    assert np.abs(Interpreted(data).answer(pictures) - truth).max() < 0.02
    held = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    kinds = [tensor.type for tensor in held.subgraphs[0].tensors]
    assert kinds.count(schema.TensorType.INT16) >= 8  # what flows
    assert kinds.count(schema.TensorType.INT8) == 3  # two kernels and the last matrix
    assert kinds.count(schema.TensorType.FLOAT32) == 2  # what goes in and what comes out


def test_an_operation_that_has_no_such_form_is_named(
    model: Any, pictures: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    with pytest.raises(TrainError, match="cannot be converted to int16x8") as told:
        conversion._tflite(conversion._saved(model, tmp_path / "saved"), "int16x8", pictures)
    assert told.value.found == "HARD_SWISH, which has none"
    assert "leave int16x8 out" in str(told.value.hint)


def test_it_is_made_when_asked_for_alone() -> None:
    import inspect

    from curate.ml.quantization import quantize
    from curate.stages import quantize as stage

    assert "int16x8" in conversion.MODES
    for function in (quantize, stage.run):
        assert inspect.signature(function).parameters["modes"].default == ("float16", "dynamic", "int8")
