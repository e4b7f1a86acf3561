"""Connected components: what edges join, however long the chain; in bulk, since a corpus may have millions of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

FEW = 20_000  # edges that are joined one by one; loading scipy, which joins many at once, takes longer than that

Places = NDArray[np.int64]
_ENDS = ("first", "second")


def grouped(names: pa.Array | pa.ChunkedArray, edges: pa.Table, *, few: int = FEW) -> pa.Array:
    """Return for each name (text, each once) the smallest name that it is joined with.

    `edges` has the columns `first` and `second`; an edge to an unknown name is ignored.
    """
    names = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    ends = [pc.index_in(edges.column(end), value_set=names) for end in _ENDS]
    known = pc.and_(*(pc.is_valid(end) for end in ends))
    first, second = (end.filter(known).to_numpy().astype(np.int64) for end in ends)
    join = _one_by_one if len(first) <= few else _at_once
    group = join(len(names), first, second)
    in_order = pc.sort_indices(names).to_numpy()
    rank = np.empty(len(names), np.int64)
    rank[in_order] = np.arange(len(names))
    smallest = np.full(len(names), len(names), np.int64)
    np.minimum.at(smallest, group, rank)
    return names.take(pa.array(in_order[smallest[group]]))


def components(names: Sequence[str], edges: Iterable[tuple[str, str]], *, few: int = FEW) -> list[str]:
    """Return the same for lists.

    >>> components(["a", "b", "c"], [("c", "b")])
    ['a', 'b', 'b']
    """
    pairs = list(edges)
    ends = pa.table({end: pa.array([pair[place] for pair in pairs], pa.string()) for place, end in enumerate(_ENDS)})
    found: list[str] = grouped(pa.array(names, pa.string()), ends, few=few).to_pylist()
    return found


def _one_by_one(count: int, first: Places, second: Places) -> Places:
    group = np.arange(count)
    touched, ends = np.unique(np.concatenate([first, second]), return_inverse=True)
    above = list(range(len(touched)))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for start, end in zip(ends[: len(first)].tolist(), ends[len(first) :].tolist(), strict=True):
        one, other = top(start), top(end)
        above[max(one, other)] = min(one, other)
    group[touched] = touched[[top(place) for place in range(len(touched))]]
    return group


def _at_once(count: int, first: Places, second: Places) -> Places:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(first), dtype=np.int8)
    graph = coo_matrix((ones, (first, second)), shape=(count, count))
    group: Places = connected_components(graph, directed=False)[1].astype(np.int64)
    return group
