"""A trained model to `.tflite`: runs in a process of its own, because the converter keeps memory for good.

https://github.com/tensorflow/tensorflow/issues/122598
"""

from __future__ import annotations

import multiprocessing
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml.tflite import Interpreted, hushed

if TYPE_CHECKING:
    from curate.ml.backend import Model

MODES = ("float", "float16", "dynamic", "int8", "qat", "int16x8")
FORMS = {
    "float": "the model as it was trained, in 32-bit floats: what the others are held against",
    "float16": "weights in 16 bits, computed with in floats",
    "dynamic": "weights in 8 bits; numbers are rounded to 8 bits on the way, by the range they have",
    "int8": "8 bits throughout, ranges from pictures of the split train; batch norm folded, hard-swish as ADD and MUL",
    "qat": "int8 after a little more training in which the rounding is felt (quantization-aware training)",
    "int16x8": "weights in 8 bits, what flows between them in 16: close to float, for processors without floats",
}
"""What each form is, for a reader of the table."""
INTEGER = ("int8", "qat")  # uint8 pixels in, integers inside
REPRESENTATIVE = 100  # pictures whose activations set the ranges of int8
_CHECKED = 24  # of them, whose answers are compared with Keras before a file gets its final name
# Bytes for each parameter below which a file cannot hold the weights, and how far its probabilities may stray on
# average: a converter that loses the weights fails both by far (a 167 kB file that answers anything at all).
_LEAST_BYTES = {"float": 3.6, "float16": 1.8, "dynamic": 0.9, "int8": 0.9, "qat": 0.9, "int16x8": 0.9}
_MOST_ERROR = {"float": 0.001, "float16": 0.02, "dynamic": 0.15, "int8": 0.1, "qat": 0.1, "int16x8": 0.05}
# For so many pictures a file gives the model's own answer, or one that the model holds for about as likely.
_AS_LIKELY, _SAME_ANSWERS = 0.05, 0.75


@dataclass(frozen=True, slots=True)
class Job:
    """What the child process gets: paths and words alone."""

    run: Path
    shards: Path
    out: Path
    modes: tuple[str, ...]
    target: str
    side: int
    batch: int
    seed: int
    epochs: int
    """Passes of quantization-aware training."""


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

    model = models.load(job.run)
    parameters = model.count_params()
    pictures = np.stack(_representative(job))
    checked = pictures[:_CHECKED]
    made = {}
    with tempfile.TemporaryDirectory() as scratch:
        plain = _saved(model, Path(scratch) / "plain")
        for mode in job.modes:
            asked = _asked(mode, model, pictures, job)
            saved = plain if asked is model else _saved(asked, Path(scratch) / mode)
            data = _tflite(saved, mode, pictures)
            _check(mode, data, parameters, checked, np.asarray(asked(checked.astype(np.float32), training=False)))
            path = job.out / f"model_{mode}.tflite"
            path.write_bytes(data)
            made[mode] = path
    return made


def _asked(mode: str, model: Model, pictures: npt.NDArray[np.uint8], job: Job) -> Model:
    """Return the model as a form will compute: for int8 and qat with the ranges of all its tensors."""
    if mode not in (*INTEGER, "int16x8"):
        return model
    from curate.ml.fake_quantization import aware
    from curate.ml.finetuning import fine_tuned
    from curate.ml.folding import folded

    if mode == "int16x8":
        return folded(model)  # hard-swish has no form of 16 bits, but the operations that it is folded into have
    learner = aware(folded(model), pictures)
    if mode == "qat":
        fine_tuned(
            learner,
            job.shards,
            target=job.target,
            side=job.side,
            batch=job.batch,
            seed=job.seed,
            epochs=job.epochs,
        )
    return learner


def _saved(model: Model, folder: Path) -> Path:
    """Write a saved model with a fixed batch of one: from_concrete_functions on a Keras 3 model loses the weights."""
    from curate.ml.backend import keras

    signature = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32", name="pixels")]
    model.export(str(folder), input_signature=signature, verbose=False)
    return folder


def _tflite(saved: Path, mode: str, pictures: Sequence[npt.NDArray[np.uint8]] | npt.NDArray[np.uint8] = ()) -> bytes:
    """Return the file; `pictures` (uint8 [n, side, side, 3]) set the ranges of int16x8, the others need none."""
    from curate.ml.backend import tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    if mode != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if mode in INTEGER:
        # uint8 pixels go in, float probabilities come out: the one integer form that browsers take as well. The ranges
        # stand in the model, so the converter looks at no picture.
        converter.inference_input_type = tf.uint8
        converter.inference_output_type = tf.float32
    if mode == "int16x8":
        # These operations alone: with others allowed too, what has no form of 16 bits would stay float without a word.
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
        converter.representative_dataset = lambda: ([picture[None].astype(np.float32)] for picture in pictures)
    try:
        with hushed():
            data: bytes = converter.convert()
    except Exception as refused:
        # The class of what the converter raises lies in a private module, so it cannot be named.
        lacking = ", ".join(sorted(set(re.findall(r"not yet supported for op: '(\w+)'", str(refused)))))
        raise TrainError(
            f"the model cannot be converted to {mode}",
            expected=f"operations that have a form {mode}" if lacking else None,
            found=f"{lacking}, which has none" if lacking else str(refused).strip().splitlines()[0],
            done="no form was kept of this call",
            hint=f"leave {mode} out: curate quantize RUN --mode float16",
        ) from refused
    return data


def _check(
    mode: str,
    data: bytes,
    parameters: int,
    pictures: npt.NDArray[np.uint8],
    truth: npt.NDArray[np.float32],
) -> None:
    """Raise TrainError where a file is too small for its weights, or answers otherwise than the Keras model it is of.

    For the integer forms that is the one with fake quantization: how far this is from float, the table tells.
    """
    least = int(_LEAST_BYTES[mode] * parameters)
    answers = Interpreted(data, threads=1).answer(pictures)
    error = float(np.abs(answers - truth).mean())
    chosen = np.take_along_axis(truth, answers.argmax(axis=1)[:, None], axis=1)[:, 0]
    same = float((chosen >= truth.max(axis=1) - _AS_LIKELY).mean())
    if len(data) < least or not error <= _MOST_ERROR[mode] or same < _SAME_ANSWERS:
        raise TrainError(
            f"the converted model ({mode}) is not the model",
            expected=f"at least {least:,} bytes, probabilities within {_MOST_ERROR[mode]} of Keras' on average, and "
            f"its answer for {_SAME_ANSWERS:.0%} of {len(pictures)} pictures",
            found=f"{len(data):,} bytes, {error:.3g}, {same:.0%}",
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
