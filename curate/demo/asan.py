"""The ASAN and Hallym sheets of the demo: white RGBA PNGs, twenty tiles a row, each with its border and shadow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.demo import bitmap
from curate.demo.archive import pack
from curate.demo.noise import generator
from curate.demo.photographs import Shot
from curate.demo.skin import Pixels
from curate.demo.truth import Part, Planted, Split, category

ZIP = "Asan and Hallym (thumbnails).zip"
TOP = "Asan and Hallym (thumbnails)"
SIDE, ACROSS, DOWN, COLUMNS = 100, 112, 128, 20  # pixels, pixels, pixels, tiles
LEFT, TOP_MARGIN, BOTTOM = 16, 48, 48  # pixels of white around the tiles
_SHADOW = (149, 218, 249)
_CORNER = ((190, 230, 251), (230, 245, 253), (251, 253, 255))

SUBTYPES = {
    "ak": "actinic_keratosis",
    "actinickeratosis": "actinic_keratosis",
    "bcc": "basal_cell_carcinoma",
    "dermatofibroma": "dermatofibroma",
    "intraepithelial carcinoma": "bowen_disease",
    "lentigo": "lentigo",
    "melanoma": "melanoma",
    "nevus": "melanocytic_nevus",
    "pyogenic granuloma": "pyogenic_granuloma",
    "scc": "squamous_cell_carcinoma",
    "sebk": "seborrheic_keratosis",
    "wart": "wart",
}


@dataclass(frozen=True)
class Sheet:
    """One sheet: its folder, its file name, the words of its tiles' ids, its class and how many tiles it has."""

    source: str
    folder: str
    file: str
    name: str
    label: str
    tiles: int


def _train(how: str, label: str, tiles: int) -> Sheet:
    name = f"train-{how}-{label}".replace(" ", "-")
    return Sheet("asan", "Asan training dataset", f"L#12dx#train-asan90#{how}#{label}.png", name, label, tiles)


def _test(how: str, label: str, tiles: int) -> Sheet:
    name = f"test-{how}-{label}".replace(" ", "-")
    return Sheet("asan", "Asan test dataset", f"L#12dx#test-asan10#{how}#{label}.png", name, label, tiles)


def _hallym(part: str, tiles: int) -> Sheet:
    return Sheet("hallym", "Hallym dataset", f"L#12dx#hallym#{part} bcc.png", f"{part}-bcc", "bcc", tiles)


SHEETS: dict[str, tuple[Sheet, ...]] = {
    "tiny": (
        *(_train("biopsy", "ak", 22), _train("non-biopsy", "nevus", 5), _test("biopsy", "actinickeratosis", 3)),
        *(_test("biopsy", "pyogenic granuloma", 4), _hallym("back", 3), _hallym("hallym", 22)),
    ),
    "small": (
        *(_train("biopsy", "ak", 24), _train("non-biopsy", "nevus", 12), _train("biopsy", "melanoma", 21)),
        *(_test("biopsy", "actinickeratosis", 4), _test("biopsy", "pyogenic granuloma", 5)),
        *(_hallym("back", 3), _hallym("hallym", 22)),
    ),
    "demo": (
        *(_train("biopsy", "ak", 44), _train("biopsy", "bcc", 22), _train("biopsy", "melanoma", 26)),
        *(_train("biopsy", "intraepithelial carcinoma", 12), _train("biopsy", "scc", 14)),
        *(_train("non-biopsy", "nevus", 27), _train("non-biopsy", "wart", 19), _train("non-biopsy", "sebk", 14)),
        *(_test("biopsy", "actinickeratosis", 9), _test("biopsy", "lentigo", 8), _test("biopsy", "melanoma", 8)),
        *(_test("biopsy", "pyogenic granuloma", 6), _hallym("back", 9), _hallym("hallym", 22)),
    ),
}


