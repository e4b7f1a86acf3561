"""A run's model in one of its forms, as what answers pictures: the Keras model itself or a `.tflite` made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import UsageError
from curate.ml import runs
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

    Raises TrainError where the run is none, damaged or of another version, UsageError where it has no such form.
    """
    about = runs.read(run)
    labels = tuple(runs.labels(run))
    categories = _categories(run, about, labels)
    answer, side = _answer(run, form)
    return Form(answer, side, labels, str(about["target"]), about.get("pictures", {}), categories)


def categories_of(run: Path) -> tuple[str, ...]:
    """Return the names of the categories of which a run's labels are; none where it does not say."""
    found = _categories(run, runs.read(run), tuple(runs.labels(run)))
    return found.names if found is not None else ()


def names(run: Path) -> list[str]:
    """Return the forms in which a run's model is there."""
    return ["keras", *sorted(path.stem.removeprefix("model_") for path in run.glob("model_*.tflite"))]


def _answer(run: Path, form: str) -> tuple[Answer, int]:
    if form == "keras":
        from curate.ml import models

        model = models.load(run)
        return keras_answer(model), int(model.input_shape[1])
    if form not in names(run):
        raise UsageError(
            f"the run has no form {form!r}",
            where=str(run),
            expected=", ".join(names(run)),
            hint=f"curate quantize {run.name}",
        )
    from curate.ml.tflite import Interpreted

    interpreted = Interpreted(run / f"model_{form}.tflite", threads=2)
    return interpreted.answer, interpreted.side


def _categories(run: Path, about: Mapping[str, Any], labels: tuple[str, ...]) -> Categories | None:
    if "categories" not in about:
        return None
    try:
        found = Categories(
            tuple(map(str, about["categories"]["names"])), tuple(map(int, about["categories"]["of_label"]))
        )
    except (KeyError, TypeError, ValueError) as broken:
        raise runs.damaged(run / "recipe.json", f"categories: {broken}") from broken
    if len(found.of_label) != len(labels) or not all(-1 <= each < len(found.names) for each in found.of_label):
        raise runs.damaged(run / "recipe.json", f"categories of {len(found.of_label)} outputs, not {len(labels)}")
    return found
