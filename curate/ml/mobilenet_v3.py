"""MobileNetV3 (Howard et al. 2019, arXiv:1905.02244): the body of Keras, with the paper's head for any classes."""

from __future__ import annotations

from typing import Any

from curate.ml.applications import POOL, body_of
from curate.ml.backend import Tensor, keras

layers: Any = keras.layers


def logits(
    pixels: Tensor, classes: int, weights: str | None, *, size: str, channels: int, minimalistic: bool = False
) -> Tensor:
    """Return the scores [b, classes] of MobileNetV3 Small or Large (`size`) with `channels` in the head.

    `minimalistic`: plain ReLU for hard-swish, no squeeze-and-excite, no kernels of 5.
    """
    inner = body_of(f"MobileNetV3{size}", pixels, weights, minimalistic=minimalistic, include_preprocessing=True)
    x = layers.GlobalAveragePooling2D(keepdims=True, name=POOL)(inner.output)
    x = layers.Conv2D(channels, 1, name="head_conv")(x)
    x = layers.ReLU(name="head_relu")(x) if minimalistic else layers.Activation("hard_swish", name="head_swish")(x)
    x = layers.Dropout(0.2)(x)
    x = layers.Conv2D(classes, 1, dtype="float32", name="head_classes")(x)
    return layers.Reshape((classes,), dtype="float32", name="logits")(x)
