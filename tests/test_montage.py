"""Sheets cut into tiles: drawn ones whose answer is known, and all real ones there are."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_sheets import CHANGES, captioned_sheet, off, picture, plain_sheet, resized
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UnreadablePicture
from curate.images import codec, montage
from curate.records import Box


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 47), st.data())
def test_plain_sheets_of_any_tiles_are_cut_exactly(count: int, data: st.DataObject) -> None:
    side = st.one_of(st.just(100), st.integers(82, 100))
    sizes = data.draw(
        st.lists(st.tuples(st.just(100), side) | st.tuples(side, st.just(100)), min_size=count, max_size=count)
    )
    sheet, boxes = plain_sheet(sizes)
    tiles = montage.cut(sheet, "plain")
    assert [tile.box for tile in tiles] == boxes
    assert [(tile.cell, tile.row, tile.column) for tile in tiles] == [(n + 1, n // 20, n % 20) for n in range(count)]
    assert {(tile.kind, tile.text) for tile in tiles} == {("picture", None)}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ground", [(214, 170, 140), (243, 228, 214), (70, 45, 35)])
def test_a_plain_sheet_that_was_changed(change: str, ground: tuple[int, int, int]) -> None:
    sheet, boxes = plain_sheet([(100, 100 - n % 5 * 3) if n % 2 else (100, 100) for n in range(33)], ground)
    made, factor, shift = CHANGES[change]
    tiles = montage.cut(made(sheet), "plain")
    assert len(tiles) == 33
    worst = [off(tile, box, factor, shift) for tile, box in zip(tiles, boxes, strict=True)]
    assert max(worst) <= (0 if "as" in change or "border" in change else 1)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("ground", [(214, 170, 140), (243, 228, 214), (70, 45, 35)])
def test_a_captioned_sheet_that_was_changed(change: str, ground: tuple[int, int, int]) -> None:
    texts = {cell: f"{cell + 900}, {'MF'[cell % 2]}/{cell % 90 + 5}, xanthelasma" for cell in range(0, 110, 4)}
    blanks = {118, 119}
    made, factor, shift = CHANGES[change]
    tiles = montage.cut(made(captioned_sheet(texts, blanks, ground)), "captioned")
    assert len(tiles) == 120
    for cell, tile in enumerate(tiles):
        assert (tile.cell, tile.row, tile.column) == (cell + 1, cell // 15, cell % 15)
        assert tile.kind == ("label" if cell in texts else "blank" if cell in blanks else "picture")
        assert tile.text == texts.get(cell)
        assert off(tile, Box(5 + 105 * tile.column, 5 + 105 * tile.row, 100, 100), factor, shift) <= (factor != 1)


def test_a_label_cell_that_cannot_be_read_has_no_text() -> None:
    sheet = captioned_sheet({0: "1, M/60, wart"}, set())
    sheet[8:14, 6:30] = 90
    tile = montage.cut(sheet, "captioned")[0]
    assert (tile.kind, tile.text) == ("label", None)


@pytest.mark.parametrize("layout", ["plain", "captioned"])
def test_an_empty_sheet_has_no_tile(layout: str) -> None:
    for sheet in (np.full((850, 1580, 3), 255, np.uint8), np.full((1, 1, 3), 255, np.uint8)):
        with pytest.raises(UnreadablePicture, match="no tile found"):
            montage.cut(sheet, layout)  # type: ignore[arg-type]


def not_sheets() -> dict[str, codec.Pixels]:
    whole = captioned_sheet({0: "1, M/60, wart"}, set())
    plain, _ = plain_sheet([(100, 100)] * 47)
    holed = plain.copy()
    holed[40:160, 16 + 112 * 5 - 4 : 16 + 112 * 6 - 8] = 255
    return {
        "a row cut off": whole[:745],
        "columns cut off": whole[:, :1265],
        "stretched": resized(1)(cv2.resize(whole, (1580, 1000))),
        "one photograph": picture(600, 800, 1),
        "noise": np.random.default_rng(1).integers(0, 255, (300, 400, 3), np.uint8),
        "a black picture": np.zeros((200, 200, 3), np.uint8),
        "one dark pixel": np.pad(np.zeros((1, 1, 3), np.uint8), ((50, 50), (50, 50), (0, 0)), constant_values=255),
        "plain, a hole": holed,
        "plain, columns cut off": plain[:, :1600],
        "plain, rows cut off": plain[60:],
    }


@pytest.mark.parametrize("name", not_sheets())
@pytest.mark.parametrize("layout", ["plain", "captioned"])
def test_what_is_no_sheet_is_refused_with_what_was_expected(name: str, layout: str) -> None:
    with pytest.raises(UnreadablePicture) as refused:
        montage.cut(not_sheets()[name], layout)  # type: ignore[arg-type]
    assert refused.value.expected
    assert refused.value.found


def test_the_other_layout_is_refused() -> None:
    with pytest.raises(UnreadablePicture):
        montage.cut(captioned_sheet({0: "1, M/60, wart"}, set()), "plain")
    with pytest.raises(UnreadablePicture):
        montage.cut(plain_sheet([(100, 100)] * 47)[0], "captioned")


@pytest.mark.real
def test_every_real_plain_sheet(real: Path) -> None:
    counts = {row["sheet"]: int(row["tiles"]) for row in csv.DictReader((real / "asan/asan_sheets.csv").open())}
    small = 0
    sheets = sorted((real / "asan").rglob("*.png"))
    assert len(sheets) == 7
    for path in sheets:
        pixels = codec.decode(path.read_bytes()).pixels
        tiles = montage.cut(pixels, "plain")
        assert len(tiles) == counts[path.name]
        for tile in tiles:
            box = tile.box
            around = pixels[box.top - 1 : box.top + box.height + 3, box.left - 1 : box.left + box.width + 3, 0]
            middle = around[box.height // 2]
            assert (middle[0], *middle[-3:]) == (249, 149, 218, 249)
            middle = around[:, box.width // 2]
            assert (middle[0], *middle[-3:]) == (249, 149, 218, 249)
            assert box.left == 16 + 112 * tile.column + (100 - box.width) // 2
            small += min(box.width, box.height) < 100
        # What is true was just held against the known greys of the unchanged sheet.
        for change, (made, factor, shift) in CHANGES.items():
            found = montage.cut(made(pixels), "plain")
            assert len(found) == len(tiles)
            worst = max(off(one, other.box, factor, shift) for one, other in zip(found, tiles, strict=True))
            # Half a pixel where the true edge lies between two.
            assert worst <= (0.5 if change == "half" else 0), change
    assert small == 101


@pytest.mark.real
@pytest.mark.parametrize("change", CHANGES)
def test_every_real_captioned_sheet(real: Path, change: str) -> None:
    folder = real / "severance"
    counts = {row["sheet"]: row for row in csv.DictReader((folder / "severance_sheets.csv").open())}
    cases = {
        (row["sheet"], int(row["row"]), int(row["col"])): f"{row['case_id']}, {row['sex']}/{row['age']}, {row['label']}"
        for row in csv.DictReader((folder / "severance_cases.csv").open())
    }
    made, factor, shift = CHANGES[change]
    pictures, labels = 0, 0
    paths = sorted((folder / "SeveranceA_Thumbnails").glob("*.jpg"))
    assert len(paths) == 60
    # Those of another size take long; benchmarks/sheets.py takes all of them.
    for path in paths if factor == 1 else paths[2::3]:
        tiles = montage.cut(made(codec.decode(path.read_bytes()).pixels), "captioned")
        kinds = [tile.kind for tile in tiles]
        row = counts[path.name]
        wanted = [int(row[name]) for name in ("label_cells", "image_cells", "blank_cells")]
        assert [kinds.count("label"), kinds.count("picture"), kinds.count("blank")] == wanted
        for tile in tiles:
            box = Box(5 + 105 * tile.column, 5 + 105 * tile.row, 100, 100)
            assert off(tile, box, factor, shift) <= (0.5 if change == "half" else 0)
            assert tile.text == cases.get((path.name, tile.row, tile.column))
        pictures, labels = pictures + kinds.count("picture"), labels + kinds.count("label")
    assert (pictures, labels) == (5579, 1617) or factor != 1
