"""A trained model as integers like it: batch norm inside the convolutions, hard-swish in operations that are fast.

The runtime's fast kernels (XNNPACK) take no HARD_SWISH of 8 bits: MobileNetV3 falls into twenty pieces and is slower
as int8 than as float. Here x * relu6(x + 3) / 6 becomes ADD with RELU6 inside and MUL, which they take, and the sixth
is left over as a factor that waits: it passes whatever is linear until a convolution takes it into its weights, so that
it costs neither an operation nor a rounding. Nor does the converter know HARD_SWISH again without the sixth.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml.backend import Model, Tensor, keras
from curate.ml.graph import Call, Graph, taken_apart

layers: Any = keras.layers
Weights = npt.NDArray[np.float64]

CONVOLUTIONS = ("Conv2D", "DepthwiseConv2D", "Dense")
LIKE_THE_MODEL = 1e-4  # how far a probability may move where nothing but the order of sums changes
_LEFT_OUT = ("Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "linear")
_LINEAR = ("GlobalAveragePooling2D", "AveragePooling2D", "MaxPooling2D", "ZeroPadding2D", "Reshape", "Flatten", "relu")


class Value(NamedTuple):
    """What a tensor of the model is in the new one: `tensor` times `factor`, which is above 0."""

    tensor: Tensor
    factor: float = 1.0


def folded(model: Model) -> Model:
    """Return a model of new layers that gives the same probabilities, without batch norm, dropout or hard-swish.

    Raises TrainError where a batch norm follows no convolution, and where the new model does not answer as the old
    one does (by more than `LIKE_THE_MODEL` for noise of 0 to 255).
    """
    graph = taken_apart(model)
    values: dict[int, Value] = {id(graph.input): Value(graph.input)}
    maker = _Maker(graph)
    for call in graph.calls:
        values[id(call.output)] = maker.place(call, [values[id(each)] for each in call.tensors])
    made = keras.Model(graph.input, maker.whole(values[id(graph.output)]), name=f"{model.name}_folded")
    noise = np.random.default_rng(0).uniform(0, 255, (4, *model.input_shape[1:])).astype(np.float32)
    error = float(np.abs(np.asarray(made(noise)) - np.asarray(model(noise, training=False))).max())
    if not error < LIKE_THE_MODEL:
        raise TrainError(
            "the model without batch norm is not the model",
            where=model.name,
            expected=f"the same answers, within {LIKE_THE_MODEL}",
            found=f"{error:.3g}",
            done="no file was written for it",
            hint="leave the modes int8, qat and int16x8 out, and report the model and the version of keras",
        )
    return made


def kind(call: Call) -> str:
    """Return what a call does in one word: an activation's name (relu6, hard_silu, ...), else the operation's class."""
    operation = call.operation
    if call.kind == "Activation":
        return activation(operation)
    if call.kind == "ReLU":
        if operation.negative_slope or operation.threshold or operation.max_value not in (None, 6):
            return "ReLU"
        return "relu6" if operation.max_value else "relu"
    return {"Relu": "relu", "Relu6": "relu6", "HardSilu": "hard_silu", "HardSigmoid": "hard_sigmoid"}.get(
        call.kind, call.kind
    )


def activation(layer: Any) -> str:
    """Return the name of the activation that a layer applies; "linear" for none."""
    found = keras.activations.serialize(layer.activation)
    return found if isinstance(found, str) else "another"


class _Maker:
    """Makes the calls of the new model, one for each of the old one."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._inside: set[int] = set()  # calls that a convolution took into its weights
        self._names: set[str] = set()

    def place(self, call: Call, given: list[Value]) -> Value:
        what, first = kind(call), given[0] if given else None
        if first is None or (what == "BatchNormalization" and id(call) not in self._inside):
            raise _refused(call)
        if id(call) in self._inside or what in _LEFT_OUT:
            return first
        if what in CONVOLUTIONS:
            return self._convolution(call, first)
        if what in _ACTIVATIONS or what in _LINEAR:
            return self._activation(what, first) if what in _ACTIVATIONS else self._as_it_is(call, first)
        if (shift := _shift(call)) is not None:
            return self._shifted(first, *shift)
        if what == "Multiply" and len(given) == 2:
            return Value(layers.Multiply()([each.tensor for each in given]), math.prod(each.factor for each in given))
        if what == "Add" and len(given) == 2:
            # The least factor for both: a hard-swish times its sixth would be known again as HARD_SWISH.
            factor = min(each.factor for each in given)
            terms = [self.whole(Value(each.tensor, each.factor / factor)) for each in given]
            return Value(layers.Add()(terms), factor)
        return self._another(call, given)

    def _shifted(self, value: Value, scale: Weights, offset: Weights) -> Value:
        # scale * (f * x) + offset = (scale * f) * (x + offset / (scale * f)), of which the first factor can wait
        factor = scale * value.factor
        x = value.tensor
        if offset.any():
            x = x + np.asarray(offset / factor, np.float32)
        return Value(x, float(factor)) if factor.ndim == 0 else Value(x * factor.astype(np.float32))

    def whole(self, value: Value) -> Tensor:
        """Return a value as a tensor that waits for no factor."""
        return value.tensor if value.factor == 1 else value.tensor * value.factor

    def _convolution(self, call: Call, value: Value) -> Value:
        layer = call.operation
        kernel = np.asarray(layer.kernel, np.float64)
        channels = kernel.shape[-1] if call.kind != "DepthwiseConv2D" else kernel.shape[-2] * kernel.shape[-1]
        bias = np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(channels)
        kernel = kernel * value.factor
        after = activation(layer)
        last = call
        while after == "linear" and (follower := self._graph.follower(last)) is not None:
            shift = _shift(follower)
            if follower.kind == "BatchNormalization":
                scale, offset = _normalization(follower.operation)
            elif shift is not None and shift[0].ndim == shift[1].ndim == 0:
                scale, offset = (np.full(channels, each) for each in shift)
            else:
                break
            kernel = kernel * scale.reshape(kernel.shape[-2:] if call.kind == "DepthwiseConv2D" else (-1,))
            bias = bias * scale + offset
            self._inside.add(id(follower))
            last = follower
        made = self._copy(layer, use_bias=True, activation=None)
        output = made(value.tensor)
        made.set_weights([kernel.astype(np.float32), bias.astype(np.float32)])
        return self._activation(after, Value(output)) if after != "linear" else Value(output)

    def _activation(self, name: str, value: Value) -> Value:
        if name == "relu":
            return Value(layers.ReLU()(value.tensor), value.factor)
        x = self.whole(value)
        if name == "relu6":
            return Value(layers.ReLU(6.0)(x))
        if name == "hard_sigmoid":
            return Value(layers.ReLU(6.0)(x + 3.0), 1 / 6)
        if name == "hard_silu":
            return Value(layers.Multiply()([x, layers.ReLU(6.0)(x + 3.0)]), 1 / 6)
        if name == "silu":
            return Value(layers.Multiply()([x, layers.Activation("sigmoid")(x)]))
        return Value(layers.Activation(name)(x))

    def _as_it_is(self, call: Call, value: Value) -> Value:
        return Value(self._copy(call.operation)(value.tensor), value.factor)

    def _another(self, call: Call, given: list[Value]) -> Value:
        operation = call.operation
        if isinstance(operation, keras.Layer):
            operation = self._copy(operation)
        new = {id(old): self.whole(value) for old, value in zip(call.tensors, given, strict=True)}
        args, kwargs = keras.tree.map_structure(lambda each: new.get(id(each), each), (call.args, call.kwargs))
        output = operation(*args, **kwargs)
        if isinstance(operation, keras.Layer) and operation.weights:
            held: dict[str, Any] = {}
            call.operation.save_own_variables(held)
            operation.load_own_variables(held)
        return Value(output)

    def _copy(self, layer: Any, **changed: Any) -> Any:
        """Return a new layer like this one; nested models may each have a layer of the same name."""
        name, number = layer.name, 1
        while name in self._names:
            number += 1
            name = f"{layer.name}_{number}"
        self._names.add(name)
        return type(layer).from_config({**layer.get_config(), "dtype": "float32", "name": name, **changed})


