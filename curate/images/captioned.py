"""Captioned sheets (Severance): label cells stand between the pictures and say whose they are.

As published: 15 x 8 cells of 100 x 100 pixels, every 105 both ways, the first at (5, 5); between two cells a shadow of
149, 218, 249, a white line and a light line.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from curate.images import glyphs
from curate.images.codec import Pixels
from curate.images.grid import INK, SCALES, Axis, Greys, disagree, fit
from curate.records import Box, Tile

_COLUMNS, _ROWS = 15, 8
_WHITE = 235  # darkest channel of paper, also after lossy compression
_PAPER = 0.7  # share of paper above which a cell is a label or blank: real labels reach 0.78 after halving and JPEG at
# quality 75, real pictures 0.02
_MEDIAN = 248  # an overexposed picture may be as light, but its middle grey is not paper's


def captioned_tiles(pixels: Pixels, darkest: Greys) -> list[Tile]:
    """Return every cell in reading order; `darkest` is the least channel of each pixel."""
    # Every third line is enough to see a gap, and three times as fast.
    columns = _captioned_axis(np.ascontiguousarray(darkest[::3].T), _COLUMNS, 1580, "columns")
    rows = _captioned_axis(darkest[:, ::3], _ROWS, 850, "rows")
    size = (columns.pitch + rows.pitch) / 210
    if abs(columns.pitch - rows.pitch) > 0.01 * columns.pitch:
        raise disagree("pitch across and down", "equal", f"{columns.pitch:.2f} and {rows.pitch:.2f} px")
    tiles: list[Tile] = []
    for row in range(rows.count):
        for column in range(columns.count):
            x, y = columns.origin + column * columns.pitch, rows.origin + row * rows.pitch
            # Whole pixels only: half a pixel of border is border.
            box_left, box_top = int(np.ceil(x - 0.2)), int(np.ceil(y - 0.2))
            box = Box(box_left, box_top, int(x + 100 * size + 0.2) - box_left, int(y + 100 * size + 0.2) - box_top)
            kind = _kind(darkest[box.top : box.top + box.height, box.left : box.left + box.width])
            text = glyphs.read(_sampled(pixels, x, y, size), scaled=size) if kind == "label" else None
            tiles.append(Tile(len(tiles) + 1, row, column, box, kind, text or None))
    return tiles


def _captioned_axis(lines: Greys, count: int, full: int, what: str) -> Axis:
    """Return the grid of the cells' starts across `lines` (length, width), from the gaps between cells.

    `full` is the length of a sheet that was not scaled.
    """
    length = len(lines)
    guess = length / full
    gaps = _gaps(lines, guess)
    if len(gaps) < count // 2:
        raise disagree(f"gaps after {what}", f"{count}", f"{len(gaps)}")
    origin, pitch, _ = fit(gaps, what, 1.0 + 0.5 * guess)
    size = pitch / 105
    if not SCALES[0] <= size <= SCALES[1]:
        raise disagree("its scale", f"{SCALES[0]} to {SCALES[1]}", f"{size:.2f}")
    if abs(length / size - full) > 8 + 4 / size:
        raise disagree(f"pitch of the {what}", f"{length / full * 105:.1f} px ({count} {what})", f"{pitch:.1f} px")
    start = origin + 3.75 * size
    start -= round((start - 5 * size) / pitch) * pitch
    if abs(size - 1) < 0.002:
        start, pitch = float(round(start)), 105.0
    elif abs(start - 5 * guess) < 0.6 and abs(size / guess - 1) < 0.003:
        # Nothing was added at the edges, so the sheet's own length tells the scale better than blurred gaps do.
        start, pitch = 5 * guess, 105 * guess
    if not -1 <= start - 5 * size <= 4:
        raise disagree(f"where the {what} start", f"{5 * size:.1f} px", f"{start:.1f} px")
    return Axis(start, pitch, count)


def _gaps(lines: Greys, size: float) -> list[float]:
    """Return where each gap passes from shadow to paper: three pixels and three quarters before the next cell.

    That step is the same beside dark pictures, pale pictures and labels, because the shadow's grey (149, 218) stands
    between all of them and the paper; paper follows it in a gap alone. The level lies well above the mean of the two
    greys, which is what a halved sheet has of the shadow.
    """
    level = 200.0
    few, half = lines.shape[1] // 20, lines.shape[1] // 2
    ordered = np.partition(lines, (few, half), axis=1).astype(np.float64)
    low, middle = ordered[:, few], ordered[:, half]
    found: list[float] = []
    for place in np.flatnonzero((middle[:-1] < level) & (middle[1:] >= level)):
        step = place + 0.5 + float((level - middle[place]) / (middle[place + 1] - middle[place]))
        paper = int(step + 2 * size)
        if paper < len(low) and low[paper] >= 225:
            found.append(float(step))
    return found


def _kind(darkest: Greys) -> Literal["picture", "label", "blank"]:
    if (darkest >= _WHITE).mean() <= _PAPER or np.median(darkest) < _MEDIAN:
        return "picture"
    return "label" if (darkest < INK).any() else "blank"


def _sampled(pixels: Pixels, x: float, y: float, size: float) -> Pixels:
    """Bring the cell whose content starts at (x, y) back to 100 x 100 pixels."""
    side = glyphs.CELL
    if size == 1:
        return pixels[round(y) : round(y) + side, round(x) : round(x) + side]
    shift = size / 2 - 0.5
    matrix = np.array([[size, 0, x + shift], [0, size, y + shift]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), flags=flags, borderValue=(255, 255, 255)), np.uint8)
