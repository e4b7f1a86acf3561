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

FEWEST_FAMILIES = 10
"""Of a split, a class, a group, or either side of a curve: drawn again, fewer give an interval that is too short."""

Mask = npt.NDArray[np.bool_]
Missing = dict[str, str]
"""Why a figure is not there: a "word" or two for its place in a table, and the "reason"."""


def assess(
    found: Answers, names: Sequence[str], *, sought: str | None = None, draws: int = bootstrap.DRAWS
) -> dict[str, Any]:
    """Return all figures of one target as plain values, ready for JSON; docs/evaluation.md says what each means.

    `names` are the labels by their index. `sought` is the label that must not be missed (malignant): groups have the
    figures of its curve too. A figure is {"value", "low", "high"}. A split, class or group of fewer than
    `SMALLEST_GROUP` pictures or `FEWEST_FAMILIES` families has "too_small", the reason in words, in place of figures.
    What is large enough but has no balanced accuracy or no curve says why in "missing": {figure: {"word", "reason"}}.
    Balanced accuracies are means over the classes in "balanced_over", those that are large enough. Without pictures
    only the counts are there.
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
    about |= {
        "absent": [name for label, name in enumerate(names) if label not in present],
        "confusion": plain["confusion"],
    }
    small = too_small(everywhere, family)
    if small is not None:
        counted = {names[label]: _counted(found.truth == label, family) | {"too_small": small} for label in present}
        return about | {"too_small": small, "right": int(right.sum()), "per_class": counted}
    large, unbalanced = _balanced(found.truth, everywhere, family, names)
    statistics: dict[Any, Statistic] = {
        "whole": Shares({"accuracy": (right, everywhere)}, family, families),
        "recall": Shares(
            {names[label]: (right, found.truth == label) for label in present},
            family,
            families,
            mean=("balanced_accuracy", [names[label] for label in large]) if len(large) > 1 else None,
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
        "balanced_accuracy": estimated["recall"].get("balanced_accuracy"),
        "balanced_over": [names[label] for label in large] if len(large) > 1 else [],
        "missing": unbalanced,
        "balanced_accuracy_of_all": plain["balanced_accuracy"],
        "auc": estimated["curves"]["auc"] if rankings else None,
        "auc_over": [names[label] for label in ranked],
        "majority": {
            "label": names[majority],
            "accuracy": plain["majority"],
            "balanced_accuracy": (majority in large) / len(large) if len(large) > 1 else None,
        },
        "loss": plain["loss"],
        **calibration(found.truth, found.probabilities),
        "per_class": {
            names[label]: _class(found, label, family, reasons[label], estimated, names[label]) for label in present
        },
        "groups": {
            name: {word: members[name, word][0] | _merged(estimated, (name, word)) for of, word in groups if of == name}
            for name in GROUPS
            if name in found.groups
        },
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
    found: Answers, label: int, family: Ints, reason: Missing | None, estimated: dict[Any, Any], name: str
) -> dict[str, Any]:
    held = found.truth == label
    about = _counted(held, family)
    small = too_small(held, family)
    if small is not None:
        return about | {"too_small": small}
    about["recall"] = estimated["recall"][name]
    if reason is not None:
        return about | {"missing": {"auc": reason}}
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
    about = _counted(mask, family) | {
        "classes": {names[label]: int(counts[label]) for label in map(int, np.flatnonzero(counts))},
    }
    small = too_small(mask, family)
    if small is not None:
        return about | {"too_small": small}, {}
    statistics: dict[str, Statistic] = {"accuracy": Shares({"accuracy": (right, mask)}, family, families)}
    about["majority"] = float(counts.max() / counts.sum())
    large, about["missing"] = _balanced(found.truth, mask, family, names)
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
            about["missing"] = about["missing"] | {"auc": reason}
    return about, statistics


def _balanced(truth: Ints, mask: Mask, family: Ints, names: Sequence[str]) -> tuple[list[int], dict[str, Missing]]:
    """Return the classes of a mask that are large enough to be averaged over; where less than two are, why not."""
    present = [int(label) for label in np.unique(truth[mask])]
    large = [label for label in present if too_small(mask & (truth == label), family) is None]
    if len(large) > 1:
        return large, {}
    if len(present) == 1:
        said: Missing = {"word": "one class", "reason": f"all are {names[present[0]]}"}
    else:
        said = {"word": "too small", "reason": f"classes that are large enough: {len(large)} of {len(present)}"}
    return large, {"balanced_accuracy": said}


def _counted(mask: Mask, family: Ints) -> dict[str, Any]:
    return {"pictures": int(mask.sum()), "families": len(np.unique(family[mask]))}


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


def _unrankable(positive: Mask, family: Ints, name: str) -> Missing | None:
    """Say why a class has no curve: it or the rest is not there, or too small."""
    if not positive.any():
        return {"word": f"no {name}", "reason": f"no picture of {name}: there is nothing to find"}
    if positive.all():
        return {"word": "one class", "reason": f"all are {name}: there is nothing to tell it from"}
    for side, word in ((positive, name), (~positive, "the rest")):
        small = too_small(side, family)
        if small is not None:
            return {"word": "too small", "reason": f"{word}: {small}"}
    return None


def numbered(families: Sequence[str]) -> tuple[Ints, int]:
    """Return the number of each picture's family in the order of their names, and how many there are."""
    named, numbers = np.unique(np.asarray(families, dtype=str), return_inverse=True)
    return numbers.astype(np.int64), len(named)
