"""What a model's answers for a split are worth: every figure with its interval, every group that is large enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.ml import bootstrap, curves
from curate.ml.bootstrap import Ints, Shares, Statistic
from curate.ml.calibration import calibration
from curate.ml.evaluation import GROUPS, SMALLEST_GROUP, Answers, scores

FEWEST_FAMILIES = 5
"""Of a group, or of either side of a curve: fewer drawn again give the same few, and an interval that is none."""

Mask = npt.NDArray[np.bool_]


def assess(
    found: Answers, names: Sequence[str], *, sought: str | None = None, draws: int = bootstrap.DRAWS
) -> dict[str, Any]:
    """Return all figures of one target as plain values, ready for JSON; docs/evaluation.md says what each means.

    `names` are the labels by their index. `sought` is the label that must not be missed (malignant): groups have the
    area under its curve too. A figure is {"value", "low", "high"}. A class or group of fewer than `SMALLEST_GROUP`
    pictures or `FEWEST_FAMILIES` families has "too_small", the reason in words, in place of what it is too small for.
    Without pictures only the counts are there.
    """
    plain = scores(found, names)
    family, families = numbered(found.families)
    about: dict[str, Any] = {
        "labels": list(names),
        "sought": sought,
        "pictures": len(found.truth),
        "families": families,
    }
    if not len(found.truth):
        return about
    right = found.probabilities.argmax(axis=1) == found.truth
    everywhere = np.ones(len(right), bool)
    present = [int(label) for label in np.unique(found.truth)]
    statistics: dict[Any, Statistic] = {
        "whole": Shares({"accuracy": (right, everywhere)}, family, families),
        "recall": Shares(
            {names[label]: (right, found.truth == label) for label in present},
            family,
            families,
            mean=("balanced_accuracy", [names[label] for label in present]),
        ),
    }
    reasons = {label: _unrankable(found.truth == label, family, names[label]) for label in present}
    ranked = [label for label in present if reasons[label] is None]
    rankings = {
        label: curves.Ranking(found.probabilities[:, label], found.truth == label, family, families) for label in ranked
    }
    if rankings:
        statistics["curves"] = _Curves({names[label]: ranking for label, ranking in rankings.items()})
    groups, members = _groups(found), {}
    for key, mask in groups.items():
        members[key] = _group(found, names, mask, family, right, sought)
        statistics |= {(key, kind): each for kind, each in members[key][1].items()}
    estimated = bootstrap.estimates(statistics, families, count=draws)
    majority = int(np.bincount(found.truth).argmax())
    return about | {
        "accuracy": estimated["whole"]["accuracy"],
        "balanced_accuracy": estimated["recall"]["balanced_accuracy"],
        "auc": estimated["curves"]["auc"] if rankings else None,
        "auc_over": [names[label] for label in ranked],
        "majority": {"label": names[majority], "accuracy": plain["majority"], "balanced_accuracy": 1 / len(present)},
        "loss": plain["loss"],
        **calibration(found.truth, found.probabilities),
        "per_class": {
            names[label]: _class(found, label, family, reasons[label], estimated, names[label]) for label in present
        },
        "absent": [name for label, name in enumerate(names) if label not in present],
        "groups": {
            name: {word: members[name, word][0] | _merged(estimated, (name, word)) for of, word in groups if of == name}
            for name in GROUPS
            if name in found.groups
        },
        "confusion": plain["confusion"],
        "roc": {names[label]: ranking.points() for label, ranking in rankings.items()},
    }


class _Curves:
    """The figures of each class's curve, by (class, figure), and the mean of the areas as `auc`."""

    def __init__(self, rankings: Mapping[str, curves.Ranking]) -> None:
        self._rankings = rankings
        self.families: Mapping[Any, int] = {
            (name, figure): count for name, ranking in rankings.items() for figure, count in ranking.families.items()
        }

    def figures(self, weights: bootstrap.Weights) -> dict[Any, bootstrap.Floats]:
        found: dict[Any, bootstrap.Floats] = {}
        for name, ranking in self._rankings.items():
            found |= {(name, figure): values for figure, values in ranking.figures(weights).items()}
        return found | {"auc": bootstrap.mean_of([found[name, "auc"] for name in self._rankings])}


