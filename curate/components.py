"""Connected components: what edges join, however long the chain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FEW = 20_000  # edges that are joined one by one; loading scipy, which joins many at once, takes longer than that


def components(names: Sequence[str], edges: Iterable[tuple[str, str]], *, few: int = FEW) -> list[str]:
    """Return for each name the smallest name that it is joined with; an edge to an unknown name is ignored.

    >>> components(["a", "b", "c"], [("c", "b")])
    ['a', 'b', 'b']
    """
    place = {name: index for index, name in enumerate(names)}
    known = [(place[first], place[second]) for first, second in edges if first in place and second in place]
    group = _one_by_one(len(names), known) if len(known) <= few else _at_once(len(names), known)
    smallest: dict[int, str] = {}
    for name, number in zip(names, group, strict=True):
        if number not in smallest or name < smallest[number]:
            smallest[number] = name
    return [smallest[number] for number in group]


def _one_by_one(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for first, second in edges:
        one, other = top(first), top(second)
        above[max(one, other)] = min(one, other)
    return [top(place) for place in range(count)]


def _at_once(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    import numpy as np
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    ends = np.array(edges, dtype=np.int64).reshape(-1, 2)
    ones = np.ones(len(ends), dtype=np.int8)
    graph = coo_matrix((ones, (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    numbers: list[int] = group.tolist()
    return numbers
