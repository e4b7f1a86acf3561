"""How well a score ranks: the ROC curve of one class against the rest, the area under it, and two points on it.

Only where the pictures change from one class to the other does anything happen on the curve, so pictures between two
such places are one block: the figures are exact, and weighted anew for thousands of draws in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.ml.bootstrap import Floats, Ints, Weights, by_family

AT = 0.9  # the sensitivity, or specificity, at which the other is told
_EXACT = 1e-9  # of a share of whole counts

NAMES = ("auc", "sensitivity_at_90_specificity", "specificity_at_90_sensitivity")


class Ranking:
    """Pictures by a score: whoever has at least the threshold counts as positive.

    `scores` float [n], `positive` bool [n], `family` int [n] in 0..families-1.
    """

    def __init__(self, scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_], family: Ints, families: int):
        order = np.argsort(scores, kind="stable")
        positive, family, sorted_ = positive[order], family[order], scores[order]
        blocks = _blocks(sorted_, positive)
        count = int(blocks[-1]) + 1 if len(blocks) else 0
        self._positive = by_family(blocks[positive], family[positive], families, count)
        self._negative = by_family(blocks[~positive], family[~positive], families, count)
        self.families: Mapping[Any, int] = {
            "sensitivity_at_90_specificity": len(np.unique(family[positive])),
            "specificity_at_90_sensitivity": len(np.unique(family[~positive])),
        }
        self._whole = families

    def figures(self, weights: Weights) -> dict[str, Floats]:
        """Return the area under the curve, the largest sensitivity at a specificity of at least 0.9, and the reverse.

        The area is the probability that a positive has a higher score than a negative, ties counting half (Hanley &
        McNeil 1982, Radiology 143:29-36). NaN where a draw has no positive or no negative.
        """
        sensitivity, specificity = self._rates(weights)
        with np.errstate(invalid="ignore"):
            area = (np.diff(specificity, axis=0) * (sensitivity[1:] + sensitivity[:-1]) / 2).sum(axis=0)
            undefined = np.isnan(sensitivity[0] + specificity[0])
            at_specificity = np.where(specificity >= AT - _EXACT, sensitivity, -1).max(axis=0)
            at_sensitivity = np.where(sensitivity >= AT - _EXACT, specificity, -1).max(axis=0)
        found = zip(NAMES, (area, at_specificity, at_sensitivity), strict=True)
        return {name: np.where(undefined, np.nan, values) for name, values in found}

    def points(self, most: int = 200) -> list[tuple[float, float]]:
        """Return the curve: (1 - specificity, sensitivity) from (1, 1) to (0, 0), at most about so many points."""
        sensitivity, specificity = (each[:, 0] for each in self._rates(np.ones((self._whole, 1), np.float32)))
        chosen = np.unique(np.linspace(0, len(sensitivity) - 1, min(most, len(sensitivity))).round().astype(int))
        return [(round(float(1 - specificity[at]), 6), round(float(sensitivity[at]), 6)) for at in chosen]

    def _rates(self, weights: Weights) -> tuple[Floats, Floats]:
        """Return sensitivity and specificity with the threshold above 0, 1, 2 ... blocks: [blocks + 1, draws]."""
        missed, right = (_cumulated(each @ weights) for each in (self._positive, self._negative))
        with np.errstate(invalid="ignore", divide="ignore"):
            return 1 - missed / missed[-1], right / right[-1]


def threshold(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_], wanted: float) -> float:
    """Return the largest score that as a threshold finds at least the share `wanted` of the positives (bool [n])."""
    found = np.sort(scores[positive])[::-1]
    needed = max(1, int(np.ceil(wanted * len(found) - _EXACT)))
    return float(found[needed - 1])


def _cumulated(counts: Floats) -> Floats:
    return np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0, dtype=np.float64)])


def _blocks(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> Ints:
    """Return the number of the block of each picture, from 0, ascending; scores are sorted.

    Pictures of one score share a block; so do neighbouring scores that are all of positives, or all of negatives.
    """
    if not len(scores):
        return np.zeros(0, np.int64)
    level = np.concatenate([[0], np.cumsum(scores[1:] != scores[:-1])])
    held = np.bincount(level, positive) / np.bincount(level)  # share of positives: 0 and 1 are pure
    starts = np.concatenate([[True], (held[1:] != held[:-1]) | ((held[1:] != 0) & (held[1:] != 1))])
    blocks: Ints = (np.cumsum(starts) - 1)[level]
    return blocks
