"""A folded model that computes in floats what its int8 form will: every number rounded to the 256 it can be.

Jacob et al. 2018, arXiv:1712.05877; what is rounded where follows the specification
of LiteRT, https://ai.google.dev/edge/litert/conversion/tensorflow/quantization/quantization_spec
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.ml.backend import Model, Tensor, keras, tf
from curate.ml.folding import CONVOLUTIONS, kind
from curate.ml.graph import Call, Graph, taken_apart

layers: Any = keras.layers

WITHIN = 0.95  # of the pictures: 0.8 to 0.98 did about as well, 0.99 and 0.5 worse

# What hands its numbers on as they are, so that they keep their 256; what has its own for good (0 to 1 in 256 steps).
_AS_GIVEN = ("Reshape", "Flatten", "ZeroPadding2D", "MaxPooling2D", "AveragePooling2D")
_LEAST = 1e-6  # no range is empty, also where all weights of a channel are 0
_FIXED = ("sigmoid", "softmax", "Softmax", "tanh")


def aware(model: Model, pictures: npt.NDArray[np.uint8]) -> Model:
    """Return what `folding.folded` gave with fake quantization: weights from -127 to 127 for each channel (for a dense
    layer as a whole), pixels in whole levels, every other tensor in 256 steps over the range that it has for the
    pictures, uint8 [n, side, side, 3].

    A range is what `WITHIN` of the pictures stay within. With the extremes of all, as the converter takes them, a
    single picture can cost everything: where moving averages of batch norm are off, the numbers of one picture in a
    hundred grow a hundredfold, and the others' are left with two or three of the 256 steps.
    """
    graph = taken_apart(model)
    ranges = _ranges(graph, [call for call in graph.calls if _rounded_after(graph, call)], pictures)
    values = {id(graph.input): Rounded(0, 255, name="levels")(graph.input)}
    for call in graph.calls:
        new = {id(each): values[id(each)] for each in call.tensors}
        args, kwargs = keras.tree.map_structure(lambda each, new=new: new.get(id(each), each), (call.args, call.kwargs))
        if call.kind in CONVOLUTIONS:
            layer = _ROUNDED[call.kind].from_config(call.operation.get_config())
            output = layer(*args, **kwargs)
            layer.set_weights(call.operation.get_weights())
        else:
            output = call.operation(*args, **kwargs)
        if id(call) in ranges:
            output = Rounded(*ranges[id(call)])(output)
        values[id(call.output)] = output
    return keras.Model(graph.input, values[id(graph.output)], name=f"{model.name}_aware")


def _rounded_after(graph: Graph, call: Call) -> bool:
    follower = graph.follower(call)
    inside = follower is not None and kind(follower) in ("relu", "relu6") and kind(call) in (*CONVOLUTIONS, "Add")
    return not (inside or kind(call) in _AS_GIVEN or kind(call) in _FIXED)


def _ranges(graph: Graph, calls: list[Call], pictures: npt.NDArray[np.uint8]) -> dict[int, tuple[float, float]]:
    """Return by the id of a call the least and the greatest number of its output, 0 among them."""
    seen = keras.Model(graph.input, [call.output for call in calls])
    least: list[list[float]] = [[] for _ in calls]
    greatest: list[list[float]] = [[] for _ in calls]
    for picture in pictures:  # one by one: together the outputs of all calls would fill the memory
        outputs = seen(picture[None].astype(np.float32), training=False)
        for place, output in enumerate(outputs):
            least[place].append(float(tf.reduce_min(output)))
            greatest[place].append(float(tf.reduce_max(output)))
    # What does no more to pixels than shift and scale them has the range of all pixels: then their levels stay apart.
    pixels: set[int] = {id(graph.input)}
    ends = seen(np.stack([np.full(pictures.shape[1:], level, np.float32) for level in (0, 255)]), training=False)
    for place, call in enumerate(calls):
        if call.kind in ("Add", "Multiply") and {id(each) for each in call.tensors} <= pixels:
            pixels.add(id(call.output))
            least[place], greatest[place] = [float(tf.reduce_min(ends[place]))], [float(tf.reduce_max(ends[place]))]
    found = {}
    for call, lows, highs in zip(calls, least, greatest, strict=True):
        # A number that a picture had: halfway to that of a wild one would be far too much.
        low, high = np.quantile(lows, 1 - WITHIN, method="higher"), np.quantile(highs, WITHIN, method="lower")
        found[id(call)] = min(0.0, float(low)), max(_LEAST, float(high))
    return found


class Rounded(layers.Layer):  # type: ignore[misc]
    """Rounds to 256 steps from `low` to `high`, 0 among them; gradients pass between these alone."""

    def __init__(self, low: float, high: float, **rest: Any) -> None:
        super().__init__(**rest)
        self.low, self.high = low, high

    def call(self, x: Tensor) -> Tensor:
        """Return the numbers rounded."""
        return tf.quantization.fake_quant_with_min_max_args(x, min=self.low, max=self.high)

    def compute_output_shape(self, shape: Any) -> Any:
        """Return the shape given: Keras would find it out by a call, and fails where it takes `x * 2` for sparse."""
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


_ROUNDED: dict[str, Any] = {"Conv2D": _Conv2D, "DepthwiseConv2D": _DepthwiseConv2D, "Dense": _Dense}


def _by_channel(kernel: Tensor) -> Tensor:
    kernel = tf.convert_to_tensor(kernel)
    most = tf.stop_gradient(tf.maximum(tf.reduce_max(tf.abs(kernel), axis=range(len(kernel.shape) - 1)), _LEAST))
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -most, most, narrow_range=True)