_ACTIVATIONS = ("relu", "relu6", "hard_sigmoid", "hard_silu", "silu", "sigmoid")


def _shift(call: Call) -> tuple[Weights, Weights] | None:
    """Return (scale above 0, offset) of a call that does no more than that to its one tensor, else None.

    Numbers are arrays without an axis; of each channel they are [channels].
    """
    operation = call.operation
    if call.kind == "Rescaling":
        scale, offset = operation.scale, operation.offset
    elif call.kind == "Normalization" and not operation.invert:
        mean, variance = (np.asarray(each, np.float64) for each in (operation.mean, operation.variance))
        scale = 1 / np.maximum(np.sqrt(variance), keras.config.epsilon())
        offset = -mean * scale
    elif call.kind in ("Add", "Multiply") and not isinstance(operation, keras.Layer) and len(call.tensors) == 1:
        number = next(each for each in keras.tree.flatten(call.args) if each is not call.tensors[0])
        scale, offset = (1.0, number) if call.kind == "Add" else (number, 0.0)
    else:
        return None
    scale, offset = (np.squeeze(np.asarray(each, np.float64)) for each in (scale, offset))
    return (scale, offset) if max(scale.ndim, offset.ndim) <= 1 and (scale > 0).all() else None


def _normalization(layer: Any) -> tuple[Weights, Weights]:
    """Return the scale and the offset of each channel that batch norm comes to in use (Ioffe and Szegedy 2015)."""
    mean, variance = (np.asarray(each, np.float64) for each in (layer.moving_mean, layer.moving_variance))
    scale = 1 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * np.asarray(layer.gamma, np.float64)
    offset = -mean * scale
    return scale, offset + np.asarray(layer.beta, np.float64) if layer.center else offset


def _refused(call: Call) -> TrainError:
    return TrainError(
        "the model cannot be brought into a form for integers",
        where=call.operation.name,
        expected="every batch norm right after a convolution that nothing else takes",
        found=call.kind,
        done="no file was written for it",
        hint="leave the modes int8, qat and int16x8 out: curate quantize RUN --mode float16",
    )
