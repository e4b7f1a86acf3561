"""Quotas: whole families, few of them moved, and every subtype of many families near the recipe."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.quotas import MANY, Families, fill

SHARES = np.array([0.7, 0.15, 0.15])


def drawn(seed: int, families: int, subtypes: int, largest: int, mixed: float, published: float) -> Families:
    """Return families with pictures of one subtype or, `mixed`, of several; some of them published as test."""
    random = np.random.default_rng(seed)
    counts = np.zeros((families, subtypes), dtype=np.int64)
    weights = 1.0 / np.arange(1, subtypes + 1)
    for row in counts:
        for _ in range(1 + random.binomial(2, mixed)):
            row[random.choice(subtypes, p=weights / weights.sum())] += random.integers(1, largest + 1)
    splits = np.searchsorted(np.cumsum(SHARES)[:-1], np.sort(random.random(families)), side="right").astype(np.int64)
    fixed = random.random(families) < published
    splits[fixed] = 2
    return Families(counts, splits, fixed, test=2)


def shares(families: Families, splits: np.ndarray) -> np.ndarray:
    have = np.stack([families.counts[splits == split].sum(axis=0) for split in range(3)], axis=1)
    return have / np.maximum(families.counts.sum(axis=0), 1)[:, None]


@given(
    seed=st.integers(0, 2**32),
    families=st.integers(0, 900),
    subtypes=st.integers(1, 12),
    largest=st.integers(1, 6),
    mixed=st.sampled_from([0.0, 0.1, 0.5]),
    published=st.sampled_from([0.0, 0.05, 0.4]),
)
@settings(max_examples=150, deadline=None)
def test_a_subtype_of_many_families_is_within_two_points(
    seed: int, families: int, subtypes: int, largest: int, mixed: float, published: float
) -> None:
    drawn_ = drawn(seed, families, subtypes, largest, mixed, published)
    splits = fill(drawn_, SHARES)
    assert set(splits.tolist()) <= {0, 1, 2}
    assert (splits[drawn_.fixed] == 2).all()
    empty = drawn_.counts.sum(axis=1) == 0
    assert (splits[empty] == drawn_.splits[empty]).all()
    many = (drawn_.counts > 0).sum(axis=0) >= MANY
    want = drawn_.wanted(SHARES) / np.maximum(drawn_.counts.sum(axis=0), 1)[:, None]
    assert np.abs(shares(drawn_, splits) - want)[many].max(initial=0) <= 0.02
    unpublished = many & (drawn_.counts[drawn_.fixed].sum(axis=0) == 0)
    assert np.abs(want - SHARES)[unpublished].max(initial=0) < 1e-9
    assert (fill(drawn_, SHARES) == splits).all()


def test_few_move_where_the_hash_is_fair_already() -> None:
    families = drawn(1, 20_000, 30, 4, 0.1, 0.0)
    splits = fill(families, SHARES)
    assert (splits != families.splits).mean() < 0.06


def test_a_split_of_no_share_gets_nothing() -> None:
    families = drawn(2, 500, 3, 3, 0.1, 0.0)
    splits = fill(families, np.array([0.8, 0.2, 0.0]))
    assert not (splits == 2).any()


def test_published_tests_larger_than_their_share_leave_the_rest_in_proportion() -> None:
    families = drawn(3, 2000, 1, 3, 0.0, 0.5)
    train, validation, test = shares(families, fill(families, SHARES))[0]
    assert test > 0.4
    assert abs(train / validation - 0.7 / 0.15) < 0.1
