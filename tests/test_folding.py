"""The form for integers: the same answers without batch norm, no HARD_SWISH in the file, and ranges that last."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import drawn_shards
import integer_nets
import numpy as np
import pytest

from curate.errors import TrainError
from curate.ml import conversion
from curate.ml.tflite import Interpreted

pytestmark = pytest.mark.tf

SIDE = integer_nets.SIDE


@pytest.fixture(scope="module")
def pictures() -> Any:
    return np.stack([drawn_shards.lesion(number % 3, number, SIDE) for number in range(20)])


@pytest.fixture(scope="module")
def net() -> Any:
    """A network with all that has to be folded, one model inside another, and batch norms that do something."""
    return integer_nets.net()


def answers(model: Any, pictures: Any) -> Any:
    return np.asarray(model(pictures.astype(np.float32), training=False))


def operations(data: bytes) -> Counter[str]:
    """Count the operations of a file by name; DELEGATE stands for the pieces that the fast kernels take."""
    return Counter(each["op_name"] for each in Interpreted(data)._interpreter._get_ops_details())


def test_calls_of_a_nested_model(net: Any) -> None:
    from curate.ml.graph import taken_apart

    graph = taken_apart(net)
    kinds = Counter(call.kind for call in graph.calls)
    assert kinds["BatchNormalization"] == 3
    assert not {"Functional", "Sequential", "InputLayer"} & set(kinds)
    known = {id(graph.input)}
    for call in graph.calls:
        assert all(id(tensor) in known for tensor in call.tensors)
        known.add(id(call.output))
    assert graph.output is graph.calls[-1].output


def test_the_folded_model_is_the_model(net: Any, pictures: Any) -> None:
    from curate.ml.folding import folded

    made = folded(net)
    assert np.abs(answers(made, pictures) - answers(net, pictures)).max() < 1e-5
    kinds = Counter(type(operation).__name__ for operation in made.operations)
    assert not {"BatchNormalization", "Dropout", "Normalization", "Rescaling"} & set(kinds)
    activations = {layer.get_config()["activation"] for layer in made.layers if hasattr(layer, "activation")}
    assert activations == {"linear", "sigmoid"}  # the latter of the one swish


def test_every_network_can_be_folded() -> None:
    """Those that differ in what is folded; the rest differ in size."""
    from curate.ml import models
    from curate.ml.folding import folded

    for name in ("mobilenet_v3_small", "mobilenet_v3_small_minimalistic", "efficientnet_lite0"):
        made = folded(models.build(name, classes=3, side=SIDE))  # holds itself against the network
        assert not any("BatchNormalization" in type(layer).__name__ for layer in made.layers)


def test_the_file_is_integers_for_the_fast_kernels(net: Any, pictures: Any, tmp_path: Path) -> None:
    from curate.ml.fake_quantization import aware
    from curate.ml.folding import folded

    rounded = aware(folded(net), pictures)
    data = conversion._tflite(conversion._saved(rounded, tmp_path / "saved"), "int8")
    found = operations(data)
    assert found["HARD_SWISH"] == 0
    # One way in and one way out: in between all is integer. The softmax alone is no business of the fast kernels.
    assert (found["QUANTIZE"], found["DEQUANTIZE"]) == (1, 1)
    assert found["DELEGATE"] <= 2
    assert np.abs(Interpreted(data).answer(pictures) - answers(rounded, pictures)).max() < 0.02
    assert np.abs(answers(rounded, pictures) - answers(net, pictures)).max() < 0.05


def test_one_wild_picture_does_not_cost_the_others(pictures: Any) -> None:
    from curate.ml.backend import keras
    from curate.ml.fake_quantization import Rounded, aware

    pixels = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(pixels)
    probabilities = keras.layers.Softmax()(keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    model = keras.Model(pixels, probabilities)

    def ranges(shown: Any) -> list[tuple[float, float]]:
        return [(each.low, each.high) for each in aware(model, shown).layers if isinstance(each, Rounded)]

    dark = pictures // 16
    wild = dark.copy()
    wild[7] = np.random.default_rng(0).integers(0, 2, wild[7].shape) * 255
    for (low, high), (wild_low, wild_high) in zip(ranges(dark), ranges(wild), strict=True):
        assert low <= 0 <= high
        assert wild_high - wild_low < 1.2 * (high - low) + 1e-9


def test_batch_norm_that_cannot_be_folded() -> None:
    from curate.ml.backend import keras
    from curate.ml.folding import folded

    layers = keras.layers
    pixels = keras.Input((SIDE, SIDE, 3))
    bare = keras.Model(pixels, layers.BatchNormalization()(pixels))
    x = layers.Conv2D(4, 3)(pixels)
    shared = keras.Model(pixels, layers.Add()([layers.BatchNormalization(name="norm")(x), x]))
    for model in (bare, shared):
        with pytest.raises(TrainError, match="form for integers") as told:
            folded(model)
        assert "float16" in told.value.hint


def test_a_model_that_is_code() -> None:
    from curate.ml.backend import keras
    from curate.ml.graph import taken_apart

    class Code(keras.Model):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(TrainError, match="taken apart"):
        taken_apart(Code())


def test_qat_moves_weights_the_same_way_each_time(pictures: Any, trained: Path) -> None:
    from curate.ml.fake_quantization import Rounded, aware
    from curate.ml.finetuning import fine_tuned
    from curate.ml.folding import folded

    shards, _ = drawn_shards.trained(trained)
    net = folded(integer_nets.net())
    found = []
    for seed in (1, 1, 2):
        learner = aware(net, pictures)
        before = [np.array(weight) for weight in learner.get_weights()]
        fine_tuned(learner, shards, target="category", side=SIDE, batch=60, seed=seed, epochs=1)
        assert any(isinstance(layer, Rounded) for layer in learner.layers)
        found.append(learner.get_weights())
    assert any((old != new).any() for old, new in zip(before, found[0], strict=True))
    assert all((one == other).all() for one, other in zip(found[0], found[1], strict=True))
    assert any((one != other).any() for one, other in zip(found[0], found[2], strict=True))
