"""EfficientNet-Lite (Tan and Liu 2020): EfficientNet without squeeze-and-excite, ReLU6 for swish, stem and head as wide
for every size. https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

import math
from typing import Any

from curate.ml import weights as published
from curate.ml.applications import POOL
from curate.ml.backend import Tensor, keras

layers: Any = keras.layers

# Stages: repeats, kernel, stride, expansion, channels out.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_FAN_OUT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


def logits(
    pixels: Tensor, classes: int, weights: str | None, *, width: float, depth: float, dropout: float, source: str
) -> Tensor:
    """Return the scores [b, classes]: `width` times the channels and `depth` times the blocks of Lite0.

    `source` names the repository of the published weights on the Hugging Face Hub. Raises `weights.Unreached` where
    they cannot be downloaded, TrainError where a file does not fit.
    """
    # The authors trained with (x - 127) / 128; timm's (x - 127.5) / 127.5 is at most a level away from it.
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="scaling")(pixels)
    x = _conv(x, 32, 3, 2, "stem")
    for stage, (repeats, kernel, stride, expansion, channels) in enumerate(_STAGES):
        outer = stage in (0, len(_STAGES) - 1)
        for block in range(repeats if outer else math.ceil(repeats * depth)):
            step = stride if block == 0 else 1
            x = _inverted(x, kernel, step, expansion, _eighths(channels * width), f"stage{stage}_block{block}")
    x = _conv(x, 1280, 1, 1, "head")
    if weights is not None:
        published.port_timm(keras.Model(pixels, x), published.timm_file(weights, source))
    x = layers.GlobalAveragePooling2D(name=POOL)(x)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)


def _inverted(x: Tensor, kernel: int, stride: int, expansion: int, channels: int, name: str) -> Tensor:
    before = x
    if expansion != 1:
        x = _conv(x, x.shape[-1] * expansion, 1, 1, f"{name}_expand")
    x = layers.DepthwiseConv2D(
        kernel, stride, "same", use_bias=False, depthwise_initializer=_FAN_OUT, name=f"{name}_depthwise_conv"
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
