"""The state of a training after an epoch, whole on disk or not there: all that the next epoch follows from."""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate import whole
from curate.errors import TrainError
from curate.ml.backend import Model, keras, tf

Arrays = list[npt.NDArray[Any]]

_KEPT = 2  # checkpoints: where the newest is damaged, the one before it counts
_NAME = "epoch-{:05d}.npz"
_MADE_WITH = {"keras": keras.__version__, "tensorflow": tf.__version__}  # another version may go on otherwise, or not


@dataclass
class State:
    """Where a training stands: `epoch` epochs are done, the last of them in `phase`.

    `best` is the lowest validation loss, `best_epoch` (from 1) the epoch that had it, `waited` how many came since; 0
    and None where nothing is for validation. `history` has a number for each epoch. The arrays are those of the
    network (weights, running means and the seeds of its dropout), of the optimizer, and the best weights.
    """

    epoch: int = 0
    phase: int = 0
    best: float | None = None
    best_epoch: int = 0
    waited: int = 0
    stopped: bool = False
    history: dict[str, list[float]] = field(default_factory=dict)
    network: Arrays = field(default_factory=list)
    optimizer: Arrays = field(default_factory=list)
    weights: Arrays = field(default_factory=list)


_ARRAYS = ("network", "optimizer", "weights")


def save(folder: Path, state: State) -> None:
    """Write a checkpoint, and take away those that are no longer needed. Raises OSError as the system does."""
    said = {name: value for name, value in asdict(state).items() if name not in _ARRAYS}
    said |= {name: len(getattr(state, name)) for name in _ARRAYS} | {"made_with": _MADE_WITH}
    arrays = {f"{name}/{number}": each for name in _ARRAYS for number, each in enumerate(getattr(state, name))}
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, state=np.frombuffer(json.dumps(said).encode(), np.uint8), **arrays)
    whole.write_bytes(folder / _NAME.format(state.epoch), out.getvalue())
    for path in sorted(folder.glob("epoch-*.npz"))[:-_KEPT]:
        path.unlink(missing_ok=True)
    for path in folder.glob(".epoch-*.npz.tmp-*"):  # a process that was killed while it wrote
        path.unlink(missing_ok=True)


def newest(folder: Path, network: Model) -> tuple[State | None, list[str]]:
    """Return the newest checkpoint that is whole, of these versions of Keras and TensorFlow, and fits the network; None
    where there is none. Newer ones, which are not, are removed, and a sentence says so of each.
    """
    notes: list[str] = []
    for path in sorted(folder.glob("epoch-*.npz"), reverse=True):
        state = _read(path)
        if isinstance(state, State):
            if [each.shape for each in state.network] == [tuple(each.shape) for each in network.variables]:
                return state, notes
            state = "it is of another network"
        path.unlink(missing_ok=True)  # else it would count as newer than those that are written now
        notes.append(f"the checkpoint {path.name} was removed: {state}")
    return None, notes


def forget(folder: Path) -> None:
    """Take all checkpoints away."""
    for path in folder.glob("epoch-*.npz"):
        path.unlink(missing_ok=True)


def _read(path: Path) -> State | str:
    """Return a checkpoint, or why it is none."""
    try:
        # Each member is held against its checksum as it is read.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            said = json.loads(found["state"].tobytes())
            versions = said.pop("made_with", {})
            if versions != _MADE_WITH:
                return "it was made with " + (
                    ", ".join(f"{name} {versions[name]}" for name in versions) or "no version"
                )
            arrays = {name: [found[f"{name}/{number}"] for number in range(said[name])] for name in _ARRAYS}
            return State(**(said | arrays))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as broken:
        return f"it is damaged ({broken})"


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes a checkpoint after each epoch, remembers the best weights, and stops where nothing has got better.

    Keras' own callbacks begin anew with each call of `fit`; this one goes on from `state`.
    """

    def __init__(self, folder: Path, network: Model, state: State, *, phase: int, patience: float) -> None:
        """Go on from a state, which is kept up to date."""
        super().__init__()
        self._folder, self._network, self.state, self._phase, self._patience = folder, network, state, phase, patience

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Take the epoch in; one whose loss is no number stops the training and is no checkpoint."""
        state = self.state
        said = {name: float(value) for name, value in (logs or {}).items()}
        for name, number in said.items():
            state.history.setdefault(name, []).append(number)
        if not math.isfinite(said["loss"]):
            self.model.stop_training = True
            return
        state.epoch, state.phase = epoch + 1, self._phase
        value = said.get("val_loss")
        if value is not None:
            if math.isfinite(value) and (state.best is None or value < state.best):
                state.best, state.best_epoch, state.waited = value, epoch + 1, 0
                state.weights = [each.copy() for each in self._network.get_weights()]
            else:
                state.waited += 1
                state.stopped = self.model.stop_training = state.waited >= self._patience
        state.network = taken(self._network.variables)
        state.optimizer = taken(self.model.optimizer.variables)
        try:
            save(self._folder, state)
        except OSError as broken:
            left = sorted(path.name for path in self._folder.glob("epoch-*.npz"))
            raise TrainError(
                "the state after an epoch could not be written",
                where=str(self._folder),
                found=str(broken),
                done=f"what stands is {left[-1]}" if left else "no epoch was kept",
                hint="make room, then the same curate train" + (", which goes on from there" if left else ""),
            ) from broken


def taken(variables: Any) -> Arrays:
    """Return the values of variables."""
    return [np.array(keras.ops.convert_to_numpy(each)) for each in variables]


def given(variables: Any, arrays: Arrays) -> None:
    """Put values back into variables, in order. Raises ValueError, before any is changed, where they are not as many,
    or of other shapes.
    """
    wanted, found = [tuple(each.shape) for each in variables], [each.shape for each in arrays]
    if wanted != found:
        raise ValueError(f"{len(found)} arrays for {len(wanted)} variables, or of other shapes")
    for variable, value in zip(variables, arrays, strict=True):
        variable.assign(value)
