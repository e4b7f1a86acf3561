"""Connected components are the same, joined one by one or all at once."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from curate.components import components

NAMES = [f"n{number}" for number in range(30)]


@given(edges=st.lists(st.tuples(st.sampled_from([*NAMES, "unknown"]), st.sampled_from(NAMES)), max_size=60))
@settings(deadline=None)
def test_one_by_one_and_all_at_once_are_the_same(edges: list[tuple[str, str]]) -> None:
    found = components(NAMES, edges)
    assert found == components(NAMES, edges, few=-1)
    group = dict(zip(NAMES, found, strict=True))
    assert all(group[first] == group[second] for first, second in edges if first in group)
    assert all(group[name] <= name and group[group[name]] == group[name] for name in NAMES)


def test_a_long_chain_is_one() -> None:
    names = [f"{number:06}" for number in range(5000)]
    assert set(components(names, list(zip(names[1:], names, strict=False)))) == {names[0]}
