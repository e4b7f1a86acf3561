"""Which pictures of many share a few places in one geometry: candidates for a look at the pixels. The door to FAISS.

Inverted lists (Jegou et al. 2011) of about a thousand descriptors each, however many there are, so that the work grows
with the pictures and the logarithm of their number. Waves are whole numbers below 2^7, so that every distance is exact
in float32: the same pairs on any machine with any number of threads.
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

VERSION = 1

_LIST = 1024  # descriptors of a list, on the mean
_PROBES = 6  # lists looked through for each descriptor
_ASKED = 48  # best places of a picture that are asked about; all are there to answer
_NEIGHBOURS = 24  # nearest descriptors looked at for each
_TREE = 4096  # lists above which the nearest are found along a graph (HNSW, Malkov and Yashunin 2018), not one by one
_AT_ONCE = 1024  # pictures asked for at a time
_VOTES = 3  # places that agree in turn and growth, from which two pictures are candidates
_TURNS = 12  # steps of a whole turn
_GROWTH = 1.0  # steps in each doubling

Numbers = npt.NDArray[np.int64]


def neighbours(packed: Sequence[bytes], new: Sequence[bool] | None = None) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield (pictures asked, i, j) for each batch: i < j, int64, may be one picture; no pair more than twice in all.

    `packed` holds the features of all pictures as `features` gives them. With `new`, pairs of which at least one is
    new, and only the new are asked about. A picture of which more than 24 copies are there names some of them.
    """
    counts = np.array([len(data) // (WAVES + 4) for data in packed], np.int64)
    if not counts.sum():
        return
    owners = np.repeat(np.arange(len(packed)), counts)
    whole = unpacked(b"".join(packed))
    index = _index(whole)
    starts = np.concatenate([[0], np.cumsum(counts)])
    asked = np.arange(len(packed)) if new is None else np.flatnonzero(np.asarray(new, bool))
    for begin in range(0, len(asked), _AT_ONCE):
        batch = asked[begin : begin + _AT_ONCE]
        rows = np.concatenate([np.arange(starts[one], min(starts[one] + _ASKED, starts[one + 1])) for one in batch])
        if len(rows):
            found = [_voted(index, whole, owners, len(packed), rows, mirror) for mirror in (False, True)]
            keys = np.unique(np.concatenate(found))
            yield len(batch), keys // len(packed), keys % len(packed)
        else:
            yield len(batch), rows, rows


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
    for begin in range(0, total, 1 << 18):
        index.add(whole.waves[begin : begin + (1 << 18)].astype(np.float32))
    index.own_fields = True  # the index frees what it points to
    middle.this.disown()
    return index


def _drawn(waves: npt.NDArray[np.int8], count: int) -> npt.NDArray[np.float32]:
    """Return `count` descriptors that stand for all."""
    mixed = waves.view(np.uint8).astype(np.uint64) @ np.frombuffer(
        b"".join(hashlib.sha256(b"%d" % place).digest()[:8] for place in range(WAVES)), "<u8"
    )
    mixed *= np.uint64(0x9E3779B97F4A7C15)
    smallest = np.lexsort((np.arange(len(mixed)), mixed))[:count] if count < len(mixed) else np.arange(len(mixed))
    return np.unique(waves[smallest], axis=0).astype(np.float32)


def _voted(
    index: faiss.IndexIVF, whole: Features, owners: Numbers, pictures: int, rows: Numbers, mirror: bool
) -> Numbers:
    """Return the pairs, i * pictures + j, that enough of these rows vote for."""
    waves = mirrored(whole.waves[rows]) if mirror else whole.waves[rows]
    away, found = index.search(waves.astype(np.float32), _NEIGHBOURS)
    asking, place = np.nonzero((found >= 0) & (away < ALIKE))
    here, there = rows[asking], found[asking, place]
    other = owners[there] != owners[here]
    here, there = here[other], there[other]
    pairs, number, votes = np.unique(owners[here] * pictures + owners[there], return_inverse=True, return_counts=True)
    enough = votes[number] >= _VOTES
    here, there, number = here[enough], there[enough], number[enough]
    turn = whole.angles[there] - whole.angles[here] * (-1 if mirror else 1)
    turn = (turn / (2 * np.pi) * _TURNS) % _TURNS
    grown = (whole.sizes[there] - whole.sizes[here]) * _GROWTH
    asking = here - rows[0]
    span = int(asking.max(initial=0)) + 1
    chosen = np.zeros(len(pairs), bool)
    # Each vote is counted in steps that begin at a whole and at a half, so that no border parts what agrees.
    for shift_turn in (0.0, 0.5):
        for shift_grown in (0.0, 0.5):
            step = (np.floor(turn + shift_turn) % _TURNS).astype(np.int64) * 32
            step += np.floor(grown + shift_grown).astype(np.int64) + 16
            # One place votes once for a pair, however many places of the other it resembles.
            once = np.unique((number * (_TURNS * 32) + step) * span + asking) // span
            keys, counts = np.unique(once, return_counts=True)
            chosen[keys[counts >= _VOTES] // (_TURNS * 32)] = True
    pair = pairs[chosen]
    i, j = pair // pictures, pair % pictures
    return np.asarray(np.minimum(i, j) * pictures + np.maximum(i, j), np.int64)
