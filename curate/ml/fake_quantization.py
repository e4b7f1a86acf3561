"""A folded model that computes in floats what its int8 form will: every number rounded to the 256 it can be.

Jacob et al. 2018, arXiv:1712.05877; what is rounded where follows https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

from __future__ import annotations

from typing import Any

from curate.ml.backend import Model, Tensor, keras, tf
from curate.ml.folding import CONVOLUTIONS, kind
from curate.ml.graph import Call, taken_apart

layers: Any = keras.layers

# What hands its numbers on as they are, so that they keep their 256; what has its own for good (0 to 1 in 256 steps).
_AS_GIVEN = ("Reshape", "Flatten", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D")
_FIXED = ("sigmoid", "softmax", "Softmax", "tanh")


def aware(model: Model) -> Model:
    """Return what `folding.folded` gave with fake quantization: weights from -127 to 127 for each channel (for a dense
    layer as a whole), pixels in whole levels, every other tensor in 256 steps over a range that follows what is seen.

    The ranges are seen by calls with `training=True`: no other call makes sense before one of these.
    """
    graph = taken_apart(model)
    values = {id(graph.input): Levels(name="levels")(graph.input)}
    for call in graph.calls:
        new = {id(each): values[id(each)] for each in call.tensors}
        args, kwargs = keras.tree.map_structure(lambda each, new=new: new.get(id(each), each), (call.args, call.kwargs))
        if call.kind in CONVOLUTIONS:
            layer = _ROUNDED[call.kind].from_config(call.operation.get_config())
            output = layer(*args, **kwargs)
            layer.set_weights(call.operation.get_weights())
        else:
            output = call.operation(*args, **kwargs)
        follower = graph.follower(call)
        inside = follower is not None and kind(follower) in ("relu", "relu6") and kind(call) in (*CONVOLUTIONS, "Add")
        if not (inside or kind(call) in _AS_GIVEN or kind(call) in _FIXED):
            output = Ranged(name=f"range_{len(values)}")(output)
        values[id(call.output)] = output
    return keras.Model(graph.input, values[id(graph.output)], name=f"{model.name}_aware")


class Ranged(layers.Layer):  # type: ignore[misc]
    """Rounds to 256 steps between the least and the greatest number of a batch, 0 among them, as they are on average.

    A mean over the first calls with `training=True`, then a moving one. Before the first such call there is no range.
    """

    SLOWEST = 0.01  # what the newest batch counts at least

    def build(self, shape: Any) -> None:
        """Make the range, empty."""
        self.low, self.high, self.seen = (
            self.add_weight(shape=(), initializer="zeros", trainable=False, name=name)
            for name in ("low", "high", "seen")
        )

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        """Return the numbers rounded; with `training` the range moves first. Gradients pass within the range alone."""
        if training:
            self.seen.assign_add(1.0)
            share = tf.maximum(1.0 / self.seen, self.SLOWEST)
            self.low.assign_add(share * (tf.minimum(tf.reduce_min(x), 0.0) - self.low))
            self.high.assign_add(share * (tf.maximum(tf.reduce_max(x), 0.0) - self.high))
        return tf.quantization.fake_quant_with_min_max_vars(
            x, tf.convert_to_tensor(self.low), tf.convert_to_tensor(self.high)
        )

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape given: Keras would else find it out by a call, and fails where it takes `x * 2` for sparse."""
        return shape


class Levels(layers.Layer):  # type: ignore[misc]
    """Rounds pixels to the levels 0 to 255, so that uint8 pixels go into the file as they are."""

    def call(self, pixels: Tensor) -> Tensor:
        """Return the pixels rounded."""
        return tf.quantization.fake_quant_with_min_max_args(pixels, min=0, max=255)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape given."""
        return shape


class _Conv2D(layers.Conv2D):  # type: ignore[misc]
    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        return super().convolution_op(inputs, _by_channel(kernel))


class _DepthwiseConv2D(layers.DepthwiseConv2D):  # type: ignore[misc]
    def call(self, inputs: Tensor) -> Tensor:
        flat = keras.ops.reshape(self.kernel, (*self.kernel.shape[:2], -1))
        kernel = keras.ops.reshape(_by_channel(flat), self.kernel.shape)
        x = keras.ops.depthwise_conv(inputs, kernel, self.strides, self.padding, dilation_rate=self.dilation_rate)
        return x + self.bias


class _Dense(layers.Dense):  # type: ignore[misc]
    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        # As a whole: the converter transposes the weights and then misses the channels' axis.
        most = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(self.kernel)), _LEAST))
        kernel = tf.quantization.fake_quant_with_min_max_vars(self.kernel, -most, most, narrow_range=True)
        return keras.ops.matmul(inputs, kernel) + self.bias


_ROUNDED = {"Conv2D": _Conv2D, "DepthwiseConv2D": _DepthwiseConv2D, "Dense": _Dense}
_LEAST = 1e-6  # a range is never empty, also where all weights of a channel are 0


def _by_channel(kernel: Tensor) -> Tensor:
    kernel = tf.convert_to_tensor(kernel)
    most = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(kernel), axis=range(len(kernel.shape) - 1)), _LEAST))
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -most, most, narrow_range=True)
