"""The networks: one registry. Plain pixels (0-255) go in, scaling is inside, logits and probabilities come out."""

from __future__ import annotations

import difflib
import math
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import UsageError
from curate.ml import runs
from curate.ml.backend import Model, Tensor, keras

layers: Any = keras.layers

POOL = "pool"
"""The name, in every network, of the layer that pools over the picture: what lies before it is the body."""


@dataclass(frozen=True, slots=True)
class Network:
    """One entry of the registry: its own picture side in pixels, and how its body and head are built.

    `build(input, classes, weights)` returns the logits (a tensor [b, classes]) for pixels 0-255 (a tensor
    [b, side, side, 3]).
    """

    name: str
    side: int
    build: Callable[[Tensor, int, str | None], Tensor]
    pretrained: bool
    reference: str


def load(run: Path) -> Model:
    """Return the Keras model of a run. Raises TrainError where its file is damaged."""
    path = run / "model.keras"
    try:
        return keras.models.load_model(path)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        # What Keras raises depends on where in the archive the damage lies.
        raise runs.damaged(path, str(broken)) from broken


def build(
    name: str, *, classes: int, side: int | None = None, weights: str | None = None, batch_norm_momentum: float = 0.9
) -> Model:
    """Return a flat Keras model: input float32 [b, side, side, 3] in 0..255, output probabilities [b, classes].

    Its layer "logits" gives the scores before softmax. `weights="imagenet"` loads the published weights of the body
    (needs a network; OSError or ValueError from Keras where there is none). Every batch normalization gets the given
    momentum: with Keras' own 0.99 or 0.999 the moving averages lag behind on small sets, and a network that has
    learned its training pictures by heart answers at chance. Raises UsageError for an unknown name or weights.
    """
    network = find(name)
    if weights is not None and (weights != "imagenet" or not network.pretrained):
        raise UsageError(
            f"there are no weights {weights!r} for {name}",
            expected='none, or "imagenet" for ' + ", ".join(each.name for each in NETWORKS.values() if each.pretrained),
        )
    pixels = keras.Input((side or network.side, side or network.side, 3), name="pixels")
    logits = network.build(pixels, classes, weights)
    probabilities = layers.Softmax(name="probabilities", dtype="float32")(logits)
    model = keras.Model(pixels, probabilities, name=name)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = batch_norm_momentum
    return model


def find(name: str) -> Network:
    """Return a registry entry. Raises UsageError, with the nearest name, for a name that is not there."""
    if name in NETWORKS:
        return NETWORKS[name]
    near = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.5)
    raise UsageError(
        f"there is no model {name!r}",
        expected=", ".join(NETWORKS),
        hint=f"--model {near[0]}" if near else "choose one of these",
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


def _mobilenet_v3(size: str, channels: int, minimalistic: bool = False) -> Callable[[Tensor, int, str | None], Tensor]:
    """MobileNetV3 (Howard et al. 2019, arXiv:1905.02244): the body of Keras, with a head for any number of classes."""

    def body(pixels: Tensor, classes: int, weights: str | None) -> Tensor:
        make = getattr(keras.applications, f"MobileNetV3{size}")
        inner = make(
            input_tensor=pixels,
            include_top=False,
            weights=weights,
            minimalistic=minimalistic,
            include_preprocessing=True,
        )
        x = layers.GlobalAveragePooling2D(keepdims=True, name=POOL)(inner.output)
        x = layers.Conv2D(channels, 1, name="head_conv")(x)
        x = layers.ReLU(name="head_relu")(x) if minimalistic else layers.Activation("hard_swish", name="head_swish")(x)
        x = layers.Dropout(0.2)(x)
        x = layers.Conv2D(classes, 1, name="head_classes")(x)
        return layers.Reshape((classes,), name="logits")(x)

    return body


# EfficientNet-Lite (Tan and Liu 2020): EfficientNet without squeeze-and-excite, ReLU6 for swish, stem and head as wide
# for every size. https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
# Stages: repeats, kernel, stride, expansion, channels out.
_LITE_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# Width, depth, side in pixels, dropout.
_LITE_SIZES = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)
_FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


def _efficientnet_lite(width: float, depth: float, dropout: float) -> Callable[[Tensor, int, str | None], Tensor]:
    def body(pixels: Tensor, classes: int, weights: str | None) -> Tensor:
        x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scaling")(pixels)
        x = _conv(x, 32, 3, 2, "stem")
        for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_LITE_STAGES):
            outer = stage in (0, len(_LITE_STAGES) - 1)
            for block in range(repeats if outer else math.ceil(repeats * depth)):
                step = stride if block == 0 else 1
                x = _inverted(x, kernel, step, expansion, _eighths(channels * width), f"stage{stage}_block{block}")
        x = _conv(x, 1280, 1, 1, "head")
        x = layers.GlobalAveragePooling2D(name=POOL)(x)
        x = layers.Dropout(dropout)(x)
        return layers.Dense(classes, name="logits")(x)

    return body


def _inverted(x: Tensor, kernel: int, stride: int, expansion: int, channels: int, name: str) -> Tensor:
    before = x
    if expansion != 1:
        x = _conv(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, depthwise_initializer=_FAN_OUT, name=f"{name}_depthwise"
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(layers.BatchNormalization(name=f"{name}_depthwise_norm")(x))
    x = _conv(x, channels, 1, 1, f"{name}_project", relu=False)
    if stride == 1 and before.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([before, x])
    return x


def _conv(x: Tensor, channels: int, kernel: int, stride: int, name: str, relu: bool = True) -> Tensor:
    x = layers.Conv2D(
        channels, kernel, stride, "same", use_bias=False, kernel_initializer=_FAN_OUT, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x


def _eighths(channels: float) -> int:
    """Round to a multiple of 8, never down by more than a tenth."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


_V3 = "MobileNetV3, arXiv:1905.02244"
NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network("mobilenet_v3_small", 224, _mobilenet_v3("Small", 1024), True, _V3),
        Network("mobilenet_v3_large", 224, _mobilenet_v3("Large", 1280), True, _V3),
        # Plain ReLU, no squeeze-and-excite: the form of MobileNetV3 that is fast as int8 on processors too.
        Network("mobilenet_v3_small_minimalistic", 224, _mobilenet_v3("Small", 1024, True), True, _V3),
        Network("mobilenet_v3_large_minimalistic", 224, _mobilenet_v3("Large", 1280, True), True, _V3),
        *(
            Network(
                f"efficientnet_lite{size}",
                side,
                _efficientnet_lite(width, depth, dropout),
                False,
                "EfficientNet-Lite, github.com/tensorflow/tpu",
            )
            for size, (width, depth, side, dropout) in enumerate(_LITE_SIZES)
        ),
    )
}
