"""A network that is traced in a moment and has all that a training's state consists of: batch norm, dropout, Adam; and
trainings with it that are killed.

    python tests/small_network.py SHARDS FOLDER MOMENT...

trains the same once for each moment, and kills that training there (SIGKILL); "never" lets it end. Prints for each, as
JSON: the signal that ended it, or the run and its notes; then the names of all that then lies below FOLDER.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.ml import registry, runs, training
from curate.ml.backend import keras
from curate.report import Advance

OPTIONS = runs.Options("dot", "both", 32, 5, 8, 5e-3, 0.9, 1, head_epochs=2, patience=3, balance="sampling")


def dot(pixels: Any, classes: int, *weights: Any) -> Any:
    """Return the logits of a network of one convolution."""
    x = keras.layers.Conv2D(4, 3, 4, name="body")(keras.layers.Rescaling(1 / 255)(pixels))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dropout(0.3)(keras.layers.GlobalAveragePooling2D(name="pool")(x))
    return keras.layers.Dense(classes, name="logits")(x)


def boundless(pixels: Any, classes: int, *weights: Any) -> Any:
    """Return logits that are beyond all numbers."""
    x = keras.layers.Rescaling(1e30)(keras.layers.Rescaling(1e30)(pixels))
    return keras.layers.Dense(classes, name="logits")(keras.layers.GlobalAveragePooling2D(name="pool")(x))


def _register(name: str, logits: Any) -> None:
    module = types.ModuleType(f"curate.ml.{name}")
    module.logits = logits  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    registry.NETWORKS[name] = registry.Network(name, 32, name, "phone", "nobody", "CC0-1.0", ".h5", "drawn for a test")


_register("dot", dot)
_register("boundless", boundless)


def train(shards: Path, folder: Path, moment: str) -> tuple[Path, list[str]]:
    """Train, and kill this process at that moment: "step N" of this process, "write" of the third checkpoint, "run" of
    the run folder.
    """
    steps = []

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def progress(title: str, total: int | None, unit: str) -> Iterator[Advance]:
        def moved(amount: int) -> None:
            steps.append(amount)
            if moment == f"step {len(steps)}":
                die()

        yield Advance(moved)

    write = Path.write_bytes

    def halfway(path: Path, data: bytes) -> int:
        if ".epoch-00003" in path.name:
            write(path, data[: len(data) // 2])
            die()
        return write(path, data)

    if moment == "write":
        Path.write_bytes = halfway  # type: ignore[assignment]
    if moment == "run":
        runs.seal = die
    return training.train(shards, folder, OPTIONS, progress=progress)


def main(shards: Path, folder: Path, moments: list[str]) -> None:
    """Train and be killed, over and over."""
    for moment in moments:
        heard, said = os.pipe()
        child = os.fork()  # nothing of TensorFlow has run yet: it is only loaded, which takes longest
        if not child:
            run, notes = train(shards, folder, moment)
            os.write(said, json.dumps([run.name, *notes]).encode())
            os._exit(0)
        os.close(said)
        ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told = os.read(heard, 65536)
        os.close(heard)
        here = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
        sys.stdout.write(json.dumps([json.loads(told) if told else ended, here]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
