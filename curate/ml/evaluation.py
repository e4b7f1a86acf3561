"""How good answers are: pure figures from truth and probabilities, and a model's answers for a whole split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.ml.probabilities import checked
from curate.vocabulary import ARTEFACTS

SMALLEST_GROUP = 10  # pictures: a share of fewer says more about chance than about the model
GROUPS = ("source", "tone_reported", "tone_ita_class", "modality", *ARTEFACTS)
"""What answers are grouped by: features of the shards; an artefact is `there`, `not there` or `unknown`."""

Answer = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""Pixels uint8 [b, side, side, 3] to probabilities [b, classes]."""


@dataclass
class Answers:
    """A model's answers for a split: `truth` int [n], `probabilities` float [n, classes], `groups` text [n] by name.

    `families` text [n] are what a split must not tear; `categories` int [n] the truth of the category, whatever was
    asked for. Where the target is "both", `truth` is that of the subtype, -1 where it is unknown.
    """

    truth: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    ids: list[str] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    families: list[str] = field(default_factory=list)
    categories: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def of(self, truth: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]) -> Answers:
        """Return the same pictures with another truth and its probabilities, less those whose truth is unknown."""
        kept = np.flatnonzero(truth >= 0)

        def part(words: list[str]) -> list[str]:
            return [words[place] for place in kept]

        groups = {name: part(words) for name, words in self.groups.items()}
        categories = self.categories[kept] if len(self.categories) else self.categories
        families = part(self.families) if self.families else []
        return Answers(truth[kept], probabilities[kept], part(self.ids), groups, families, categories)


def answers(
    answer: Answer, shards: Path, split: str, *, target: str, side: int, advance: Callable[[int], object] | None = None
) -> Answers:
    """Let a model answer every picture of a split whose label is known, in the order of the shards.

    `target` is "category", "subtype" or "both", with which every picture is answered.
    """
    truth: list[int] = []
    given: list[npt.NDArray[np.float32]] = []
    found = Answers(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), groups={name: [] for name in GROUPS})
    categories: list[int] = []
    # Every picture has a category.
    for batch in _batches(shards, split, "category" if target == "both" else target, side):
        given.append(np.asarray(answer(batch["pixels"]), dtype=np.float32))
        truth += [int(label) for label in batch["subtype_index" if target == "both" else "label"]]
        categories += [int(label) for label in batch["category_index"]]
        found.ids += [value.decode() for value in batch["id"]]
        found.families += [value.decode() for value in batch["family"]]
        for name, members in found.groups.items():
            members += [_word(name, value) for value in batch[name]]
        if advance is not None:
            advance(len(batch["label"]))
    found.truth, found.categories = np.asarray(truth, dtype=np.int64), np.asarray(categories, dtype=np.int64)
    found.probabilities = np.concatenate(given) if given else found.probabilities
    return found


def scores(found: Answers, names: Sequence[str]) -> dict[str, Any]:
    """Return accuracy, balanced accuracy, confusion and recall per class; `curate.ml.assessment` has intervals, groups.

    `balanced_accuracy` is the mean recall of all classes that occur, however few their pictures. `majority` is the
    accuracy of whoever always answers the most frequent class. `confusion[t][a]` counts pictures of class t that were
    answered a. Classes of fewer than `SMALLEST_GROUP` pictures are counted, not scored. Without pictures only the
    counts are there.
    Raises ValueError where a truth is unknown (-1): `Answers.of` leaves such pictures out.
    """
    pictures = len(found.truth)
    if not pictures:
        return {"pictures": 0}
    if (found.truth < 0).any():
        raise ValueError("a picture whose label is unknown cannot be scored")
    guessed = found.probabilities.argmax(axis=1)
    right = guessed == found.truth
    confusion = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(confusion, (found.truth, guessed), 1)
    counts = confusion.sum(axis=1)
    recalls = {label: float(confusion[label, label] / counts[label]) for label in map(int, np.flatnonzero(counts))}
    chance = np.clip(found.probabilities[np.arange(pictures), found.truth], 1e-7, 1.0)
    return {
        "pictures": pictures,
        "accuracy": float(right.mean()),
        "balanced_accuracy": float(np.mean(list(recalls.values()))),
        "majority": float(counts.max() / pictures),
        "loss": float(-np.log(chance).mean()),
        "per_class": {names[label]: _share(int(counts[label]), recall) for label, recall in recalls.items()},
        "labels": list(names),
        "confusion": confusion.tolist(),
    }


def keras_answer(model: Any, where: str = "the model as it was trained") -> Answer:
    """Return a Keras model as a function from pixels to probabilities; TrainError is raised where one is no number."""
    from curate.ml.backend import tf

    graph = tf.function(lambda pixels: model(pixels, training=False), reduce_retracing=True)

    def answer(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return checked(np.asarray(graph(tf.constant(pixels, tf.float32)), dtype=np.float32), where)

    return answer


def _batches(shards: Path, split: str, target: str, side: int, size: int = 32) -> Iterator[Mapping[str, Any]]:
    from curate.ml import dataset

    with dataset.reading(shards):
        yield from dataset.read(shards, split, target=target, side=side).batch(size).as_numpy_iterator()


def _word(name: str, value: Any) -> str:
    if name in ARTEFACTS:
        return "unknown" if np.isnan(value) else "there" if value >= np.float32(ARTEFACTS[name]) else "not there"
    if isinstance(value, bytes):
        return value.decode() or "unknown"
    return str(value) if value >= 0 else "unknown"


def _share(pictures: int, recall: float) -> dict[str, Any]:
    if pictures < SMALLEST_GROUP:
        return {"pictures": pictures, "too_small": True}
    return {"pictures": pictures, "recall": recall}
