"""An evaluation: one form of a run scored on one split of some shards, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.errors import TrainError, UsageError
from curate.ml import bootstrap, evaluation, forms, runs
from curate.ml.assessment import FEWEST_FAMILIES, assess
from curate.ml.card import INTENDED, NOT_A_DEVICE
from curate.ml.curves import AT
from curate.ml.evaluation import SMALLEST_GROUP, Answers
from curate.ml.operating import operating_point
from curate.ml.shards import read_index
from curate.report import Progress, silent
from curate.vocabulary import ARTEFACTS

FORMAT = 2  # raise it whenever the same answers would be told otherwise
CHOSEN_ON = "validation"
"""The split on which thresholds are chosen, and on which they are therefore never told."""


def evaluate(
    run: Path,
    shards: Path,
    split: str,
    *,
    form: str = "keras",
    sensitivity: float | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score one form of a run on a split; docs/evaluation.md says what each figure means.

    "targets" has what `curate.ml.assessment.assess` returns: for "category", "subtype", or both where the run answers
    both. `sensitivity` (0..1) asks for "threshold" too, see `curate.ml.operating`. Raises UsageError for a form that is
    not there or a threshold that cannot be meant, TrainError for a run that is damaged or knows other labels than the
    shards, CorpusError for shards that are damaged.
    """
    if sensitivity is not None and not 0 < sensitivity <= 1:
        raise UsageError(
            "that is no sensitivity",
            expected="above 0, at most 1",
            found=f"{sensitivity:g}",
            hint="--sensitivity 0.95",
        )
    if sensitivity is not None and split == CHOSEN_ON:
        raise UsageError(
            f"a threshold is chosen on the split {CHOSEN_ON}: what it gives there says nothing of other pictures",
            expected="another split",
            found=split,
            hint="--split test",
        )
    model = forms.load(run, form)
    index = read_index(shards)
    _check_labels(run, model, index)
    categories = tuple(index["labels"]["category_index"])
    parts = _answered(model, shards, split, categories, progress)
    if sensitivity is not None and "category" not in parts:
        raise UsageError(
            "a threshold is for a category, and this run knows subtypes alone",
            where=str(run),
            hint="curate train --target category",
        )
    about = runs.read(run)
    found: dict[str, Any] = {
        "format": FORMAT,
        "run": run.name,
        "model": about.get("model", "unknown"),
        "form": form,
        "target": model.target,
        "split": split,
        "shards": index["key"],
        "trained_on": about["shards"],
        "label_map_version": index.get("label_map_version"),
        "level": bootstrap.LEVEL,
        "draws": bootstrap.DRAWS,
        "seed": bootstrap.SEED,
        "smallest_group": SMALLEST_GROUP,
        "fewest_families": FEWEST_FAMILIES,
        "at": AT,
        "artefacts": ARTEFACTS,
        "targets": {
            target: assess(answers, names, sought=names[-1] if target == "category" else None)
            for target, (answers, names) in parts.items()
        },
        "data": index["credits"],
        "licenses": sorted({credit["license"] for credit in index["credits"]}),
        "intended_use": INTENDED,
        "warning": NOT_A_DEVICE,
    }
    if sensitivity is not None and len(parts["category"][0].truth):
        chosen = _answered(model, shards, CHOSEN_ON, categories, progress)["category"][0]
        told, names = parts["category"]
        found["threshold"] = operating_point(chosen, told, len(names) - 1, names[-1], sensitivity) | {
            "chosen_on": CHOSEN_ON,
            "told_on": split,
        }
    return found


def _answered(
    model: forms.Form, shards: Path, split: str, categories: tuple[str, ...], progress: Progress
) -> dict[str, tuple[Answers, tuple[str, ...]]]:
    """Return the answers to each target that a model has an answer to, with the names of its labels."""
    with progress(f"score {split}", None, "pictures") as advance:
        found = evaluation.answers(model.answer, shards, split, target=model.target, side=model.side, advance=advance)
    parts: dict[str, tuple[Answers, tuple[str, ...]]] = {}
    if model.categories is not None:
        summed = model.categories.sums(found.probabilities) if len(found.truth) else found.probabilities
        parts["category"] = found.of(found.categories, summed), categories
    parts[model.target if model.target == "category" else "subtype"] = (
        found.of(found.truth, found.probabilities),
        model.labels,
    )
    return parts


def _check_labels(run: Path, model: forms.Form, index: Mapping[str, Any]) -> None:
    """Raise TrainError where the shards number their labels otherwise than the run."""
    pairs = [(model.labels, "category_index" if model.target == "category" else "subtype_index")]
    if model.categories is not None:
        pairs.append((model.categories.names, "category_index"))
    for names, feature in pairs:
        if list(names) != list(index["labels"][feature]):
            differ = ", ".join([name for name in names if name not in index["labels"][feature]][:4])
            raise TrainError(
                "the run knows other labels than the shards",
                where=str(run),
                expected=f"{len(index['labels'][feature])} labels: {', '.join(index['labels'][feature][:4])} ...",
                found=f"{len(names)} labels; not in the shards: {differ or 'none, the order is another'}",
                hint="curate train",
            )
