"""Quotas: families moved, whole and few, until each subtype's pictures lie in the splits as the recipe wants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Whole: TypeAlias = NDArray[np.int64]
Real: TypeAlias = NDArray[np.float64]

MANY = 50  # families from which a subtype is held to the recipe; fewer are filled as well as they can be
CLOSE = 0.005  # a share this near to the one wanted needs no mending
_TRIED = 300  # families of either split of which two change places; the best of so many is good enough


@dataclass(frozen=True)
class Families:
    """Families in the order of their hashes, and how many pictures of each subtype they hold.

    `counts` has a row per family and a column per subtype; `splits` the number of the split in which the hash puts
    each, `fixed` whether it stays there whatever comes (a published test set); `test` is the number of that split.
    """

    counts: Whole
    splits: Whole
    fixed: NDArray[np.bool_]
    test: int

    def wanted(self, shares: Real) -> Real:
        """Return how many pictures of each subtype (rows) each split (columns) shall have.

        Where published test sets alone hold more than their share, the rest is shared among the other splits.
        """
        total = self.counts.sum(axis=0).astype(np.float64)
        held = self.counts[self.fixed].sum(axis=0)
        want: Real = total[:, None] * shares[None, :]
        over = held > want[:, self.test]
        others = shares.copy()
        others[self.test] = 0.0
        if others.sum() > 0:
            want[over] = (total - held)[over, None] * (others / others.sum())[None, :]
        want[over, self.test] = held[over]
        return want


def fill(families: Families, shares: Real) -> Whole:
    """Return the split of each family: quotas per subtype filled in hash order, then mended where many families allow.

    The subtype of the fewest pictures goes first; a family goes with the first of its subtypes. Always the same
    answer. A family without pictures, and one that is fixed, stays where it is.
    """
    want = families.wanted(shares)
    splits = families.splits.copy()
    placed = families.fixed | (families.counts.sum(axis=1) == 0)
    sums = families.counts.sum(axis=0)
    for subtype in sorted(range(len(sums)), key=lambda number: (sums[number], number)):
        size = families.counts[:, subtype]
        members = np.flatnonzero(~placed & (size > 0))
        have = np.array([size[placed & (splits == split)].sum() for split in range(len(shares))], dtype=np.float64)
        need = np.clip(want[subtype] - have, 0.0, None)
        if not len(members) or need.sum() == 0:
            continue
        cuts = np.cumsum(need)[:-1] * (size[members].sum() / need.sum())
        middles = np.cumsum(size[members]) - size[members] / 2
        splits[members] = np.searchsorted(cuts, middles, side="right")
        placed[members] = True
    _mend(families, want, splits)
    return splits


def _mend(families: Families, want: Real, splits: Whole) -> None:
    """Move single families, or let two change places, as long as that brings the subtypes of many families closer."""
    many = np.flatnonzero((families.counts > 0).sum(axis=0) >= MANY)
    sums = families.counts[:, many].sum(axis=0).astype(np.float64)
    part = families.counts[:, many] / sums
    have = np.stack([part[splits == split].sum(axis=0) for split in range(want.shape[1])], axis=1)
    away = have - want[many] / sums[:, None]
    stuck: set[tuple[int, int, int]] = set()
    while True:
        pairs = [
            (away[subtype, over] - away[subtype, under], subtype, over, under)
            for subtype in range(len(many))
            if np.abs(away[subtype]).max() > CLOSE
            for over in range(away.shape[1])
            for under in range(away.shape[1])
            if away[subtype, over] > away[subtype, under] and (subtype, over, under) not in stuck
        ]
        if not pairs:
            return
        _, subtype, over, under = max(pairs, key=lambda pair: (pair[0], -pair[1], -pair[2], -pair[3]))
        free = ~families.fixed & (families.counts.sum(axis=1) > 0)
        mine = np.flatnonzero(free & (splits == over) & (part[:, subtype] > 0))
        theirs = np.flatnonzero(free & (splits == under))
        gap = away[:, over] - away[:, under]
        chosen = _best(part, mine, theirs, gap)
        if chosen is None:
            stuck.add((subtype, over, under))
            continue
        go, come = chosen
        change = part[go].sum(axis=0) - part[come].sum(axis=0)
        splits[go], splits[come] = under, over
        away[:, over] -= change
        away[:, under] += change
        stuck.clear()


def _best(part: Real, mine: Whole, theirs: Whole, gap: Real) -> tuple[Whole, Whole] | None:
    """Return which family goes over, and which comes back for it (or none), so that the squares of all gaps shrink."""
    nobody = np.empty(0, dtype=np.int64)
    if not len(mine):
        return None
    # Moving the shares x from one split to the other changes the sum of squares by 2 x (x - gap).
    gain = (part[mine] * (part[mine] - gap)).sum(axis=1)
    first = int(gain.argmin())
    if gain[first] < -1e-12:
        return mine[first : first + 1], nobody
    go, come = mine[:_TRIED], theirs[:_TRIED]
    if not len(come):
        return None
    change = part[go][:, None, :] - part[come][None, :, :]
    gains = (change * (change - gap)).sum(axis=2)
    best = int(gains.argmin())
    if gains.flat[best] >= -1e-12:
        return None
    one, other = divmod(best, len(come))
    return go[one : one + 1], come[other : other + 1]