def _class(
    found: Answers, label: int, family: Ints, reason: str | None, estimated: dict[Any, Any], name: str
) -> dict[str, Any]:
    held = found.truth == label
    about: dict[str, Any] = {"pictures": int(held.sum()), "families": len(np.unique(family[held]))}
    small = too_small(held, family)
    if small is not None:
        return about | {"too_small": small}
    about["recall"] = estimated["recall"][name]
    if reason is not None:
        return about | {"unrankable": reason}
    return about | {figure: estimated["curves"][name, figure] for figure in curves.NAMES}


def _groups(found: Answers) -> dict[tuple[str, str], Mask]:
    masks = {}
    for name, words in found.groups.items():
        array = np.asarray(words)
        for word in sorted(set(words)):
            masks[name, word] = array == word
    return masks


def _group(
    found: Answers, names: Sequence[str], mask: Mask, family: Ints, right: Mask, sought: str | None
) -> tuple[dict[str, Any], dict[str, Statistic]]:
    """Return what is known of a group without drawing, and the statistics that are to be drawn."""
    families = int(family.max()) + 1
    counts = np.bincount(found.truth[mask], minlength=len(names))
    about: dict[str, Any] = {
        "pictures": int(mask.sum()),
        "families": len(np.unique(family[mask])),
        "classes": {names[label]: int(counts[label]) for label in map(int, np.flatnonzero(counts))},
    }
    small = too_small(mask, family)
    if small is not None:
        return about | {"too_small": small}, {}
    statistics: dict[str, Statistic] = {"accuracy": Shares({"accuracy": (right, mask)}, family, families)}
    about["majority"] = float(counts.max() / counts.sum())
    occurring = map(int, np.flatnonzero(counts))
    large = [label for label in occurring if too_small(mask & (found.truth == label), family) is None]
    if len(large) > 1:
        about["balanced_over"] = [names[label] for label in large]
        statistics["balanced"] = Shares(
            {names[label]: (right, mask & (found.truth == label)) for label in large},
            family,
            families,
            mean=("balanced_accuracy", about["balanced_over"]),
        )
    if sought is not None:
        label = names.index(sought)
        positive = found.truth[mask] == label
        reason = _unrankable(positive, family[mask], sought)
        if reason is None:
            statistics["sought"] = curves.Ranking(found.probabilities[mask, label], positive, family[mask], families)
        else:
            about["unrankable"] = reason
    return about, statistics


def _merged(estimated: dict[Any, Any], key: tuple[str, str]) -> dict[str, Any]:
    wanted = {"accuracy": ("accuracy",), "balanced": ("balanced_accuracy",), "sought": curves.NAMES}
    return {
        name: estimated[key, kind][name] for kind, kept in wanted.items() if (key, kind) in estimated for name in kept
    }


def too_small(mask: Mask, family: Ints) -> str | None:
    """Say in words why the pictures of a mask (bool [n]) are too few to be scored; None where they are enough."""
    pictures, families = int(mask.sum()), len(np.unique(family[mask]))
    if pictures < SMALLEST_GROUP:
        return f"pictures: {pictures}, fewer than {SMALLEST_GROUP}"
    if families < FEWEST_FAMILIES:
        return f"families: {families}, fewer than {FEWEST_FAMILIES}"
    return None


def _unrankable(positive: Mask, family: Ints, name: str) -> str | None:
    """Say why a class has no curve: it or the rest is too small."""
    for side, word in ((positive, name), (~positive, "the rest")):
        if not side.any():
            return f"no picture of {word}: there is nothing to tell apart"
        small = too_small(side, family)
        if small is not None:
            return f"{word}: {small}"
    return None


def numbered(families: Sequence[str]) -> tuple[Ints, int]:
    """Return the number of each picture's family in the order of their names, and how many there are."""
    named, numbers = np.unique(np.asarray(families, dtype=str), return_inverse=True)
    return numbers.astype(np.int64), len(named)
