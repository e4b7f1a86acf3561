"""What a training stands on, looked at before it begins: the pictures of each label, and the teachers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import TrainError
from curate.ml import runs
from curate.ml.runs import Options
from curate.ml.targets import Target

FEW = 5  # pictures for training: of a label that has fewer, not much can be learnt
_NAMED = 8  # labels that a person still reads in one line


def check_classes(shards: Path, labels: Sequence[int], aim: Target) -> None:
    """Raise TrainError where the labels for training are of one class, or there are none."""
    counts = Counter(labels)
    if len({aim.category_of(label) for label in counts} if aim.name == "both" else counts) < 2:
        raise TrainError(
            "the pictures for training are of one class: there is nothing to tell apart",
            where=str(shards),
            expected="at least two classes in the split train",
            found=", ".join(f"{count} x {aim.name_of(label)}" for label, count in counts.items())
            or "no labelled picture",
            hint="add a source (curate fetch), then curate build; curate sql 'from class_balance' shows what is there",
        )


def few(labels: Sequence[int], aim: Target) -> list[str]:
    """Say which outputs have few pictures for training, and which none."""
    counts = Counter(labels)
    none = [name for label, name in enumerate(aim.names) if not counts[label]]
    few = [f"{name} ({counts[label]})" for label, name in enumerate(aim.names) if 0 < counts[label] < FEW]
    notes = []
    if none:
        notes.append(f"without a picture for training, so never to be answered well: {_listed(none)}")
    if few:
        notes.append(f"with fewer than {FEW} pictures for training, so hardly learnt: {_listed(few)}")
    return notes


def _listed(words: Sequence[str]) -> str:
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True)
class Teacher:
    """A run to distil from: its folder, the sha256 (hex) of its model, and the keys of all shards that it was trained
    on, or a teacher of its, and so on.
    """

    path: Path
    model: str
    shards: tuple[str, ...]

    def said(self) -> dict[str, Any]:
        """Return what the `recipe.json` of its student says of it."""
        return {"run": self.path.name, "model": self.model, "shards": list(self.shards)}


def known(path: Path, aim: Target) -> Teacher:
    """Return a run as a teacher. Raises TrainError where it is of another version, damaged, or knows other labels."""
    path = path.resolve()
    about = runs.read(path)
    if about["target"] != aim.name or tuple(runs.labels(path)) != aim.names:
        raise TrainError(
            "a teacher must know the same labels as its student",
            where=str(path),
            expected=f"target {aim.name}, {len(aim.names)} labels",
            found=f"target {about['target']}, {len(runs.labels(path))} labels",
            hint=f"curate train --target {aim.name} for the teacher first",
        )
    inherited = {key for teacher in about.get("teachers", ()) for key in teacher["shards"]}
    return Teacher(path, runs.sha256(path / "model.keras"), tuple(sorted({about["shards"], *inherited})))


def leaks(teachers: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Say which teachers learnt, themselves or by their own teachers, from other shards than those that the student is
    tested on; `teachers` as its `recipe.json` says them.
    """
    return [
        f"the teacher {teacher['run']} learnt, itself or by its own teachers, from other shards "
        f"({', '.join(other)}, here {key}): what is for test here may have been for training there, and reach the "
        "student by its word; to be sure, train the teacher on these"
        for teacher in teachers
        if (other := [each for each in teacher["shards"] if each != key])
    ]


def head_alone(options: Options) -> list[str]:
    """Say what is strange about epochs of the head alone, in options that are settled."""
    if not options.head_epochs:
        return []
    notes = []
    if options.weights is None:
        notes.append(
            f"the head alone learns for {options.head_epochs} epochs, on a body of random weights that knows nothing"
        )
    if options.head_epochs >= options.epochs:
        notes.append(f"the head alone learns in all {options.epochs} epochs: the body stays as it began")
    return notes
