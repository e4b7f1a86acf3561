"""A small network with all that the form for integers has to cope with, for the tests of folding and quantizing."""

from __future__ import annotations

from typing import Any

import numpy as np

SIDE = 32


def net() -> Any:
    """Return hard-swish, squeeze-and-excite, a sum, swish and batch norms that move something, and a model inside."""
    from curate.ml.backend import keras

    keras.utils.set_random_seed(1)
    layers = keras.layers
    norms = [layers.BatchNormalization() for _ in range(3)]
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    x = layers.Normalization(mean=[180.0, 120.0, 90.0], variance=[900.0, 1600.0, 2500.0])(pixels)
    x = layers.Rescaling([0.5, 0.6, 0.7])(x)
    x = layers.Conv2D(8, 3, 2, "same", use_bias=False)(x)
    x = first = layers.Activation("hard_swish")(norms[0](x))
    x = norms[1](layers.DepthwiseConv2D(3, 1, "same", depth_multiplier=2)(x))
    x = layers.Activation("hard_swish")(x)
    gate = layers.Conv2D(4, 1, activation="relu")(layers.GlobalAveragePooling2D(keepdims=True)(x))
    gate = layers.ReLU(6.0)(layers.Conv2D(16, 1)(gate) + 3.0) * (1 / 6)
    x = layers.Conv2D(8, 1)(layers.Multiply()([x, gate]))
    x = layers.Add()([first, x])  # of which one term still waits for its sixth
    inner = keras.Input((SIDE // 2, SIDE // 2, 8))
    y = layers.ReLU(6.0)(norms[2](layers.Conv2D(12, 3, strides=2, use_bias=False)(inner)))
    x = keras.Model(inner, layers.Conv2D(12, 1, activation="silu")(y))(x)
    x = keras.Sequential([layers.ReLU(), layers.GlobalAveragePooling2D(), layers.Dropout(0.2)])(x)
    made = keras.Model(pixels, layers.Softmax(name="probabilities")(layers.Dense(3, name="logits")(x)))
    dice = np.random.default_rng(1)
    for norm in norms:
        low_high = ((0.8, 1.2), (-0.3, 0.3), (-0.3, 0.3), (0.5, 1.5))
        norm.set_weights([dice.uniform(low, high, norm.gamma.shape) for low, high in low_high])
    return made
