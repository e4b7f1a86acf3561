"""The registry: published sizes, scaling inside, batch norm that works on small sets, words for a wrong name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Curate

from curate.errors import UsageError
from curate.ml import registry

pytestmark = pytest.mark.tf

# Trainable numbers at 1000 classes. Lite: published as 4.7, 5.4, 6.1, 8.2, 13.0 M; the others: Keras with its own top.
PARAMETERS = {
    "mobilenet_v3_small": 2_542_856,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v3_small_minimalistic": 2_044_736,
    "mobilenet_v3_large_minimalistic": 3_924_288,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
    "mobilenet_v2": 3_504_872,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "resnet50": 25_583_592,
}


def test_every_network_is_counted() -> None:
    from curate.ml.registry import NETWORKS

    assert {name for name in NETWORKS if NETWORKS[name].published != "nobody"} == set(PARAMETERS)


# Seconds each to build, and they differ from their neighbours in Keras' own table of widths and depths alone.
_SLOW = {"efficientnet_b1", "efficientnet_b2", "efficientnet_b5", "efficientnet_b6"}


@pytest.mark.parametrize("name", [name for name in PARAMETERS if name not in _SLOW])
def test_parameters_are_the_published_ones(name: str) -> None:
    from curate.ml import models

    assert models.trainable_parameters(models.build(name, classes=1000)) == PARAMETERS[name]


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_lite0"])
def test_form(name: str) -> None:
    """Flat, plain pixels in, probabilities out, logits by name, and the momentum on every batch norm, saved too."""
    from curate.ml import models
    from curate.ml.backend import keras

    model = models.build(name, classes=3, side=64, batch_norm_momentum=0.8)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) > 30
    assert {layer.momentum for layer in norms} == {0.8}
    assert {layer["config"]["momentum"] for layer in model.get_config()["layers"] if "Norm" in layer["class_name"]} == {
        0.8
    }
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    assert sum("escaling" in type(layer).__name__ for layer in model.layers) == 1
    pixels = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    probabilities = np.asarray(model(pixels))
    assert probabilities.shape == (2, 3)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    logits = np.asarray(models.logits_of(model)(pixels))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert np.allclose(softmax, probabilities, atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_b0", "resnet50"])
def test_scaling_is_that_of_the_paper(name: str) -> None:
    """What a network sees first is held against the formula that its weights were trained with."""
    from curate.ml import models
    from curate.ml.backend import keras

    model = models.build(name, classes=3, side=32)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    before = next(layer for layer in reversed(model.layers[: model.layers.index(first)]) if "Padding" not in str(layer))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
    seen = np.asarray(keras.Model(model.input, before.output)(pixels))
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    formula = {
        "mobilenet_v2": pixels / 127.5 - 1,
        "efficientnet_b0": (pixels / 255 - mean) / deviation,
        # red first: published kernels are turned round where they are loaded
        "resnet50": pixels - np.array([123.68, 116.779, 103.939]),
    }
    assert np.allclose(seen, formula[name], atol=1e-4)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_lite0", "efficientnet_b0"])
def test_mixed_precision_keeps_the_end_exact(name: str) -> None:
    from curate.ml import models
    from curate.ml.backend import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = models.build(name, classes=3, side=32)
    finally:
        keras.config.set_dtype_policy("float32")
    pixels = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.float32)
    assert models.body_layers(model)[-1].compute_dtype == "float16"
    assert {model.get_layer(end).compute_dtype for end in ("logits", "probabilities")} == {"float32"}
    assert np.asarray(models.logits_of(model)(pixels)).dtype == np.float32
    plain = models.build(name, classes=3, side=32)
    plain.set_weights(model.get_weights())
    assert np.allclose(np.asarray(model(pixels)), np.asarray(plain(pixels)), atol=0.02)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("mobilnet_v3", "mobilenet_v3_small"),
        ("mobilnet-v2", "mobilenet_v2"),
        ("efficientnet_lite", "efficientnet_lite0"),
        ("EfficientNet-Lite3b", "efficientnet_lite3"),
        ("resnet", "resnet50"),
    ],
)
def test_the_nearest_name_begins_as_the_misspelt_one(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as told:
        registry.find(typed)
    assert told.value.hint == f"--model {meant}"


def test_a_misspelt_name_gets_the_nearest_before_tensorflow_is_loaded(curate: Curate, root: Path) -> None:
    ended = curate("train", "--model", "MobilNet-v3-smal", root=root)
    assert ended.returncode == 2
    assert "--model mobilenet_v3_small" in ended.stderr
    loaded = "import sys; import curate.ml.registry; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0


def test_help_names_every_network(curate: Curate) -> None:
    told = curate("train", "--help").stdout
    assert all(name in told for name in PARAMETERS)


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_lite0"])
def test_a_frozen_body_stays_and_its_batch_norm_too(name: str) -> None:
    from curate.ml import models
    from curate.ml.backend import keras

    keras.utils.set_random_seed(1)
    model = models.build(name, classes=3, side=32)
    everything = models.trainable_parameters(model)
    body = [layer for layer in models.body_layers(model) if layer.weights]
    head = [layer for layer in model.layers if layer.weights and layer not in body]
    assert head

    def held() -> tuple[list[np.ndarray], ...]:
        return tuple([value.copy() for layer in part for value in layer.get_weights()] for part in (body, head))

    def step() -> None:
        learner = models.logits_of(model)
        learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), run_eagerly=True)
        dice = np.random.default_rng(2)
        learner.train_on_batch(dice.integers(0, 256, (4, 32, 32, 3)).astype(np.float32), np.array([0, 1, 2, 0]))

    models.freeze_body(model)
    assert 0 < models.trainable_parameters(model) < everything / 2
    before = held()
    step()
    after = held()
    assert all(np.array_equal(old, new) for old, new in zip(before[0], after[0], strict=True))
    assert any(not np.array_equal(old, new) for old, new in zip(before[1], after[1], strict=True))
    models.unfreeze(model)
    assert models.trainable_parameters(model) == everything
    step()
    assert any(not np.array_equal(old, new) for old, new in zip(before[0], held()[0], strict=True))
