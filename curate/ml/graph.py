"""A Keras model as the list of its calls, nested models taken apart, to be built again with other calls.

Through `keras.models.clone_model` alone, which hands on every call of a functional model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curate.errors import TrainError
from curate.ml.backend import Model, Tensor, keras


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call of one operation (a layer, or a bare operation such as `x + 3`); `output` is the tensor it gave."""

    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Tensor

    @property
    def kind(self) -> str:
        """The class name of the operation: layers and bare operations have names of their own."""
        return type(self.operation).__name__

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors among its arguments, in their order."""
        return [each for each in keras.tree.flatten((self.args, self.kwargs)) if isinstance(each, keras.KerasTensor)]


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A model with one input and one output as `calls`, each after those whose output it takes."""

    input: Tensor
    calls: list[Call]
    output: Tensor

    def follower(self, call: Call) -> Call | None:
        """Return the one call that takes the output of `call`; None where several do, or the model ends there."""
        takers = [each for each in self.calls if any(given is call.output for given in each.tensors)]
        return takers[0] if len(takers) == 1 and call.output is not self.output else None


def taken_apart(model: Model) -> Graph:
    """Return a functional model's calls in order; a model that is called inside it is replaced by its own calls.

    Raises TrainError for a model that is not functional (its calls are Python code), or has several inputs or outputs.
    """
    if [len(getattr(model, ends, None) or ()) for ends in ("inputs", "outputs")] != [1, 1]:
        raise TrainError(
            "the model cannot be taken apart",
            where=getattr(model, "name", ""),
            expected="a functional Keras model with one input and one output",
            found=type(model).__name__,
            hint="leave the modes int8, qat and int16x8 out: curate quantize RUN --mode float16",
        )
    calls: list[Call] = []
    same: dict[int, tuple[Tensor, Tensor]] = {}  # by id: a tensor, kept so that its id stays its own, and its stand-in

    def resolved(given: Any) -> Any:
        return keras.tree.map_structure(lambda each: same.get(id(each), (each, each))[1], given)

    def noted(operation: Any, *args: Any, **kwargs: Any) -> Tensor:
        output = operation(*args, **kwargs)
        call = Call(operation, resolved(args), resolved(kwargs), output)
        if not isinstance(operation, keras.Model):
            calls.append(call)
            return output
        inner = taken_apart(operation)
        same[id(inner.input)] = inner.input, call.tensors[0]
        for each in inner.calls:
            calls.append(Call(each.operation, resolved(each.args), resolved(each.kwargs), each.output))
        same[id(output)] = output, resolved(inner.output)
        return output

    first = model.inputs[0]
    start = keras.Input(batch_shape=first.shape, dtype=first.dtype, name=first.name)
    if isinstance(model, keras.Sequential):  # for which clone_model hands on no calls
        outcome = start
        for layer in model.layers:
            outcome = noted(layer, outcome)
    else:
        cloned = keras.models.clone_model(
            model,
            input_tensors=keras.tree.pack_sequence_as(model.input, [start]),
            clone_function=lambda operation: operation,
            call_function=noted,
        )
        outcome = cloned.outputs[0]
    return Graph(start, calls, resolved(outcome))