def make(seed: int, size: str) -> Part:
    """Return the zip that both sources share, under both names, and the records of both."""
    members, records = [], []
    counts = {source: {"records": 0, "pictures": 0, "sheets": 0} for source in ("asan", "hallym")}
    for sheet in SHEETS[size]:
        tiles = [_tile(seed, sheet, number) for number in range(1, sheet.tiles + 1)]
        members.append(
            (f"{TOP}/{sheet.folder}/{sheet.file}", bitmap.png(bitmap.opaque(lay_out([tile for tile, _ in tiles]))))
        )
        records += [record for _, record in tiles]
        split = "train" if sheet.name.startswith("train") else "test"
        count = counts[sheet.source]
        for word, more in (("records", sheet.tiles), ("pictures", sheet.tiles), (split, sheet.tiles), ("sheets", 1)):
            count[word] = count.get(word, 0) + more
    data = pack(sorted(members))
    return Part({"asan": {ZIP: data}, "hallym": {ZIP: data}}, records, counts)


def tile_size(sheet: Sheet, number: int) -> tuple[int, int]:
    """Return width and height of a tile: one in eight has a side below 100, and so have all of a Hallym last row."""
    odd = generator(f"tile/{sheet.file}/{number}").integers(82, 100)
    last_row = number > (sheet.tiles - 1) // COLUMNS * COLUMNS
    if sheet.source == "hallym" and last_row and sheet.tiles > COLUMNS:
        return SIDE, max(90, min(96, int(odd)))
    if number % 8 == 5:
        return (int(odd), SIDE) if number % 16 == 5 else (SIDE, int(odd))
    return SIDE, SIDE


def lay_out(tiles: Sequence[Pixels]) -> Pixels:
    """Return the sheet, uint8 (h, w, 3): each tile centred in its cell of 100 pixels, white all around."""
    rows = (len(tiles) + COLUMNS - 1) // COLUMNS
    last = tiles[(rows - 1) * COLUMNS :]
    lowest = max((SIDE - tile.shape[0]) // 2 + tile.shape[0] for tile in last)
    height = TOP_MARGIN + DOWN * (rows - 1) + lowest + BOTTOM
    width = 20 + ACROSS * min(COLUMNS, len(tiles))
    sheet = np.full((height, width, 3), 255, np.uint8)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, COLUMNS)
        high, wide = tile.shape[:2]
        paste(sheet, tile, LEFT + ACROSS * column + (SIDE - wide) // 2, TOP_MARGIN + DOWN * row + (SIDE - high) // 2)
    return sheet


def paste(sheet: npt.NDArray[np.uint8], tile: Pixels, left: int, top: int) -> None:
    """Put a tile at (left, top), a border of 1 pixel at its left and top, a shadow of 3 at right and bottom."""
    high, wide = tile.shape[:2]
    sheet[top - 1, left - 1 : left + wide] = 249
    sheet[top - 1 : top + high, left - 1] = 249
    for step, grey in enumerate(_SHADOW):
        sheet[top : top + high, left + wide + step] = grey
        sheet[top + high + step, left : left + wide] = grey
    sheet[top + high : top + high + 3, left + wide : left + wide + 3] = np.array(_CORNER, np.uint8)[:, :, None]
    sheet[top : top + high, left : left + wide] = tile


def _tile(seed: int, sheet: Sheet, number: int) -> tuple[Pixels, Planted]:
    wide, high = tile_size(sheet, number)
    # Neighbours often show one lesion twice; on the Hallym sheets all come in pairs.
    pairs = sheet.source == "hallym" or number % 5 in (2, 3)
    lesion = f"{sheet.name}/{(number + 1) // 2 if sheet.source == 'hallym' else number - (number % 5 == 3)}"
    subtype = SUBTYPES[sheet.label]
    shot = Shot(subtype, f"{seed}/{sheet.source}/{lesion}", str(number if pairs else 1), wide, high, clinical=True)
    split: Split = "train" if sheet.name.startswith("train") else "test"
    record = Planted(
        id=f"{sheet.source}:{sheet.name}/{number}",
        source=sheet.source,
        source_label=sheet.label,
        subtype=subtype,
        category=category(subtype),
        photograph=shot.name,
        split=split,
        side=min(wide, high),
    )
    return shot.draw(), record
