"""A trained model to `.tflite`: runs in a process of its own, because the converter keeps memory for good.

https://github.com/tensorflow/tensorflow/issues/122598
"""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml.tflite import Interpreted, hushed

MODES = ("float", "float16", "dynamic", "int8")
REPRESENTATIVE = 100  # pictures whose activations set the ranges of int8
_CHECKED = 24  # of them, whose answers are compared with Keras before a file gets its final name
# Bytes for each parameter below which a file cannot hold the weights, and how far its probabilities may stray on
# average: a converter that loses the weights fails both by far (a 167 kB file that answers anything at all).
_LEAST_BYTES = {"float": 3.6, "float16": 1.8, "dynamic": 0.9, "int8": 0.9}
_MOST_ERROR = {"float": 0.001, "float16": 0.02, "dynamic": 0.15, "int8": 0.25}


@dataclass(frozen=True, slots=True)
class Job:
    """What the child process gets: paths and words alone."""

    run: Path
    shards: Path
    out: Path
    modes: tuple[str, ...]
    target: str
    side: int


def convert(job: Job) -> dict[str, Path]:
    """Write `model_<mode>.tflite` into `job.out` for each mode; return the paths.

    Raises TrainError where a mode cannot be converted, where a file lacks its weights or answers otherwise than the
    Keras model, or where the process was ended from outside (memory).
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        try:
            return pool.submit(_convert, job).result()
        except BrokenProcessPool as ended:
            raise TrainError(
                "the converter was ended from outside",
                where=str(job.run),
                expected="about 2 GB of memory for it",
                hint="free some memory, then the same again",
            ) from ended


def _convert(job: Job) -> dict[str, Path]:
    from curate.ml import models
    from curate.ml.backend import keras

    model = models.load(job.run)
    pictures = _representative(job)
    truth = np.asarray(model(np.stack(pictures[:_CHECKED]).astype(np.float32), training=False))
    made = {}
    with tempfile.TemporaryDirectory() as scratch:
        saved = Path(scratch) / "saved"
        # A saved model with a fixed batch of one: from_concrete_functions on a Keras 3 model loses the weights.
        signature = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32", name="pixels")]
        model.export(str(saved), input_signature=signature, verbose=False)
        for mode in job.modes:
            data = _tflite(saved, mode, pictures)
            _check(mode, data, model.count_params(), pictures[:_CHECKED], truth)
            path = job.out / f"model_{mode}.tflite"
            path.write_bytes(data)
            made[mode] = path
    return made


def _tflite(saved: Path, mode: str, pictures: Sequence[npt.NDArray[np.uint8]]) -> bytes:
    from curate.ml.backend import tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    if mode != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode == "int8":

        def representative() -> Iterator[list[npt.NDArray[np.float32]]]:
            for picture in pictures:
                yield [picture[None].astype(np.float32)]

        converter.representative_dataset = representative
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        # uint8 pixels go in, float probabilities come out: the one integer form that browsers take as well.
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
    try:
        with hushed():
            data: bytes = converter.convert()
    except Exception as refused:
        # The class of what the converter raises lies in a private module, so it cannot be named.
        raise TrainError(
            f"the model cannot be converted to {mode}",
            found=str(refused).strip().splitlines()[0],
            done="no file was written for it",
            hint="leave this mode out: curate quantize RUN --mode float16",
        ) from refused
    return data


def _check(
    mode: str,
    data: bytes,
    parameters: int,
    pictures: Sequence[npt.NDArray[np.uint8]],
    truth: npt.NDArray[np.float32],
) -> None:
    least = int(_LEAST_BYTES[mode] * parameters)
    answers = np.concatenate([Interpreted(data, threads=1).answer(np.stack(pictures))])
    error = float(np.abs(answers - truth).mean())
    if len(data) < least or not error <= _MOST_ERROR[mode]:
        raise TrainError(
            f"the converted model ({mode}) is not the model",
            expected=f"at least {least:,} bytes, and probabilities within {_MOST_ERROR[mode]} of Keras' on average",
            found=f"{len(data):,} bytes, {error:.3g}",
            done="no file was written for it",
            hint="report the model and the versions of tensorflow and keras",
        )


def _representative(job: Job) -> list[npt.NDArray[np.uint8]]:
    """Return pictures of the split train, as evenly over the classes as there are, chosen by hash order."""
    from curate.ml import dataset

    chosen: Iterator[dict[str, Any]] = dataset.stratified(
        job.shards, "train", target=job.target, pictures=REPRESENTATIVE
    )
    return [np.asarray(dataset.decode(each["image"], job.side)) for each in chosen]
