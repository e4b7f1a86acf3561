"""Models of the registry: plain pixels (0-255) go in, scaling is inside, logits and probabilities come out."""

from __future__ import annotations

import importlib
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import TrainError
from curate.ml import runs
from curate.ml.applications import POOL
from curate.ml.backend import Model, keras
from curate.ml.registry import IMAGENET, check_weights, find

layers: Any = keras.layers

_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of what a zip can date


def load(run: Path) -> Model:
    """Return the Keras model of a run. Raises TrainError where its file is damaged."""
    path = run / "model.keras"
    try:
        return keras.models.load_model(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        # What Keras raises depends on where in the archive the damage lies.
        raise runs.damaged(path, str(broken)) from broken


def save(model: Model, path: Path) -> None:
    """Write a model as Keras does, to `path` (*.keras); the same model gives the same bytes.

    Keras writes the time of day, and for objects that layers share their addresses in memory: the time is left out, and
    the addresses become numbers in the order in which they occur. Raises OSError as the system does.
    """
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    about = json.loads(members["metadata.json"])
    members["metadata.json"] = json.dumps(about | {"date_saved": "1980-01-01@00:00:00"}).encode()
    numbers: dict[int, int] = {}
    config = json.loads(members["config.json"], object_hook=lambda found: _numbered(found, numbers))
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, _BEGINNING), data)


def _numbered(found: dict[str, Any], numbers: dict[int, int]) -> dict[str, Any]:
    if "shared_object_id" not in found:
        return found
    return found | {"shared_object_id": numbers.setdefault(found["shared_object_id"], len(numbers) + 1)}


def build(
    name: str, *, classes: int, side: int | None = None, weights: str | None = None, batch_norm_momentum: float = 0.9
) -> Model:
    """Return a flat Keras model: input float32 [b, side, side, 3] in 0..255, output probabilities [b, classes].

    Its layer "logits" gives the scores before softmax; both are float32 under a policy of mixed precision too.
    `weights="imagenet"` loads the published weights of the body, a path those of a file in the form in which they are
    published. Every batch normalization gets the given momentum: with Keras' own 0.99 or 0.999 the moving averages lag
    behind on small sets, and a network that has learned its training pictures by heart answers at chance.
    Raises UsageError for an unknown name or file, `weights.Unreached` (an OSError) where published weights cannot be
    downloaded, TrainError where a file is not what it should be.
    """
    network = find(name)
    check_weights(name, weights)
    pixels = keras.Input((side or network.side, side or network.side, 3), name="pixels")
    module = importlib.import_module(f"curate.ml.{network.module}")
    logits = module.logits(pixels, classes, weights, **network.knobs)
    probabilities = layers.Softmax(name="probabilities", dtype="float32")(logits)
    model = keras.Model(pixels, probabilities, name=name)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = batch_norm_momentum
    if weights is not None:
        _check_numbers(model, weights)
    return model


def _check_numbers(model: Model, weights: str) -> None:
    broken = [
        layer.name
        for layer in model.layers
        if not all(np.isfinite(array).all() for array in layer.get_weights() if array.dtype.kind == "f")
    ]
    if broken:
        raise TrainError(
            "the weights hold what is no number",
            where=weights,
            expected="finite numbers in every layer",
            found=f"NaN or infinity in {', '.join(broken[:3])}"
            + (f" and {len(broken) - 3} more" if broken[3:] else ""),
            hint="another file" + ("" if weights == IMAGENET else f", or --weights {IMAGENET}"),
        )


def logits_of(model: Model) -> Model:
    """Return the same network, sharing its weights, that ends at the scores before softmax."""
    return keras.Model(model.input, model.get_layer("logits").output, name=f"{model.name}_logits")


def body_layers(model: Model) -> list[Any]:
    """Return the layers that make features of pixels, in order: all before the pooling. The rest is the head."""
    names = [layer.name for layer in model.layers]
    return list(model.layers[: names.index(POOL)])


def freeze_body(model: Model) -> None:
    """Let training change the head alone; a frozen batch norm uses its moving averages and does not move them.

    To be called before `compile`: what is compiled already goes on as it was.
    """
    for layer in body_layers(model):
        layer.trainable = False


def unfreeze(model: Model) -> None:
    """Let training change every layer again. To be called before `compile`."""
    for layer in model.layers:
        layer.trainable = True


def trainable_parameters(model: Model) -> int:
    """Return the number of trained numbers: what papers print; moving averages of batch norm do not count."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)
