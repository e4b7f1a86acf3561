"""A threshold that finds a wanted share of one class: chosen on one split, and told on another."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError
from curate.ml import bootstrap
from curate.ml.assessment import numbered, too_small
from curate.ml.curves import threshold
from curate.ml.evaluation import Answers


def operating_point(
    chosen_on: Answers, told_on: Answers, label: int, name: str, wanted: float, *, draws: int = bootstrap.DRAWS
) -> dict[str, Any]:
    """Return the threshold of a class, and what it gives: {"label", "wanted", "threshold", "chosen", "told"}.

    The threshold is the largest probability that finds at least the share `wanted` of the class among the pictures of
    `chosen_on`. "chosen" and "told" are what it gives there and among those of `told_on`: pictures, positives,
    sensitivity, specificity and the share of pictures that are called so, the last three with their intervals in
    "told". Only "told" says how good it is. Raises TrainError where `chosen_on` has too few pictures of the class.
    """
    positive = chosen_on.truth == label
    family, _ = numbered(chosen_on.families)
    small = "no picture" if not positive.any() else too_small(positive, family)
    if small is not None:
        raise TrainError(
            f"too few pictures of {name} are for validation to choose a threshold by",
            expected="at least as many as a class needs to be scored",
            found=small,
            hint="other shares in curate.toml [split], then curate build and curate train",
        )
    chosen = threshold(chosen_on.probabilities[:, label], positive, wanted)
    return {
        "label": name,
        "wanted": wanted,
        "threshold": chosen,
        "chosen": _given(chosen_on, label, chosen, None),
        "told": _given(told_on, label, chosen, draws),
    }


def _given(found: Answers, label: int, chosen: float, draws: int | None) -> dict[str, Any]:
    called: npt.NDArray[np.bool_] = found.probabilities[:, label] >= np.float32(chosen)
    positive = found.truth == label
    family, families = numbered(found.families)
    about: dict[str, Any] = {"pictures": len(positive), "positives": int(positive.sum())}
    sides = {"sensitivity": (called, positive), "specificity": (~called, ~positive)}
    parts = {name: pair for name, pair in sides.items() if pair[1].any()}
    parts["called"] = (called, np.ones(len(positive), bool))
    for name, (value, held) in parts.items():
        if draws is None:
            about[name] = float(value[held].mean())
        elif (small := too_small(held, family)) is not None:
            about[name] = {"too_small": small}
        else:
            statistics: dict[str, bootstrap.Statistic] = {
                name: bootstrap.Shares({name: (value, held)}, family, families)
            }
            about[name] = bootstrap.estimates(statistics, families, count=draws)[name][name]
    return about
