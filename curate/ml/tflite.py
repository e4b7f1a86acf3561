"""One `.tflite` file that answers pictures; needs ai-edge-litert, not TensorFlow."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml.probabilities import checked


class Interpreted:
    """A loaded `.tflite`. `side` is that of its pictures in pixels, `dtype` what its pixels are inside ("uint8" or
    "float32"); all take uint8 pixels here.

    Raises TrainError where ai-edge-litert is not installed or the file is no model that it can run.
    """

    def __init__(self, model: Path | bytes, *, threads: int = 1) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as missing:
            raise TrainError(
                "ai-edge-litert is not installed",
                found=str(missing),
                hint="pip install '.[train]' in the folder of curate",
            ) from missing
        self._where = "" if isinstance(model, bytes) else str(model)
        data = model if isinstance(model, bytes) else model.read_bytes()
        try:
            with hushed():
                self._interpreter: Any = Interpreter(model_content=data, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as broken:
            raise TrainError(
                "the model cannot be loaded",
                where=self._where,
                found=str(broken).strip().splitlines()[0],
                hint="curate quantize RUN makes it again",
            ) from broken
        inner, outer = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()[0]
        self._input, self._dtype, self._output = inner["index"], inner["dtype"], outer["index"]
        self.side = int(inner["shape"][1])
        self.dtype = np.dtype(self._dtype).name

    def answer(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return probabilities [b, classes] for pixels uint8 [b, side, side, 3], one picture after the other.

        Raises TrainError where one of them is no number.
        """
        rows = []
        for picture in pixels:
            self._interpreter.set_tensor(self._input, picture[None].astype(self._dtype))
            self._interpreter.invoke()
            rows.append(self._interpreter.get_tensor(self._output)[0].copy())
        return checked(np.asarray(rows, dtype=np.float32), self._where)

    def milliseconds(self) -> float:
        """Return how long one invocation takes, the input being set already."""
        start = time.perf_counter()
        self._interpreter.invoke()
        return (time.perf_counter() - start) * 1000


@contextmanager
def hushed() -> Iterator[None]:
    """Keep what native code writes to stderr from the reader's screen: the runtime has no switch for its notices.

    What goes wrong is raised, not written, so nothing of weight is lost.
    """
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
