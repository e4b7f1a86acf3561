"""Captioned sheets (Severance): label cells stand between the pictures and say whose they are."""

from __future__ import annotations

import dataclasses
from typing import Literal

import cv2
import numpy as np

from curate.images import glyphs, shrunk
from curate.images.captioned_grid import PITCH, explaining, inside
from curate.images.codec import Pixels
from curate.images.grid import Greys
from curate.records import Box, Tile

_WHITE = 235  # darkest channel of paper, also after lossy compression
_PAPER = 0.7  # share of paper above which a cell is a label or blank: real labels reach 0.78 after halving and JPEG at
# quality 75, real pictures 0.02
_TEXT = 190  # a bare cell has no pixel below, a label many: 160 where strokes were blurred to nearly nothing
_SHRUNK = 0.78  # factor of a sheet from which on glyphs keep their shape
_MEDIAN = 248  # an overexposed picture may be as light, but its middle grey is not paper's


def captioned_tiles(pixels: Pixels, darkest: Greys) -> list[Tile]:
    """Return every cell in reading order; `darkest` is the least channel of each pixel.

    After any number of cells the rest may be bare paper. Raises UnreadablePicture where no grid of the format, scaled
    or not, explains all that is dark.
    """
    columns, rows = explaining(darkest)
    size = (columns.pitch + rows.pitch) / (2 * PITCH)
    tiles: list[Tile] = []
    corners: list[tuple[float, float]] = []
    for row in range(rows.count):
        for column in range(columns.count):
            x, y = columns.origin + column * columns.pitch, rows.origin + row * rows.pitch
            (left, right), (top, bottom) = inside(columns, column), inside(rows, row)
            box = Box(left, top, right - left, bottom - top)
            kind = _kind(darkest[box.top : box.top + box.height, box.left : box.left + box.width])
            tiles.append(Tile(len(tiles) + 1, row, column, box, kind))
            if kind == "label":
                corners.append((x, y))
    texts = iter(_texts(pixels, corners, size))
    return [dataclasses.replace(tile, text=next(texts) or None) if tile.kind == "label" else tile for tile in tiles]


def _texts(pixels: Pixels, corners: list[tuple[float, float]], size: float) -> list[str | None]:
    if size < _SHRUNK:
        return shrunk.read(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8), corners, size)
    read = [glyphs.read(_sampled(pixels, x, y, size)) for x, y in corners]
    return [None if text is None else glyphs.settled(text) for text in read]


def _kind(darkest: Greys) -> Literal["picture", "label", "blank"]:
    if (darkest >= _WHITE).mean() <= _PAPER or np.median(darkest) < _MEDIAN:
        return "picture"
    return "label" if (darkest < _TEXT).any() else "blank"


def _sampled(pixels: Pixels, x: float, y: float, size: float) -> Pixels:
    """Bring the cell whose content starts at (x, y) back to 100 x 100 pixels."""
    side = glyphs.CELL
    if size == 1:
        return pixels[round(y) : round(y) + side, round(x) : round(x) + side]
    shift = size / 2 - 0.5
    matrix = np.array([[size, 0, x + shift], [0, size, y + shift]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), flags=flags, borderValue=(255, 255, 255)), np.uint8)
