"""Tiles of captioned sheets find their case over row and sheet ends, and are left out where that cannot be proved."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from sheet_stream import Cell, cut, records, workbook


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=30),
    size=st.integers(9, 14),
    absent=st.sets(st.integers(1, 25)),
)
def test_every_tile_belongs_to_the_label_cell_before_it(sizes: list[int], size: int, absent: set[int]) -> None:
    stream: list[Cell] = []
    for case, pictures in enumerate(sizes, start=1):
        stream += [("label", case), *[("picture", case)] * pictures]
    sheets = {position: cells for position, cells in cut(stream, size).items() if position not in absent}
    found = records(sheets, workbook(len(sizes)))

    expected: dict[str, str | None] = {}
    seen: dict[int, int] = {}
    for position, cells in sheets.items():
        lost = 0
        labelled = position - 1 in sheets
        for kind, case in cells:
            labelled = labelled or kind == "label"
            if kind == "picture" and labelled:
                seen[case] = seen.get(case, 0) + 1
                expected[f"severance:{case}/{seen[case]}"] = None
            elif kind == "picture":
                lost += 1
                expected[f"severance:{position:03}.jpg/{lost}"] = "no label cell"
    # The last case of one sheet and the first of the next prove each other; without a label cell nothing is proved.
    if all(any(kind == "label" for kind, _ in cells) for cells in sheets.values()):
        assert {name: row["problem"] for name, row in found.items()} == expected
    assert len(found) == sum(kind == "picture" for cells in sheets.values() for kind, _ in cells)


STREAM = [("label", 1), ("picture", 1), ("label", 2), ("picture", 2), ("picture", 2), ("label", 3), ("picture", 3)]


def test_a_tile_carries_what_the_workbook_says_of_its_case() -> None:
    found = records({1: list(STREAM)}, workbook(3))
    assert sorted(found) == ["severance:1/1", "severance:2/1", "severance:2/2", "severance:3/1"]
    assert found["severance:2/2"]["source_label"] == "wart"
    assert found["severance:2/2"]["lesion_id"] == "2"
    assert found["severance:2/2"]["problem"] is None


def test_a_workbook_with_one_row_less_than_there_are_cases() -> None:
    found = records({1: list(STREAM)}, workbook(2))
    lost = found["severance:001.jpg/4"]
    assert lost["problem"] == "sheet unreadable"
    assert "no row 3" in lost["problem_detail"]
    assert len(found) == 4


def test_a_label_cell_that_disagrees_with_the_workbook_is_not_believed() -> None:
    for text in ("2, M/40, wart", "2, F/41, wart", "2, F/40, nevus", "20, F/40, wart", None):
        found = records({1: list(STREAM)}, workbook(3), {2: text})
        problems = [row["problem"] for name, row in sorted(found.items()) if name.startswith("severance:001.jpg/")]
        assert problems[:2] == ["sheet unreadable"] * 2, (text, found)
        assert "severance:1/1" in found


def test_a_sheet_renamed_into_a_gap_carries_no_case_over() -> None:
    found = records({1: [("label", 1), ("picture", 1)], 2: [("picture", 7), ("label", 8), ("picture", 8)]}, workbook(9))
    assert found["severance:002.jpg/1"]["problem"] == "sheet unreadable"
    assert "begins with case 8" in found["severance:002.jpg/1"]["problem_detail"]
    assert found["severance:8/1"]["problem"] is None


TWICE: list[Cell] = [("label", 1), ("picture", 1), ("label", 2), ("picture", 2)]


def test_a_sheet_that_comes_twice_is_taken_once() -> None:
    found = records({1: list(TWICE), 5: list(TWICE)}, workbook(3), copies={5: 1})
    assert sorted(name for name, row in found.items() if row["problem"] is None) == ["severance:1/1", "severance:2/1"]
    copied = [row for row in found.values() if row["problem"]]
    assert sorted(row["id"] for row in copied) == ["severance:005.jpg/1", "severance:005.jpg/2"]
    assert all(row["problem_detail"] == "the sheet 005.jpg is a copy of another" for row in copied)


def test_a_case_that_stands_on_two_different_sheets_is_believed_on_neither() -> None:
    found = records({1: list(TWICE), 5: list(TWICE)}, workbook(3))
    assert {row["problem"] for row in found.values()} == {"sheet unreadable"}
    assert len(found) == 4
