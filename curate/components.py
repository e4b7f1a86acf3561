"""Connected components: what edges join, however long the chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def components(names: Sequence[str], edges: Iterable[tuple[str, str]]) -> list[str]:
    """Return for each name the smallest name that it is joined with; an edge to an unknown name is ignored.

    >>> components(["a", "b", "c"], [("c", "b")])
    ['a', 'b', 'b']
    """
    place = {name: index for index, name in enumerate(names)}
    known = [(place[first], place[second]) for first, second in edges if first in place and second in place]
    ends = np.array(known, dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(ends), dtype=np.int8)
    graph = coo_matrix((ones, (ends[:, 0], ends[:, 1])), shape=(len(names), len(names)))
    _, group = connected_components(graph, directed=False)
    smallest: dict[int, str] = {}
    for name, number in zip(names, group, strict=True):
        if number not in smallest or name < smallest[number]:
            smallest[number] = name
    return [smallest[number] for number in group]
