"""The networks of `keras.applications`: bodies of Keras, flat in one graph with a head for any number of classes."""

from __future__ import annotations

from typing import Any

from curate.ml import weights as published
from curate.ml.backend import Model, Tensor, keras

layers: Any = keras.layers

POOL = "pool"
"""The name, in every network, of the layer that pools over the picture: what lies before it is the body."""

# Means of ImageNet's red, green and blue, and their deviations, as the networks of that name were trained with.
_CAFFE_MEAN = (123.68, 116.779, 103.939)  # of 255
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of 1


def logits(pixels: Tensor, classes: int, weights: str | None, *, body: str, dropout: float) -> Tensor:
    """Return the scores [b, classes] of the network of that name in `keras.applications`, such as "ResNet50"."""
    scaled = _scaled(body, pixels)
    if body.startswith("EfficientNet"):
        inner = body_of(body, scaled, None)
        if weights is not None:  # by way of a second one: for "imagenet" Keras adds a layer, and ours are of one form
            inner.set_weights(body_of(body, keras.Input(pixels.shape[1:]), weights).get_weights())
        _normalize(inner)
    else:
        inner = body_of(body, scaled, weights)
    if body == "ResNet50" and weights is not None:
        _turn_round(inner.get_layer("conv1_conv"))
    x = layers.GlobalAveragePooling2D(name=POOL)(inner.output)
    x = layers.Dropout(dropout, name="head_dropout")(x)
    return layers.Dense(classes, dtype="float32", name="logits")(x)


def body_of(name: str, scaled: Tensor, weights: str | None, **knobs: Any) -> Model:
    """Return the body that Keras builds on a tensor; its layers are part of the graph that the tensor is of.

    Raises `weights.Unreached` where the published weights cannot be downloaded, TrainError where a file does not fit.
    """
    make = getattr(keras.applications, name)
    with published.loading(weights, name):
        return make(input_tensor=scaled, include_top=False, weights=weights, **knobs)


def _scaled(body: str, pixels: Tensor) -> Tensor:
    if body == "MobileNetV2":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="scaling")(pixels)
    if body == "ResNet50":
        return layers.Rescaling(1.0, offset=[-mean for mean in _CAFFE_MEAN], name="scaling")(pixels)
    return pixels  # EfficientNet of Keras begins with layers for it


def _turn_round(first: Any) -> None:
    """Let weights that were trained on blue, green, red take red first: in the kernel, so that no layer is needed."""
    kernel, bias = first.get_weights()
    first.set_weights([kernel[:, :, ::-1], bias])


def _normalize(inner: Model) -> None:
    """Give EfficientNet's normalization its means and deviations, which Keras leaves at 0 and 1.

    The published weights bring other numbers: square roots of deviations, of which the layer that Keras adds for
    "imagenet" takes the root once more. https://github.com/tensorflow/tensorflow/issues/49930
    """
    layer = next(layer for layer in inner.layers if isinstance(layer, layers.Normalization))
    layer.adapt_mean.assign(_MEAN)
    layer.adapt_variance.assign([deviation**2 for deviation in _DEVIATION])
    layer.finalize_state()
