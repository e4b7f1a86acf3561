"""Which pictures of many share a few places in one geometry: candidates for a look at the pixels. The door to FAISS.

Inverted lists (Jegou et al. 2011) of about five hundred descriptors each, however many there are, so that the work
grows with the pictures and the logarithm of their number. Waves are whole numbers below 2^7, so that every distance is
exact in float32: the same pairs on any machine with any number of threads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from curate.images.alignment import ALIKE
from curate.images.features import WAVES, Features, mirrored, unpacked

VERSION = 5

_LIST = 512  # descriptors of a list, on the mean
_PROBES = 4  # lists looked through for each descriptor
_NEIGHBOURS = 24  # nearest descriptors looked at for each, at most
_FEWEST = 6  # of them where few pictures are asked: there each place has some near neighbours in every one by chance
_PICTURES = 16  # asked for each nearest descriptor looked at: as many stand by chance before the right one
_TREE = 4096  # lists above which the nearest are found along a graph (HNSW, Malkov and Yashunin 2018), not one by one
_AT_ONCE = 1024  # pictures asked for at a time
_MIXED = 1 << 18  # descriptors held in a larger form at a time
_VOTES = 3  # places that agree in turn and growth, from which two pictures are candidates
_CANDIDATES = 32  # of one picture, with most votes: where pictures are few, every place has some near neighbour in each
_TURNS = 12  # steps of a whole turn
_GROWTH = 1.0  # steps in each doubling

Numbers = npt.NDArray[np.int64]
Candidate = tuple[int, int, bool]


class Asked:
    """Pictures that are asked: the features of each, as `features` gives them, and the lists to find them by.

    What is found depends on who asks and who is asked alone, not on what else there is, was asked before, or comes
    later. Of a picture that has more copies among those asked than a sixteenth of them (but 6, and at
    most 24), some are found, and each of these finds others.
    """

    def __init__(self, packed: Sequence[bytes]) -> None:
        self._pictures = len(packed)
        self._nearest = min(_NEIGHBOURS, max(_FEWEST, len(packed) // _PICTURES))
        self._owners, self._whole, _ = _laid_out(packed)
        self._index = _index(self._whole) if len(self._whole) else None

    def neighbours(self, asking: Sequence[bytes] | None = None) -> Iterator[tuple[int, list[Candidate]]]:
        """Yield (pictures that asked, candidates) for each batch: (i, j, mirrored), sorted.

        Picture i of those asking may be picture j of those asked, or its mirror image. Without `asking`, those asked
        ask one another, and i < j; a candidate may come from either end, in two batches.
        """
        if self._index is None:
            return
        own = asking is None
        owners, whole, starts = (self._owners, self._whole, None) if asking is None else _laid_out(asking)
        if starts is None:
            starts = np.searchsorted(owners, np.arange(self._pictures + 1))
        for begin in range(0, len(starts) - 1, _AT_ONCE):
            end = min(begin + _AT_ONCE, len(starts) - 1)
            rows = np.arange(starts[begin], starts[end])
            found: list[Candidate] = []
            for mirror in (False, True) if len(rows) else ():
                keys = np.unique(self._voted(whole, owners, rows, own, mirror))
                i, j = keys // self._pictures, keys % self._pictures
                found += zip(i.tolist(), j.tolist(), [mirror] * len(keys), strict=True)
            yield end - begin, sorted(found)

    def _voted(self, whole: Features, owners: Numbers, rows: Numbers, own: bool, mirror: bool) -> Numbers:
        """Return the pairs, i * pictures + j, that enough of these rows vote for."""
        assert self._index is not None
        waves = mirrored(whole.waves[rows]) if mirror else whole.waves[rows]
        away, found = self._index.search(waves.astype(np.float32), self._nearest)
        asking, place = np.nonzero((found >= 0) & (away < ALIKE))
        here, there = rows[asking], found[asking, place]
        if own:
            other = self._owners[there] != owners[here]
            here, there = here[other], there[other]
        pair = owners[here] * self._pictures + self._owners[there]
        pairs, number, votes = np.unique(pair, return_inverse=True, return_counts=True)
        enough = votes[number] >= _VOTES
        here, there, number = here[enough], there[enough], number[enough]
        turn = self._whole.angles[there] - whole.angles[here] * (-1 if mirror else 1)
        turn = (turn / (2 * np.pi) * _TURNS) % _TURNS
        grown = (self._whole.sizes[there] - whole.sizes[here]) * _GROWTH
        asking = here - rows[0]
        span = int(asking.max(initial=0)) + 1
        best = np.zeros(len(pairs), np.int64)
        # Each vote is counted in steps that begin at a whole and at a half, so that no border parts what agrees.
        for shift_turn in (0.0, 0.5):
            for shift_grown in (0.0, 0.5):
                step = (np.floor(turn + shift_turn) % _TURNS).astype(np.int64) * 32
                step += np.floor(grown + shift_grown).astype(np.int64) + 16
                # One place votes once for a pair, however many places of the other it resembles.
                once = np.unique((number * (_TURNS * 32) + step) * span + asking) // span
                keys, counts = np.unique(once, return_counts=True)
                np.maximum.at(best, keys // (_TURNS * 32), counts)
        pair = pairs[_first(pairs // self._pictures, best)]
        if own:
            i, j = pair // self._pictures, pair % self._pictures
            pair = np.minimum(i, j) * self._pictures + np.maximum(i, j)
        return np.asarray(pair, np.int64)


def _first(asking: Numbers, votes: Numbers) -> Numbers:
    """Return which pairs are among the best voted of the picture that asks, of as many votes the first."""
    order = np.lexsort((np.arange(len(votes)), -votes, asking))
    order = order[votes[order] >= _VOTES]
    _, begin, inverse = np.unique(asking[order], return_index=True, return_inverse=True)
    return order[np.arange(len(order)) - begin[inverse] < _CANDIDATES]


def _laid_out(packed: Sequence[bytes]) -> tuple[Numbers, Features, Numbers]:
    """Return the picture that each place is of, all places, and where the places of each picture begin (and end)."""
    counts = np.array([len(data) // (WAVES + 4) for data in packed], np.int64)
    return np.repeat(np.arange(len(packed)), counts), unpacked(b"".join(packed)), np.cumsum([0, *counts])


def _index(whole: Features) -> faiss.IndexIVF:
    total = len(whole)
    lists = max(1, total // _LIST)
    # Lists stand round descriptors drawn by their own bytes: no training, so the same whatever the order of arrival.
    if lists > _TREE:
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)  # a graph built by several threads is another one each time
        middle: Any = faiss.IndexHNSWFlat(WAVES, 16)
        middle.hnsw.efConstruction, middle.hnsw.efSearch = 40, 24
        middle.add(_drawn(whole.waves, lists))
        faiss.omp_set_num_threads(threads)
    else:
        middle = faiss.IndexFlatL2(WAVES)
        middle.add(_drawn(whole.waves, lists))
    index = faiss.IndexIVFScalarQuantizer(
        middle, WAVES, middle.ntotal, faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_L2, False
    )
    index.is_trained = True
    index.nprobe = _PROBES
    for begin in range(0, total, _MIXED):
        index.add(whole.waves[begin : begin + _MIXED].astype(np.float32))
    index.own_fields = True  # the index frees what it points to
    middle.this.disown()
    return index


def _drawn(waves: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.float32]:
    """Return `count` descriptors that stand for all."""
    by = np.frombuffer(b"".join(hashlib.sha256(b"%d" % place).digest()[:8] for place in range(WAVES)), "<u8")
    steps = range(0, len(waves), _MIXED)
    mixed = np.concatenate([waves[at : at + _MIXED].view(np.uint8).astype(np.uint64) @ by for at in steps])
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    smallest = np.lexsort((np.arange(len(mixed)), mixed))[:count] if count < len(mixed) else np.arange(len(mixed))
    return np.unique(waves[smallest], axis=0).astype(np.float32)
