"""The registry: published sizes, scaling inside, batch norm that works on small sets, words for a wrong name."""

from __future__ import annotations

import numpy as np
import pytest

from curate.errors import UsageError

pytestmark = pytest.mark.tf

# Trainable numbers at 1000 classes. Lite: published as 4.7, 5.4, 6.1, 8.2, 13.0 M; V3: Keras with its own top.
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
}


def test_every_network_is_counted() -> None:
    from curate.ml.models import NETWORKS

    assert set(NETWORKS) == set(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
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


def test_misspelt_name_gets_the_nearest() -> None:
    from curate.ml import models

    with pytest.raises(UsageError) as told:
        models.build("mobilnet_v3_smal", classes=3)
    assert told.value.hint == "--model mobilenet_v3_small"


def test_weights_that_do_not_exist() -> None:
    from curate.ml import models

    with pytest.raises(UsageError, match="efficientnet_lite0"):
        models.build("efficientnet_lite0", classes=3, weights="imagenet")


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
        learner.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
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
