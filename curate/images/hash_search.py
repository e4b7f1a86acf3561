"""All pairs of hashes that differ in few of 64 bits: exact, without a look at most of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial, reduce
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.int64]
Whole = npt.NDArray[np.integer[Any]]

_PARTS = 3  # parts of a hash that are looked up
_WIDEST = 64 // _PARTS  # bits of a part
_SPARE = 4  # bits by which parts are wider than what tells n hashes apart: fewer look at too many, more at too little
_BRUTE = 4_000  # pairs that are compared in the time that one flip of a part takes
_FLIPS = 8  # flips of a part that are tried at a time
_WORDS = 1 << 14  # words of 64 parts each that are looked into at a time
_AT_ONCE = 1 << 20  # pairs held in memory at a time, in each thread
_CROWD = 1 << 14  # pairs of hashes from which on those with two parts are compared as a block

# Of the 64 places of a word, those whose number has a 0 in bit 0, in bit 1, ...
_LOW = [np.uint64(sum(1 << place for place in range(64) if not place >> bit & 1)) for bit in range(6)]


def near_pairs(hashes: Hashes, distance: int, *, threads: int = 1) -> tuple[Numbers, Numbers, Numbers]:
    """Return all pairs of `hashes` (uint64, any order, below 2 ** 32 of them) that differ in at most `distance` bits.

    Returns (i, j, d), each int64, i < j, sorted by i then j: exact, whatever the number of `threads`. Memory is bounded
    but for the answer itself, so leave hashes of pictures without detail out.

    Two hashes within 8 of 64 bits agree to 2 in one of three parts (multi-index hashing, Norouzi et al. 2012). Which
    parts occur is a set of bits, and to flip bits of every part is to move the bits of that set: what occurs beside
    what is the AND of the set with itself moved, 64 parts a word. Only what is left of it is looked up.
    """
    hashes = np.ascontiguousarray(hashes, dtype=np.uint64)
    count, flips = len(hashes), distance // _PARTS
    bits = min(_WIDEST, max(6, count.bit_length() + _SPARE))
    if count < 2 or count * count <= _BRUTE * _PARTS * sum(comb(bits, some) for some in range(flips + 1)):
        found = [_keys(i[i < j], j[i < j]) for i, j in _block(hashes, distance, range(count), range(count))]
    else:
        found = _by_parts(hashes, distance, flips, bits, threads)
    keys = np.concatenate([np.empty(0, np.uint64), *found])
    del found
    keys.sort()  # as one number each: several times as fast as by two
    keys = keys[np.flatnonzero(np.diff(keys, prepend=np.uint64(0)))]  # a pair may be near in several parts
    i, j = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    return i, j, np.bitwise_count(hashes[i] ^ hashes[j]).astype(np.int64)


def _by_parts(hashes: Hashes, distance: int, flips: int, bits: int, threads: int) -> list[Hashes]:
    # Of two that differ in some bits of a part one has a 0 in the highest of them: only that one seeks.
    lowers = [some for size in range(flips) for some in combinations(range(bits - 1), size)]
    lowers.sort(key=lambda some: max(some, default=-1))
    with ThreadPoolExecutor(max(1, threads)) as pool:
        parts = list(pool.map(lambda chosen: _Part.of(hashes, chosen, distance), _even(hashes, bits)))
        tasks = [part.equal for part in parts]
        for start in range(0, len(lowers), _FLIPS):
            tasks += [partial(part.beside, lowers[start : start + _FLIPS]) for part in parts]
        return [keys for found in pool.map(lambda task: task(), tasks) for keys in found]


@dataclass(frozen=True)
class _Part:
    """Hashes in the order of some of their bits, so that those that seek and those that are found lie side by side."""

    distance: int
    bits: int
    hashes: Hashes
    order: npt.NDArray[np.uint32]  # which of all hashes each is
    first: npt.NDArray[np.uint32]  # (2 ** bits): the first hash with each part; anything where there is none
    amount: npt.NDArray[np.uint32]  # one for each hash: for the first with its part, how many have it
    occurs: Hashes  # (2 ** bits / 64): a bit for each part, set where a hash has it

    @classmethod
    def of(cls, hashes: Hashes, chosen: list[int], distance: int) -> _Part:
        bits = len(chosen)
        keys = _gathered(hashes, chosen) << np.uint64(32) | np.arange(len(hashes), dtype=np.uint64)
        keys.sort()
        parts, order = keys >> np.uint64(32), keys.astype(np.uint32)
        begin = np.flatnonzero(np.append(True, parts[1:] != parts[:-1]))
        parts = parts[begin]
        first = np.empty(1 << bits, np.uint32)
        first[parts] = begin
        amount = np.zeros(len(order), np.uint32)
        amount[begin] = np.diff(begin, append=len(order))
        words = parts >> np.uint64(6)
        new = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
        occurs = np.zeros(1 << bits - 6, np.uint64)
        occurs[words[new]] = np.bitwise_or.reduceat(np.uint64(1) << (parts & np.uint64(63)), new)
        return cls(distance, bits, hashes[order], order, first, amount, occurs)

    def equal(self) -> list[Hashes]:
        """Return the near pairs of hashes that have the part in common."""
        crowds = np.flatnonzero(self.amount > 1)
        return [self._named(i[i < j], j[i < j]) for i, j in self._crowded(crowds, crowds)]

    def beside(self, lowers: list[tuple[int, ...]]) -> list[Hashes]:
        """Return the near pairs of hashes whose parts differ in the bits of one of `lowers` and in a higher one.

        `lowers` are in the order of their highest bits.
        """
        moved = np.stack([reduce(_moved, lower, self.occurs) for lower in lowers])
        flips = np.array([sum(1 << bit for bit in lower) for lower in lowers])
        ends = [max(lower, default=-1) for lower in lowers]
        found: list[Hashes] = []
        crowds: list[tuple[Whole, Whole]] = []
        for bit in range(ends[0] + 1, self.bits):
            row, word, values = _both(self.occurs, moved[: bisect_left(ends, bit)], bit)
            flip = flips[row] | 1 << bit
            for start in range(0, len(values), _WORDS):
                some = slice(start, start + _WORDS)
                # `take`, since it lets other threads go on, and an index in brackets does not.
                which, place = _places(values[some])
                seeking = word[some].take(which) << 6 | place
                one, other = self.first.take(seeking), self.first.take(seeking ^ flip[some].take(which))
                found.append(self._named(*self._compared(one, other)))
                several = np.flatnonzero((self.amount.take(one) | self.amount.take(other)) > 1)
                crowds.append((one[several], other[several]))
                if sum(len(some) for some, _ in crowds) >= _WORDS:
                    found += self._settled(crowds)
        return found + self._settled(crowds)

    def _settled(self, crowds: list[tuple[Whole, Whole]]) -> list[Hashes]:
        """Return the near pairs of what has waited, few as they mostly are, to be compared at once; empty the list."""
        if not crowds:
            return []
        one, other = (np.concatenate(some) for some in zip(*crowds, strict=True))
        crowds.clear()
        return [self._named(i, j) for i, j in self._crowded(one, other)]

    def _crowded(self, one: Whole, other: Whole) -> Iterator[tuple[Whole, Whole]]:
        """Yield the near pairs of all hashes with the part of each of `one` and all with that of its `other`."""
        if not len(one):
            return
        one, other = one.astype(np.int64), other.astype(np.int64)
        many, others = self.amount[one].astype(np.int64), self.amount[other].astype(np.int64)
        sizes = many * others
        for i, j, a, b in np.stack([one, other, one + many, other + others], axis=1)[sizes > _CROWD].tolist():
            yield from _block(self.hashes, self.distance, range(i, a), range(j, b))
        few = np.flatnonzero(sizes <= _CROWD)
        ends = np.cumsum(sizes[few])
        for some in np.split(few, np.searchsorted(ends, range(_AT_ONCE, int(sizes[few].sum()), _AT_ONCE))):
            each = np.repeat(np.arange(len(some)), sizes[some])
            before = np.cumsum(sizes[some]) - sizes[some]
            place = (np.arange(len(each)) - before.take(each)).astype(np.uint32)  # among the pairs of one crowd
            row, column = np.divmod(place, others[some].astype(np.uint32).take(each))
            yield self._compared(one[some].take(each) + row, other[some].take(each) + column)

    def _compared(self, i: Whole, j: Whole) -> tuple[Whole, Whole]:
        near = np.flatnonzero(np.bitwise_count(self.hashes.take(i) ^ self.hashes.take(j)) <= self.distance)
        return i[near], j[near]

    def _named(self, i: Whole, j: Whole) -> Hashes:
        return _keys(self.order[i], self.order[j])


def _keys(i: Whole, j: Whole) -> Hashes:
    return np.minimum(i, j).astype(np.uint64) << np.uint64(32) | np.maximum(i, j).astype(np.uint64)


def _even(hashes: Hashes, bits: int) -> list[list[int]]:
    """Return the bits of each part: those that are set in nearest to half of the hashes, dealt out in turn.

    Bits that are nearly always set, or never, tell no two apart, and in perceptual hashes they stand side by side.
    """
    some = hashes[:: max(1, len(hashes) >> 12)]
    shares = np.unpackbits(_octets(some), axis=1, bitorder="little").mean(axis=0)
    best = np.argsort(np.abs(shares - 0.5), kind="stable")[: _PARTS * bits].tolist()
    return [best[part::_PARTS] for part in range(_PARTS)]


def _gathered(hashes: Hashes, chosen: list[int]) -> Hashes:
    """Return the chosen bits of each hash, the first lowest: looked up for each of its eight bytes."""
    values, found = np.arange(256, dtype=np.uint64), np.zeros(len(hashes), np.uint64)
    for octet, column in enumerate(_octets(hashes).T):
        table = np.zeros(256, np.uint64)
        for place, bit in enumerate(chosen):
            if bit >> 3 == octet:
                table |= (values >> np.uint64(bit & 7) & np.uint64(1)) << np.uint64(place)
        found |= table[column]
    return found


def _octets(hashes: Hashes) -> npt.NDArray[np.uint8]:
    """Return the eight bytes of each, the lowest first."""
    return np.ascontiguousarray(hashes, dtype="<u8").view(np.uint8).reshape(-1, 8)


def _moved(occurs: Hashes, bit: int) -> Hashes:
    """Return the sets of parts (one, or one a row) with this bit of each part flipped."""
    if bit < 6:
        width, low = np.uint64(1 << bit), _LOW[bit]
        return occurs >> width & low | (occurs & low) << width
    return occurs.reshape(-1, 2, 1 << bit - 6)[:, ::-1].reshape(occurs.shape)


def _both(occurs: Hashes, moved: Hashes, bit: int) -> tuple[Numbers, Numbers, Hashes]:
    """Return where parts occur that have a 0 in this bit and, in a row of `moved`, occur with a 1.

    That is, of each word in which there are any: the row, the place of the word in a row, and the word.
    """
    if bit < 6:
        both = _moved(moved, bit) & (occurs & _LOW[bit])
    else:
        halves = (-1, 2, 1 << bit - 6)
        both = moved.reshape(len(moved), *halves)[:, :, 1] & occurs.reshape(halves)[:, 0]
    both = both.reshape(-1)
    places = np.flatnonzero(both != 0)
    width = len(both) // len(moved)  # a power of two
    row, word = places >> width.bit_length() - 1, places & width - 1
    if bit >= 6:
        word += word >> bit - 6 << bit - 6  # room for those with a 1
    return row, word, both[places]


def _places(words: Hashes) -> tuple[Numbers, Numbers]:
    """Return each bit that is set: in which of the words (none is 0), and its place there."""
    # Most have one bit, and counting what is below it is faster than unpacking.
    one = np.uint64(1)
    lowest = np.bitwise_count(~words & (words - one)).astype(np.int64)
    rest = words & (words - one)
    more = np.flatnonzero(rest)
    unpacked = np.unpackbits(_octets(rest[more]).reshape(-1), bitorder="little").view(bool)
    places = np.flatnonzero(unpacked)
    return np.concatenate([np.arange(len(words)), more[places >> 6]]), np.concatenate([lowest, places & 63])


def _block(hashes: Hashes, distance: int, one: range, other: range) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the near pairs of the hashes of one range with those of the other."""
    step = max(1, _AT_ONCE // max(1, len(other)))
    sought = hashes[other.start : other.stop]
    for start in range(one.start, one.stop, step):
        seeking = hashes[start : min(start + step, one.stop), None]
        i, j = np.nonzero(np.bitwise_count(seeking ^ sought) <= distance)
        yield i + start, j + other.start
