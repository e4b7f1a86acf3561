"""Sheets that are filled only in part: the last of a series, a lone tile, a column of label cells, bare rows."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_sheets import CHANGES, captioned_sheet, off, plain_sheet
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UnreadablePicture
from curate.images import codec, montage
from curate.records import Box

NAMES = ("wart", "xanthelasma", "squamouscellcarcinoma")
GROUNDS = ((214, 170, 140), (243, 228, 214), (70, 45, 35))


def labels(cells: set[int]) -> dict[int, str]:
    return {cell: f"{cell + 900}, {'MF'[cell % 2]}/{cell % 90 + 5}, {NAMES[cell % 3]}" for cell in cells}


def check(texts: dict[int, str], blanks: set[int], filled: int, ground: tuple[int, int, int], change: str) -> None:
    made, factor, shift = CHANGES[change]
    tiles = montage.cut(made(captioned_sheet(texts, blanks, ground, filled)), "captioned")
    assert [tile.cell for tile in tiles] == list(range(1, 121))
    for cell, tile in enumerate(tiles):
        bare = cell in blanks or cell >= filled
        assert (tile.row, tile.column) == divmod(cell, 15)
        assert tile.kind == ("label" if cell in texts else "blank" if bare else "picture"), cell
        assert tile.text == texts.get(cell)
        assert off(tile, Box(5 + 105 * tile.column, 5 + 105 * tile.row, 100, 100), factor, shift) <= (factor != 1)


@pytest.mark.parametrize("filled", [1, 2, 3, 7, 15, 16, 31, 45, 60, 70, 106, 119, 120])
@pytest.mark.parametrize("change", CHANGES)
def test_a_captioned_sheet_of_any_number_of_cells(filled: int, change: str) -> None:
    for number, ground in enumerate(GROUNDS):
        check(labels(set(range(0, filled, 4 - number))), set(), filled, ground, change)


@pytest.mark.parametrize("change", CHANGES)
def test_columns_and_rows_of_label_cells_alone(change: str) -> None:
    for cells in (set(range(0, 120, 15)), set(range(45, 75)), {c for c in range(120) if 3 <= c % 15 <= 8}):
        check(labels(cells), set(), 120, GROUNDS[0], change)
    check(labels(set(range(120))), set(), 120, GROUNDS[0], change)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.data())
def test_any_cells_of_a_filled_prefix_may_be_labels_or_bare(filled: int, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from("plb"), min_size=filled, max_size=filled))
    if set(kinds) == {"b"}:
        kinds[0] = "p"
    texts = labels({cell for cell, kind in enumerate(kinds) if kind == "l"})
    blanks = {cell for cell, kind in enumerate(kinds) if kind == "b"}
    check(texts, blanks, filled, data.draw(st.sampled_from(GROUNDS)), data.draw(st.sampled_from(sorted(CHANGES))))


def not_partial_sheets() -> dict[str, codec.Pixels]:
    few = captioned_sheet(labels({0, 4, 8}), set(), filled=20)
    struck, framed = few.copy(), few.copy()
    struck[200:400, 400:404] = 0  # a line over four gaps
    framed[500:700, 700:900] = 90  # a picture that lies over the grid
    unshaded = np.full_like(few, 255)
    for column in range(3):
        unshaded[5:105, 5 + 105 * column : 105 + 105 * column] = 120
    return {
        "cropped": few[:745],
        "shifted by half a cell": np.roll(few, 50, axis=1),
        "a line drawn over it": struck,
        "a picture pasted over it": framed,
        "cells without a shadow": unshaded,
    }


@pytest.mark.parametrize("name", not_partial_sheets())
def test_what_the_grid_does_not_explain_is_refused(name: str) -> None:
    with pytest.raises(UnreadablePicture) as refused:
        montage.cut(not_partial_sheets()[name], "captioned")
    assert refused.value.expected
    assert refused.value.found


def test_a_sheet_that_was_shifted_a_little_is_cut_where_it_lies() -> None:
    tiles = montage.cut(np.roll(captioned_sheet({}, set(), filled=20), (2, 3), axis=(0, 1)), "captioned")
    assert [tile.box for tile in tiles] == [Box(8 + 105 * (n % 15), 7 + 105 * (n // 15), 100, 100) for n in range(120)]


@pytest.mark.parametrize("count", [1, 2, 3, 9, 19, 20, 21, 41])
@pytest.mark.parametrize("change", CHANGES)
def test_a_plain_sheet_of_few_tiles(count: int, change: str) -> None:
    made, factor, shift = CHANGES[change]
    for ground in GROUNDS:
        for sides in ((100, 100), (87, 100), (100, 83)):
            sizes = [sides if number >= (count - 1) // 20 * 20 else (100, 100) for number in range(count)]
            sheet, boxes = plain_sheet(sizes, ground)
            tiles = montage.cut(made(sheet), "plain")
            assert [(tile.row, tile.column) for tile in tiles] == [divmod(number, 20) for number in range(count)]
            worst = max(off(tile, box, factor, shift) for tile, box in zip(tiles, boxes, strict=True))
            assert worst <= (0 if change == "as it is" or "border" in change else 1)
