"""All pairs of hashes that differ in few of 64 bits: exact, without a look at most of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Pairs = tuple[Numbers, Numbers]

_PARTS = 3  # parts of a hash that are looked up
_WIDEST = 64 // _PARTS  # bits of a part; the highest bit of the 64, which is set in nearly every phash, is in none
_SPARE = 5  # bits by which parts are wider than what tells n hashes apart: fewer look at too many, more at too little
_BRUTE = 4_000  # pairs that are compared in the time that one flip of a part takes
_AT_ONCE = 1 << 20  # pairs held in memory at a time
_WORDS = 1 << 13  # words of 64 parts each that are looked into at a time
_CROWD = 1 << 14  # pairs of two parts from which on they are compared as a block

# Of the 64 places of a word, those whose number has a 0 in bit 0, in bit 1, ...
_LOW = [np.uint64(sum(1 << place for place in range(64) if not place >> bit & 1)) for bit in range(6)]


def near_pairs(hashes: Hashes, distance: int, *, threads: int = 1) -> tuple[Numbers, Numbers, Numbers]:
    """Return all pairs of `hashes` (uint64, any order) that differ in at most `distance` of 64 bits.

    Returns (i, j, d), each int64, i < j, sorted by i then j: exact, whatever the number of `threads`. Memory is bounded
    but for the answer itself, so leave hashes of pictures without detail out.

    Two hashes within 8 bits agree to 2 in one of three parts (multi-index hashing, Norouzi et al. 2012). Which parts
    occur is a set of bits, and flipping bits of every part is a change of place within that set: what occurs beside
    what is the AND of the set with itself moved, 64 parts a word, and only what is left of it is looked up.
    """
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    count, flips = len(hashes), distance // _PARTS
    bits = min(_WIDEST, count.bit_length() + _SPARE)
    if count * count <= _BRUTE * _PARTS * sum(comb(bits, some) for some in range(flips + 1)):
        found = [(i[i < j], j[i < j]) for i, j in _block(hashes, distance, (0, count), (0, count))]
    else:
        found = _by_parts(hashes, distance, flips, bits, threads)
    # One number a pair sorts several times as fast as two.
    keys = np.concatenate([np.empty(0, np.uint64), *(_key(np.minimum(i, j), np.maximum(i, j)) for i, j in found)])
    keys.sort()
    first, second = keys >> np.uint64(32), keys & np.uint64(0xFFFFFFFF)
    apart = np.bitwise_count(hashes[first] ^ hashes[second])
    return first.astype(np.int64), second.astype(np.int64), apart.astype(np.int64)


def _key(high: npt.NDArray[np.integer], low: npt.NDArray[np.integer]) -> Hashes:
    return (high.astype(np.uint64) << np.uint64(32)) | low.astype(np.uint64)


def _by_parts(hashes: Hashes, distance: int, flips: int, bits: int, threads: int) -> list[Pairs]:
    found: list[Pairs] = []
    told: list[np.uint64] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for shift in range(0, _PARTS * _WIDEST, _WIDEST):
            index = _Index.of(hashes, shift, bits)
            search = _Search(index, distance, flips, list(told))
            found += search.equal()
            # Of two that differ in some bits of a part one has a 0 in the highest of them: only that one seeks.
            lower = (some for size in range(flips) for some in combinations(range(bits - 1), size))
            for some in pool.map(search.beside, lower):
                found += some
            told.append(np.uint64(((1 << bits) - 1) << shift))
    return found


@dataclass(frozen=True)
class _Index:
    """Hashes in the order of one of their parts, so that those that seek and those that are found lie side by side."""

    bits: int
    hashes: Hashes
    order: npt.NDArray[np.uint32]  # which hash each was
    first: npt.NDArray[np.uint32]  # (2 ** bits): the first hash with each part; anything where there is none
    amount: npt.NDArray[np.uint32]  # as many as hashes: for the first with its part, how many have it
    most: int
    occurs: Hashes  # (2 ** bits / 64): a bit for each part, set where a hash has it

    @classmethod
    def of(cls, hashes: Hashes, shift: int, bits: int) -> _Index:
        parts = (hashes >> np.uint64(shift)) & np.uint64((1 << bits) - 1)
        keys = _key(parts, np.arange(len(parts)))
        keys.sort()
        parts, order = keys >> np.uint64(32), keys.astype(np.uint32)
        begin = np.flatnonzero(np.append(True, parts[1:] != parts[:-1]))
        sizes = np.diff(begin, append=len(parts))
        parts = parts[begin]
        first = np.empty(1 << bits, np.uint32)
        first[parts] = begin
        amount = np.zeros(len(order), np.uint32)
        amount[begin] = sizes
        words = parts >> np.uint64(6)
        new = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
        occurs = np.zeros(1 << bits - 6, np.uint64)
        occurs[words[new]] = np.bitwise_or.reduceat(np.uint64(1) << (parts & np.uint64(63)), new)
        return cls(bits, hashes[order], order, first, amount, int(sizes.max()), occurs)


@dataclass(frozen=True)
class _Search:
    index: _Index
    distance: int
    flips: int
    told: list[np.uint64]  # masks of the parts by which near pairs have been found already

    def equal(self) -> list[Pairs]:
        """Return the near pairs of hashes that have the part in common."""
        crowds = np.flatnonzero(self.index.amount > 1)
        return [(i[i < j], j[i < j]) for i, j in self._near(crowds, crowds)]

    def beside(self, lower: tuple[int, ...]) -> list[Pairs]:
        """Return the near pairs of hashes whose parts differ in the `lower` bits and in one that is higher."""
        index = self.index
        moved = index.occurs
        for bit in lower:
            moved = _moved(moved, bit)
        found: list[Pairs] = []
        waiting: list[tuple[Hashes, Numbers, Numbers]] = []
        for bit in range(lower[-1] + 1 if lower else 0, index.bits):
            words, values = _both(index.occurs, moved, bit)
            waiting.append((values, words, np.full(len(words), sum(1 << some for some in (*lower, bit)))))
            if bit + 1 < index.bits and sum(len(some) for some, _, _ in waiting) < _WORDS:
                continue
            values, words, flips = (np.concatenate(some) for some in zip(*waiting, strict=True))
            waiting.clear()
            for start in range(0, len(values), _WORDS):
                some = slice(start, start + _WORDS)
                seeking, sought = _each(values[some], words[some], flips[some])
                found += self._near(index.first[seeking], index.first[sought])
        return found

    def _near(self, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Iterator[Pairs]:
        """Yield the near pairs of all hashes with the part of `one` and all with that of `other`, the first of each."""
        index = self.index
        if index.most > 1:
            sizes = index.amount[one].astype(np.int64) * index.amount[other]
            for place in np.flatnonzero(sizes >= _CROWD):
                ends = [(int(some), int(some + index.amount[some])) for some in (one[place], other[place])]
                for i, j in _block(index.hashes, self.distance, *ends):
                    yield self._told(i, j)
            some = np.flatnonzero((sizes > 1) & (sizes < _CROWD))
            ends = np.cumsum(sizes[some])
            cuts = np.searchsorted(ends, np.arange(_AT_ONCE, int(ends[-1]) if len(ends) else 0, _AT_ONCE))
            for few in np.split(some, cuts):
                yield self._compared(*self._every(one[few], other[few]))
            alone = np.flatnonzero(sizes == 1)
            one, other = one[alone], other[alone]
        yield self._compared(one, other)

    def _every(self, one: npt.NDArray[Any], other: npt.NDArray[Any]) -> Pairs:
        many, others = self.index.amount[one], np.repeat(self.index.amount[other], self.index.amount[one])
        return np.repeat(_from(one, many), others), _from(np.repeat(other, many), others)

    def _compared(self, i: npt.NDArray[Any], j: npt.NDArray[Any]) -> Pairs:
        hashes = self.index.hashes
        places = np.flatnonzero(np.bitwise_count(hashes[i] ^ hashes[j]) <= self.distance)
        return self._told(i[places], j[places])

    def _told(self, i: npt.NDArray[Any], j: npt.NDArray[Any]) -> Pairs:
        """Leave out what an earlier part has found already, and name each hash by its place among all."""
        apart = self.index.hashes[i] ^ self.index.hashes[j]
        new = np.ones(len(i), bool)
        for mask in self.told:
            new &= np.bitwise_count(apart & mask) > self.flips
        return self.index.order[i[new]], self.index.order[j[new]]


def _moved(occurs: Hashes, bit: int) -> Hashes:
    """Return the set of parts with this bit of each flipped."""
    if bit < 6:
        width, low = np.uint64(1 << bit), _LOW[bit]
        return ((occurs >> width) & low) | ((occurs & low) << width)
    return occurs.reshape(-1, 2, 1 << bit - 6)[:, ::-1].reshape(-1)


def _both(occurs: Hashes, moved: Hashes, bit: int) -> tuple[Numbers, Hashes]:
    """Return where parts occur that have a 0 in this bit and, in `moved`, occur with a 1: words that are not 0."""
    if bit < 6:
        both = occurs & _moved(moved, bit) & _LOW[bit]
        words = np.flatnonzero(both != 0)
        return words, both[words]
    half = bit - 6
    both = (occurs.reshape(-1, 2, 1 << half)[:, 0] & moved.reshape(-1, 2, 1 << half)[:, 1]).reshape(-1)
    words = np.flatnonzero(both != 0)
    return ((words >> half) << half + 1) | (words & ((1 << half) - 1)), both[words]


def _each(values: Hashes, words: Numbers, flips: Numbers) -> Pairs:
    """Return each part that is set in these words, and the part that it becomes with the flips of its word."""
    lone = (values & (values - np.uint64(1))) == 0  # one bit in the word, as in most: counting is faster than unpacking
    several = np.flatnonzero(~lone)
    lone = np.flatnonzero(lone)
    unpacked = np.unpackbits(values[several].astype("<u8", copy=False).view(np.uint8), bitorder="little").view(bool)
    places = np.flatnonzero(unpacked)
    word = np.concatenate([lone, several[places >> 6]])
    places = np.concatenate([np.bitwise_count(values[lone] - np.uint64(1)), places & 63])
    parts = (words[word] << 6) | places
    return parts, parts ^ flips[word]


def _from(begin: npt.NDArray[Any], amount: npt.NDArray[Any]) -> Numbers:
    """Return so many whole numbers from each beginning on."""
    ends = np.cumsum(amount, dtype=np.int64)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(begin - (ends - amount), amount)


def _block(hashes: Hashes, distance: int, one: tuple[int, int], other: tuple[int, int]) -> Iterator[Pairs]:
    """Yield the near pairs of the hashes from one place to another and those of another such range."""
    seen = hashes[slice(*other)]
    step = max(1, _AT_ONCE // max(1, len(seen)))
    for start in range(*one, step):
        near = np.bitwise_count(hashes[start : min(start + step, one[1]), None] ^ seen) <= distance
        i, j = np.nonzero(near)
        yield i + start, j + other[0]
