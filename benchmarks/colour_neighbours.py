"""What a network has to beat: the most frequent class, and a k-nearest-neighbour vote on colour histograms.

    python benchmarks/colour_neighbours.py ROOT --side 96

Takes the shards that were made last below the root. Each picture becomes a histogram of hue, saturation and value, of
the square that a network of that side would see; two are as far apart as the Hellinger distance says. Bins, number of
neighbours, and whether a vote weighs less the more frequent its class is in train, are chosen by the balanced accuracy
on validation; then the split test is answered once. Prints the choice, and for both baselines accuracy and balanced
accuracy with the 95 % intervals of `curate evaluate` (families drawn again).
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from curate.ml import dataset, shards
from curate.ml.assessment import assess
from curate.ml.evaluation import Answers, scores
from curate.text_table import text_table

Floats = npt.NDArray[np.float32]
BINS = (4, 6, 8)
NEIGHBOURS = (1, 5, 15, 31, 63, 127)


def histogram(pixels: npt.NDArray[np.uint8], bins: int) -> Floats:
    """Return the square roots of the shares of hue, saturation and value in bins³ boxes: float32 [bins³]."""
    colours = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)
    counts = cv2.calcHist([colours], [0, 1, 2], None, [bins] * 3, [0, 180, 0, 256, 0, 256]).ravel()
    return np.sqrt(counts / counts.sum()).astype(np.float32)


def votes(asked: Floats, known: Floats, truth: npt.NDArray[np.int64], count: int, weights: Floats) -> Floats:
    """Return the share of each class among the nearest: float32 [n, classes]."""
    # The nearest in Hellinger distance are those of the largest product.
    nearest = np.argsort(-(asked @ known.T), axis=1, kind="stable")[:, :count]
    found = np.zeros((len(asked), len(weights)), np.float32)
    rows = np.repeat(np.arange(len(asked)), nearest.shape[1])
    np.add.at(found, (rows, truth[nearest].ravel()), weights[truth[nearest]].ravel())
    return found / found.sum(axis=1, keepdims=True)


def main() -> None:
    """Choose on validation, answer test, print."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("root", type=Path)
    words.add_argument("--side", type=int, default=96)
    words.add_argument("--target", choices=("category", "subtype"), default="category")
    given = words.parse_args()
    made = shards.latest(given.root / "data_cache" / "shards")
    names = dataset.names_of(made, given.target)
    known: dict[str, dict[str, Any]] = {}
    for split in ("train", "validation", "test"):
        rows = list(dataset.read(made, split, target=given.target, side=given.side).as_numpy_iterator())
        known[split] = {
            "truth": np.array([row["label"] for row in rows], np.int64),
            "families": [row["family"].decode() for row in rows],
            "histograms": {bins: np.array([histogram(row["pixels"], bins) for row in rows]) for bins in BINS},
        }
    truth = known["train"]["truth"]
    counts = np.bincount(truth, minlength=len(names))
    weights = {
        "plain": np.ones(len(names), np.float32),
        "weighted": (len(truth) / np.maximum(counts, 1)).astype(np.float32),
    }

    def answered(split: str, bins: int, count: int, kind: str) -> Answers:
        train, asked = known["train"]["histograms"][bins], known[split]["histograms"][bins]
        given_votes = votes(asked, train, truth, count, weights[kind])
        return Answers(known[split]["truth"], given_votes, families=known[split]["families"])

    tried = [
        (scores(answered("validation", *choice), names)["balanced_accuracy"], choice)
        for choice in itertools.product(BINS, NEIGHBOURS, weights)
    ]
    best, (bins, count, kind) = max(tried, key=lambda entry: entry[0])
    print(f"chosen of {len(tried)} on validation: {bins}³ bins, {count} neighbours, {kind} votes (balanced {best:.3f})")
    most = np.zeros((len(known["test"]["truth"]), len(names)), np.float32)
    most[:, counts.argmax()] = 1
    table = []
    for name, found in (
        (f"always {names[counts.argmax()]}", Answers(known["test"]["truth"], most, families=known["test"]["families"])),
        ("colour neighbours", answered("test", bins, count, kind)),
    ):
        figures = assess(found, names)
        row: dict[str, Any] = {"test": name, "pictures": figures["pictures"], "families": figures["families"]}
        for figure in ("accuracy", "balanced_accuracy"):
            of = figures[figure]
            row[figure] = f"{of['value']:.3f}"
            row[f"{figure} of 95 %"] = "" if of["low"] is None else f"{of['low']:.3f} to {of['high']:.3f}"
        table.append(row)
    print(text_table(table))


if __name__ == "__main__":
    main()
