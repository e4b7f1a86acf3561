"""Intervals by drawing whole families again: pictures of one family are not independent, so none is drawn alone.

Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile intervals); of clusters: Davison &
Hinkley 1997, Bootstrap Methods and their Application, section 3.8. Same answers, same intervals: the seed is fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

DRAWS = 2000
LEVEL = 0.95
SEED = 1
_AT_ONCE = 100  # draws in memory, so that it does not grow with their number
_DEFINED = 0.95  # of the draws: where fewer give a figure at all, an interval would be that of the lucky ones

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float32]
"""How often each family was drawn: [families, draws]."""


class Statistic(Protocol):
    """Something that follows from how often each family counts.

    `families` says, for a figure that is a share of pictures, of how many families these are.
    """

    families: Mapping[Any, int]

    def figures(self, weights: Weights) -> Mapping[Any, Floats]:
        """Return figures by name, each float [draws]; NaN where a draw has nothing to make one of."""
        ...


def draws(families: int, count: int = DRAWS, seed: int = SEED) -> Iterator[Weights]:
    """Yield how often each family was drawn, in parts of some draws each: [families, draws]."""
    dice = np.random.default_rng(seed)
    for start in range(0, count, _AT_ONCE):
        these = min(_AT_ONCE, count - start)
        drawn = dice.integers(families, size=(these, families)) + families * np.arange(these)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=these * families).reshape(these, families)
        yield np.ascontiguousarray(counts.T, dtype=np.float32)


def estimates(
    statistics: Mapping[Any, Statistic], families: int, *, count: int = DRAWS, seed: int = SEED
) -> dict[Any, dict[Any, dict[str, float | None]]]:
    """Return the figures of each statistic as {"value", "low", "high"}, the ends None where there is no interval.

    All statistics see the same draws. Where every draw gives a share of 0 or 1 again, as it does where nothing went
    wrong (or all did), the end is the exact one of a binomial of as many trials as there are families (Clopper &
    Pearson 1934); any other figure that never varies has no interval. No value: nothing to make the figure of.
    """
    whole = np.ones((families, 1), np.float32)
    values = {key: dict(each.figures(whole)) for key, each in statistics.items()}
    seen: dict[Any, dict[Any, list[Floats]]] = {key: {name: [] for name in found} for key, found in values.items()}
    for weights in draws(families, count, seed):
        for key, each in statistics.items():
            for name, found in each.figures(weights).items():
                seen[key][name].append(found)
    return {
        key: {
            name: _estimate(float(value[0]), np.concatenate(seen[key][name]), statistics[key].families.get(name))
            for name, value in found.items()
        }
        for key, found in values.items()
    }


def by_family(column: Ints, family: Ints, families: int, columns: int, value: npt.NDArray[Any] | None = None) -> Any:
    """Return a sparse matrix [columns, families]: the sum of `value` (None: of ones) over the pictures of each cell.

    `column` and `family` say to which cell each picture belongs.
    """
    entries = np.ones(len(column)) if value is None else np.asarray(value, np.float64)
    return sparse.csr_matrix((entries, (column, family)), shape=(columns, families))


class Shares:
    """For each name the mean of a value over its members: {name: (value [n], members bool [n])}; `mean` of them too."""

    def __init__(
        self,
        parts: Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]],
        family: Ints,
        families: int,
        *,
        mean: tuple[str, Sequence[str]] | None = None,
    ) -> None:
        self._names, self._mean = list(parts), mean
        self._above = sparse.vstack([_row(value, held, family, families) for value, held in parts.values()]).tocsr()
        self._below = sparse.vstack(
            [_row(np.ones(len(family)), held, family, families) for _, held in parts.values()]
        ).tocsr()
        families_of = {name: len(np.unique(family[held])) for name, (_, held) in parts.items()}
        if mean is not None:  # as sure as the least sure of its parts
            families_of[mean[0]] = min(families_of[name] for name in mean[1])
        self.families: Mapping[Any, int] = families_of

    def figures(self, weights: Weights) -> dict[str, Floats]:
        """Return the mean of each name, and the mean of the named means under its own name."""
        above, below = self._above @ weights, self._below @ weights
        shares = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
        found = dict(zip(self._names, shares, strict=True))
        if self._mean is not None:
            name, of = self._mean
            found[name] = mean_of([found[each] for each in of])
        return found


def mean_of(rows: Sequence[Floats]) -> Floats:
    """Return the mean of figures in each draw, float [draws]; NaN where one is: over fewer it would be another mean."""
    mean: Floats = np.asarray(rows, np.float64).mean(axis=0)
    return mean


def _row(value: npt.NDArray[Any], held: npt.NDArray[np.bool_], family: Ints, families: int) -> Any:
    return by_family(np.zeros(int(held.sum()), np.int64), family[held], families, 1, np.asarray(value)[held])


def _estimate(value: float, drawn: Floats, families: int | None) -> dict[str, float | None]:
    if not np.isfinite(value):
        return {"value": None, "low": None, "high": None}
    defined = drawn[np.isfinite(drawn)]
    low: float | None = None
    high: float | None = None
    if len(defined) >= _DEFINED * len(drawn):
        tail = (1 - LEVEL) / 2
        low, high = (float(end) for end in np.quantile(defined, (tail, 1 - tail)))
        if defined.min() == defined.max():
            exact = tail ** (1 / families) if families else None
            low = exact if exact is not None and value == 1 else value if exact is not None and value == 0 else None
            high = 1 - exact if exact is not None and value == 0 else value if low is not None else None
    return {"value": value, "low": low, "high": high}
