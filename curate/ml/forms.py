"""A run's model in one of its forms, as what answers pictures: the Keras model itself or a `.tflite` made of it."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError, UsageError
from curate.ml import runs
from curate.ml.conversion import MODES
from curate.ml.evaluation import Answer, keras_answer


@dataclass(frozen=True, slots=True)
class Categories:
    """Of which category each output of a model is: its index in `names`, -1 for none."""

    names: tuple[str, ...]
    of_label: tuple[int, ...]

    def sums(self, probabilities: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return [n, categories] of [n, outputs]: the probability of a category is the sum of its subtypes'."""
        table = np.zeros((len(self.of_label), len(self.names)), np.float32)
        for label, category in enumerate(self.of_label):
            if category >= 0:
                table[label, category] = 1
        summed: npt.NDArray[np.float32] = probabilities @ table
        return summed


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a model: how it answers, the side of its pictures in pixels, its labels by output, and its target.

    `stored` are the knobs of the shards by which pictures were made: what `predict` makes of a picture first.
    `categories` are there where the outputs are subtypes and the run says of which category each is.
    """

    answer: Answer
    side: int
    labels: tuple[str, ...]
    target: str
    stored: Mapping[str, Any] = field(default_factory=dict)
    categories: Categories | None = None


def load(run: Path, form: str = "keras") -> Form:
    """Return a run's model: `form` is "keras", or what `quantize` left ("float", "float16", "dynamic", "int8" ...).

    In place of a run there may be a `.tflite` that carries its card, wherever it lies; `form` then counts for nothing.
    Raises TrainError where the run is none, damaged or of another version, or the file carries no card, UsageError
    where the run has no such form.
    """
    if run.is_file():
        return _alone(run)
    about = runs.read(run)
    labels = tuple(runs.labels(run))
    categories = _categories(run / "recipe.json", about, labels)
    answer, side = _answer(run, form)
    return Form(answer, side, labels, str(about["target"]), about.get("pictures", {}), categories)


def names_of(run: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the labels of a run, or of a `.tflite`, and of their categories: none where it does not say.

    Raises TrainError as `load` does.
    """
    if run.is_file():
        _, labels, found = _card(run)
    else:
        labels = tuple(runs.labels(run))
        found = _categories(run / "recipe.json", runs.read(run), labels)
    return labels, found.names if found is not None else ()


def categories(run: Path, about: Mapping[str, Any]) -> Categories | None:
    """Return of which category each output of a run is, where its `recipe.json` (`about`) says so.

    Raises TrainError where that is damaged.
    """
    return _categories(run / "recipe.json", about, tuple(runs.labels(run)))


def names(run: Path) -> list[str]:
    """Return the forms in which a run's model is there."""
    return ["keras", *sorted(path.stem.removeprefix("model_") for path in run.glob("model_*.tflite"))]


def _answer(run: Path, form: str) -> tuple[Answer, int]:
    if form == "keras":
        from curate.ml import models

        path = runs.check(run / "model.keras")
        model = models.load(run)
        return keras_answer(model, str(path)), int(model.input_shape[1])
    if form not in names(run):
        raise UsageError(
            f"the run has no form {form!r}", where=str(run), expected=", ".join(names(run)), hint=_instead(run, form)
        )
    from curate.ml.tflite import Interpreted

    interpreted = Interpreted(runs.check(run / f"model_{form}.tflite"), threads=2)
    return interpreted.answer, interpreted.side


def _instead(run: Path, form: str) -> str:
    """Return what to type where a form is not there: what makes it, or the form that was nearly named."""
    if form not in MODES:
        near = difflib.get_close_matches(form, {"keras", *MODES, *names(run)}, 1, 0.3)
        form = near[0] if near else "keras"
    if form in names(run):
        return f"--form {form}"
    return f"curate quantize {shlex.quote(run.name)}" + (f" --mode {form}" if form != "float" else "")


def _alone(path: Path) -> Form:
    """Return the model of a `.tflite` by the card that it carries."""
    about, labels, found = _card(path)
    from curate.ml.tflite import Interpreted

    interpreted = Interpreted(path, threads=2)
    return Form(interpreted.answer, interpreted.side, labels, str(about["target"]), about["input"]["stored_as"], found)


def _card(path: Path) -> tuple[dict[str, Any], tuple[str, ...], Categories | None]:
    """Return the card that a `.tflite` carries, its labels and of which category each is. Raises TrainError where it
    says too little.
    """
    from curate.ml.enclosure import enclosed

    about = enclosed(path)
    try:
        stored = about["input"]["stored_as"]
        lacking = {"short_side", "quality"} - set(stored) or {"target", "labels"} - set(about)
        labels = tuple(map(str, about.get("labels", ())))
        found = _categories(path, about, labels)
    except (KeyError, TypeError, TrainError) as broken:
        raise _lacking(path, str(broken).splitlines()[0]) from broken
    if lacking:
        raise _lacking(path, min(lacking))
    return about, labels, found


def _lacking(path: Path, found: str) -> TrainError:
    return TrainError(
        "the card in the model does not say all that an answer needs",
        where=str(path),
        expected="its labels, its target, and how pictures are made ready (input.stored_as)",
        found=f"wrong or not there: {found}",
        hint="curate quantize RUN, which makes it anew",
    )


def _categories(source: Path, about: Mapping[str, Any], labels: tuple[str, ...]) -> Categories | None:
    if "categories" not in about:
        return None
    try:
        found = Categories(
            tuple(map(str, about["categories"]["names"])), tuple(map(int, about["categories"]["of_label"]))
        )
    except (KeyError, TypeError, ValueError) as broken:
        raise runs.damaged(source, f"categories: {broken}") from broken
    if len(found.of_label) != len(labels) or not all(-1 <= each < len(found.names) for each in found.of_label):
        raise runs.damaged(source, f"categories of {len(found.of_label)} outputs, not {len(labels)}")
    return found
