"""Sheets drawn by hand, and what may have been done to them since."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from curate.images import codec, glyphs
from curate.records import Box, Tile

Change = Callable[[codec.Pixels], codec.Pixels]


def picture(height: int, width: int, seed: int, ground: tuple[int, int, int] = (214, 170, 140)) -> codec.Pixels:
    """A dark spot on skin, with a little noise."""
    noise = np.random.default_rng(seed)
    pixels = np.full((height, width, 3), ground, np.uint8)
    centre = (int(width * noise.uniform(0.35, 0.65)), int(height * noise.uniform(0.35, 0.65)))
    cv2.ellipse(pixels, centre, (width // 4, height // 5), seed * 7, 0, 360, (95, 55, 45), -1)
    return (pixels.astype(int) + noise.integers(-6, 7, pixels.shape)).clip(0, 255).astype(np.uint8)


def framed(sheet: codec.Pixels, box: Box, content: codec.Pixels) -> None:
    top, left, bottom, right = box.top, box.left, box.top + box.height, box.left + box.width
    sheet[top - 1 : bottom, left - 1 : right] = 249
    for step, grey in enumerate((149, 218, 249)):
        sheet[top - 1 + step : bottom + step + 1, right + step] = grey
        sheet[bottom + step, left - 1 + step : right + step + 1] = grey
    sheet[top:bottom, left:right] = content


def plain_sheet(
    sizes: list[tuple[int, int]], ground: tuple[int, int, int] = (214, 170, 140)
) -> tuple[codec.Pixels, list[Box]]:
    rows = -(-len(sizes) // 20)
    sheet = np.full((68 + 128 * rows, 20 + 112 * min(20, len(sizes)), 3), 255, np.uint8)
    boxes = []
    for number, (height, width) in enumerate(sizes):
        row, column = divmod(number, 20)
        box = Box(16 + 112 * column + (100 - width) // 2, 48 + 128 * row + (100 - height) // 2, width, height)
        framed(sheet, box, picture(height, width, number, ground))
        boxes.append(box)
    return sheet, boxes


def captioned_sheet(
    texts: dict[int, str], blanks: set[int], ground: tuple[int, int, int] = (214, 170, 140), filled: int = 120
) -> codec.Pixels:
    """A sheet of label cells, framed blank cells and pictures; after the first `filled` cells it is bare paper."""
    sheet = np.full((850, 1580, 3), 255, np.uint8)
    for cell in range(filled):
        row, column = divmod(cell, 15)
        if cell in texts:
            content = glyphs.draw(texts[cell])
        elif cell in blanks:
            content = np.full((100, 100, 3), 255, np.uint8)
        else:
            content = picture(100, 100, cell, ground)
        framed(sheet, Box(5 + 105 * column, 5 + 105 * row, 100, 100), content)
    return sheet


def resaved(pixels: codec.Pixels) -> codec.Pixels:
    return codec.decode(codec.encode(pixels, "JPEG", 75)).pixels


def resized(factor: float) -> Change:
    def change(pixels: codec.Pixels) -> codec.Pixels:
        means = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=means), np.uint8)

    return change


def bordered(colour: int) -> Change:
    return lambda pixels: np.pad(pixels, ((1, 1), (1, 1), (0, 0)), constant_values=colour)


CHANGES: dict[str, tuple[Change, float, int]] = {
    "as it is": (lambda pixels: pixels, 1, 0),
    "JPEG 75": (resaved, 1, 0),
    "twice": (resized(2), 2, 0),
    "half": (resized(0.5), 0.5, 0),
    "black border": (bordered(0), 1, 1),
    "white border": (bordered(255), 1, 1),
    "grey border": (bordered(128), 1, 1),
}


def off(tile: Tile, box: Box, factor: float, shift: int) -> float:
    """How many pixels the worst side of a tile lies from where it should."""
    got = (tile.box.left, tile.box.top, tile.box.left + tile.box.width, tile.box.top + tile.box.height)
    wanted = (box.left, box.top, box.left + box.width, box.top + box.height)
    return max(abs(one - (other * factor + shift)) for one, other in zip(got, wanted, strict=True))
