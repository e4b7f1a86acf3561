"""Label cells on sheets that were made smaller, by any usual program: read, or left open, never misread."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_sheets import captioned_sheet
from PIL import Image

from curate.images import codec, montage
from curate.images.filters import FILTERS, shares
from curate.records import Tile

LABELS = ("seborrheickeratosis", "basalcellcarcinoma", "wart", "pyogenicgranuloma", "juvenilexanthogranuloma")
TEXTS = {
    cell: f"{997 * cell % 10427 + 1}, {'MF'[cell % 2]}/{cell * 7 % 101 + 2}, {LABELS[cell % 5]}"
    for cell in range(0, 60, 3)
}
PILLOW = {
    "area": Image.Resampling.BOX,
    "triangle": Image.Resampling.BILINEAR,
    "hamming": Image.Resampling.HAMMING,
    "cubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
OPENCV = {
    "area": cv2.INTER_AREA,
    "narrow triangle": cv2.INTER_LINEAR,
    "narrow cubic": cv2.INTER_CUBIC,
    "narrow lanczos": cv2.INTER_LANCZOS4,
}


def smaller(pixels: codec.Pixels, name: str, factor: float = 0.5) -> codec.Pixels:
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    if name in PILLOW:
        return np.asarray(Image.fromarray(pixels).resize(size, PILLOW[name]))
    return np.asarray(cv2.resize(pixels, size, interpolation=OPENCV[name]), np.uint8)


@pytest.fixture(scope="module")
def sheet() -> codec.Pixels:
    return captioned_sheet(TEXTS, set(), filled=63)


def texts(tiles: list[Tile]) -> dict[int, str | None]:
    return {tile.cell - 1: tile.text for tile in tiles if tile.kind == "label"}


@pytest.mark.parametrize("name", FILTERS)
def test_every_usual_filter_at_half_size(sheet: codec.Pixels, name: str) -> None:
    assert texts(montage.cut(smaller(sheet, name), "captioned")) == TEXTS


@pytest.mark.parametrize("factor", [0.6, 0.7])
def test_other_sizes(sheet: codec.Pixels, factor: float) -> None:
    assert texts(montage.cut(smaller(sheet, "lanczos", factor), "captioned")) == TEXTS


@pytest.mark.parametrize("quality", [94, 75])
@pytest.mark.parametrize(("name", "factor"), [("area", 0.5), ("cubic", 0.5), ("cubic", 0.9)])
def test_a_letter_lost_in_compression_is_left_open(sheet: codec.Pixels, name: str, factor: float, quality: int) -> None:
    saved = codec.decode(codec.encode(smaller(sheet, name, factor), "JPEG", quality)).pixels
    found = texts(montage.cut(saved, "captioned"))
    assert set(found) == set(TEXTS)
    for cell, text in found.items():
        if text is not None:
            assert len(text) == len(TEXTS[cell])
            assert all(one in (other, "?") for one, other in zip(text, TEXTS[cell], strict=True))
            assert "?" not in text.rpartition(" ")[0]
    if quality == 94:
        assert found == TEXTS


def test_a_border_added_before_or_after(sheet: codec.Pixels) -> None:
    around = ((1, 1), (1, 1), (0, 0))
    for grey in (0, 255):
        after = np.pad(smaller(sheet, "cubic"), around, constant_values=grey)
        assert texts(montage.cut(after, "captioned")) == TEXTS
    before = smaller(np.pad(sheet, around, constant_values=255), "cubic")
    assert texts(montage.cut(before, "captioned")) == TEXTS


def test_a_damaged_cell_is_not_read(sheet: codec.Pixels) -> None:
    for rows, columns in ((slice(8, 14), slice(6, 30)), (slice(60, 64), slice(10, 80))):
        damaged = sheet.copy()
        damaged[rows, columns] = 90
        assert texts(montage.cut(smaller(damaged, "area"), "captioned"))[0] is None


@pytest.mark.parametrize("name", sorted(set(PILLOW) | set(OPENCV)))
def test_the_shares_are_those_of_the_programs(name: str) -> None:
    line = np.random.default_rng(1).uniform(60, 190, (1, 80)).astype(np.float32)
    if name in PILLOW:
        wanted = np.asarray(Image.fromarray(line).resize((40, 1), PILLOW[name]))
    else:
        wanted = cv2.resize(line, (40, 1), interpolation=OPENCV[name])
    weights = shares(name, 0.5, (np.arange(40) + 0.5) * 2, 0, 80)
    assert np.abs(weights @ line[0] - wanted[0])[8:-8].max() < 0.5
