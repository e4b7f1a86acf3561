"""Exactly the pairs within a distance, whatever the hashes, however many, and by any number of threads."""

from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.images import hash_search
from curate.images.hash_search import Hashes, near_pairs

DISTANCES = range(17)  # what the recipe allows


def simply(hashes: Hashes, distance: int) -> list[tuple[int, int, int]]:
    d = np.bitwise_count(hashes[:, None] ^ hashes[None])
    return [(int(i), int(j), int(d[i, j])) for i, j in zip(*np.nonzero(d <= distance), strict=True) if i < j]


def found(hashes: Hashes, distance: int, threads: int = 1) -> list[tuple[int, int, int]]:
    i, j, d = near_pairs(hashes, distance, threads=threads)
    assert i.dtype == j.dtype == d.dtype == np.int64
    return list(zip(i.tolist(), j.tolist(), d.tolist(), strict=True))


def flipped(hashes: Hashes, noise: np.random.Generator, most: int) -> Hashes:
    """Return each hash with up to so many of its 64 bits flipped."""
    bits = noise.permuted(np.tile(np.arange(64, dtype=np.uint64), (len(hashes), 1)), axis=1)
    chosen = np.arange(64) < noise.integers(0, most + 1, (len(hashes), 1))
    return hashes ^ np.bitwise_or.reduce(np.where(chosen, np.uint64(1) << bits, np.uint64(0)), axis=1)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DISTANCES), st.integers(0, 120), st.integers(0, 2**32 - 1), st.booleans(), st.integers(1, 3))
def test_near_pairs_are_exact(distance: int, count: int, seed: int, by_parts: bool, threads: int) -> None:
    noise = np.random.default_rng(seed)
    hashes = noise.integers(0, 2**64, count, dtype=np.uint64)
    hashes = np.concatenate([hashes, flipped(hashes, noise, distance + 2), flipped(hashes[:9], noise, 1)])
    with pytest.MonkeyPatch.context() as patch:
        if by_parts:
            patch.setattr(hash_search, "_BRUTE", -1)
        assert found(hashes, distance, threads) == simply(hashes, distance)


@pytest.mark.parametrize("distance", [0, 2, 5, 8])
@pytest.mark.parametrize("crowd", [1, 40, 10**6])
def test_crowded_parts_are_searched_exactly(distance: int, crowd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(distance)
    few = noise.integers(0, 4, (3, 400), dtype=np.uint64)  # three parts of four values each, all near one another
    hashes = few[0] | few[1] << np.uint64(21) | few[2] << np.uint64(42)
    hashes[::2] ^= noise.integers(0, 2**20, 200, dtype=np.uint64) << np.uint64(44)
    monkeypatch.setattr(hash_search, "_BRUTE", -1)
    monkeypatch.setattr(hash_search, "_CROWD", crowd)
    monkeypatch.setattr(hash_search, "_AT_ONCE", 500)
    monkeypatch.setattr(hash_search, "_WORDS", 3)
    assert found(hashes, distance, threads=2) == simply(hashes, distance)


@pytest.mark.parametrize("distance", [3, 8, 11, 16])
def test_both_ways_agree_where_one_gives_way_to_the_other(distance: int, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(distance)
    hashes = noise.integers(0, 2**64, 900, dtype=np.uint64)
    hashes[450:] = flipped(hashes[:450], noise, distance + 1)
    asked = []
    by_parts = hash_search._by_parts
    monkeypatch.setattr(hash_search, "_by_parts", lambda *words: asked.append(len(words[0])) or by_parts(*words))
    flips = sum(comb(13, some) for some in range(distance // 3 + 1))
    monkeypatch.setattr(hash_search, "_BRUTE", 500**2 // 3 // flips)
    answers = [found(hashes[:count], distance) for count in range(100, 901, 100)]
    assert 0 < len(asked) < len(answers)  # the small ones simply, the large ones by parts
    assert answers[-1] == simply(hashes, distance)
    for (fewer, more), count in zip(pairwise(answers), range(100, 900, 100), strict=True):
        assert fewer == [pair for pair in more if pair[1] < count]


def test_every_bit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_search, "_BRUTE", -1)
    one = np.uint64(0x123456789ABCDEF0)
    hashes = np.array([one, *(one ^ (np.uint64(1) << np.uint64(bit)) for bit in range(64))], np.uint64)
    assert found(hashes, 1) == [(0, bit + 1, 1) for bit in range(64)]
    assert len(found(hashes, 2)) == 65 * 64 // 2


def test_the_answer_is_nearly_all_that_takes_memory() -> None:
    """Equal hashes beside others: as many pairs as there must be, and little besides."""
    hashes = np.random.default_rng(0).integers(0, 2**64, 12_000, dtype=np.uint64)
    hashes[::12] = hashes[0]
    hashes[1::12] = hashes[1::12] & ~np.uint64(0x1FFFFF)  # one part the same in a thousand that are not near
    tracemalloc.start()
    i, j, d = near_pairs(hashes, 8)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert ((i % 12 == 0) & (j % 12 == 0) & (d == 0)).sum() == 1000 * 999 // 2
    assert len(d) < 500_000
    assert peak < 6 * (i.nbytes + j.nbytes + d.nbytes)


def test_sixty_thousand_hashes_take_a_moment() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**64, 60_000, dtype=np.uint64)
    hashes[30_000:] = hashes[:30_000] ^ np.uint64(0b1000_1001)
    start = time.perf_counter()
    i, j, d = near_pairs(hashes, 8, threads=2)
    assert time.perf_counter() - start < 8
    assert len(i) == 30_000
    assert (j - i == 30_000).all()
    assert (d == 3).all()
