"""Captioned sheets (Severance): label cells stand between the pictures and say whose they are.

As published: 15 x 8 cells of 100 x 100 pixels, every 105 both ways, the first at (5, 5); between two cells a shadow of
149, 218, 249, a white line and a light line.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from curate.errors import UnreadablePicture
from curate.images import glyphs
from curate.images.codec import Pixels
from curate.images.grid import INK, SCALES, Axis, Greys, disagree
from curate.records import Box, Tile

Grid = tuple[Axis, Axis]  # across, down
Gaps = dict[int, float]  # where the gap after a column, or a row, is, by its number

_COLUMNS, _ROWS = 15, 8
_WIDTH, _HEIGHT = 1580, 850  # pixels of a sheet that was not scaled, and so are the next four
_FIRST, _PITCH = 5, 105
_STEP = 101.25  # from where a cell starts to where the gap after it passes from shadow to paper
_ADDED = 12  # that may have been added around it
_GAP = 180  # paper has nothing darker: in gaps, halving and JPEG at quality 75 leave 199, and 187 at a scale of 0.35
_STRAY = 0.0005  # share of the paper that may be darker: dust
_SHADOW, _THIN_SHADOW = 228, 246  # grey beside a cell that is not bare: 214 at most on real sheets, 242 at 0.35
_WHITE = 235  # darkest channel of paper, also after lossy compression
_PAPER = 0.7  # share of paper above which a cell is a label or blank: real labels reach 0.78 after halving and JPEG at
# quality 75, real pictures 0.02
_MEDIAN = 248  # an overexposed picture may be as light, but its middle grey is not paper's


def captioned_tiles(pixels: Pixels, darkest: Greys) -> list[Tile]:
    """Return every cell in reading order; `darkest` is the least channel of each pixel.

    The rest of a sheet may be bare paper after any number of cells: its grid is the first of the few that its size and
    the gaps found allow which explains all that is dark. Raises UnreadablePicture where none does.
    """
    columns, rows = _explaining(darkest)
    size = (columns.pitch + rows.pitch) / (2 * _PITCH)
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


def _explaining(darkest: Greys) -> Grid:
    """Return the grid that explains the sheet: as published, with a border added, measured, or scaled as a whole."""
    height, width = darkest.shape
    if (width, height) == (_WIDTH, _HEIGHT):
        published = Axis(_FIRST, _PITCH, _COLUMNS), Axis(_FIRST, _PITCH, _ROWS)
        if _unexplained(darkest, published) is None:
            return published
    scale = width / _WIDTH, height / _HEIGHT
    gaps = (
        _gaps(darkest, scale[0], scale[1], _COLUMNS, _ROWS),
        _gaps(np.ascontiguousarray(darkest.T), scale[1], scale[0], _ROWS, _COLUMNS),
    )
    refusals: list[UnreadablePicture] = []
    for propose in (_bordered, _measured, _scaled):
        try:
            grid = propose((width, height), gaps)
        except UnreadablePicture as refused:
            refusals.append(refused)
            continue
        if grid is not None:
            why = _unexplained(darkest, grid)
            if why is None:
                return grid
            refusals.append(why)
    raise refusals[0]


def _bordered(shape: tuple[int, int], gaps: tuple[Gaps, Gaps]) -> Grid | None:
    """Propose a sheet that was not scaled, where a few pixels may have been added around it."""
    if not all(-2 <= length - full <= _ADDED for length, full in zip(shape, (_WIDTH, _HEIGHT), strict=True)):
        return None
    if not gaps[0] or not gaps[1]:
        return None
    starts = [round(float(np.median([place - _STEP - _PITCH * k for k, place in found.items()]))) for found in gaps]
    return Axis(starts[0], _PITCH, _COLUMNS), Axis(starts[1], _PITCH, _ROWS)


def _measured(shape: tuple[int, int], gaps: tuple[Gaps, Gaps]) -> Grid:
    """Propose what the gaps say where at least half of them can be seen; raises UnreadablePicture where not."""
    columns = _measured_axis(shape[0], gaps[0], _COLUMNS, _WIDTH, "columns")
    rows = _measured_axis(shape[1], gaps[1], _ROWS, _HEIGHT, "rows")
    if abs(columns.pitch - rows.pitch) > 0.01 * columns.pitch:
        raise disagree("pitch across and down", "equal", f"{columns.pitch:.2f} and {rows.pitch:.2f} px")
    return columns, rows


def _scaled(shape: tuple[int, int], gaps: tuple[Gaps, Gaps]) -> Grid | None:
    """Propose the published sheet scaled by one factor both ways, nothing added: its size tells all."""
    across, down = shape[0] / _WIDTH, shape[1] / _HEIGHT
    if abs(across - down) * _WIDTH > 2 * max(1.0, across) or not SCALES[0] <= across <= SCALES[1]:
        return None
    return Axis(_FIRST * across, _PITCH * across, _COLUMNS), Axis(_FIRST * down, _PITCH * down, _ROWS)


def _measured_axis(length: int, gaps: Gaps, count: int, full: int, what: str) -> Axis:
    """Return the grid of the cells' starts along one axis; `full` is the length of a sheet that was not scaled."""
    guess = length / full
    if len(gaps) < count // 2:
        raise disagree(f"gaps after {what}", f"{count}", f"{len(gaps)}")
    numbers, places = np.array(list(gaps)), np.array(list(gaps.values()))
    pitch, origin = (float(value) for value in np.polyfit(numbers, places, 1))
    off, slack = float(np.abs(origin + pitch * numbers - places).max()), 1.0 + 0.5 * guess
    if off > slack:
        raise disagree(f"{what} are not evenly spaced", f"within {slack:.1f} px", f"{off:.1f} px off")
    size = pitch / _PITCH
    if not SCALES[0] <= size <= SCALES[1]:
        raise disagree("its scale", f"{SCALES[0]} to {SCALES[1]}", f"{size:.2f}")
    if abs(length / size - full) > 8 + 4 / size:
        raise disagree(f"pitch of the {what}", f"{length / full * _PITCH:.1f} px ({count} {what})", f"{pitch:.1f} px")
    start = origin - _STEP * size
    if abs(size - 1) < 0.002:
        start, pitch = float(round(start)), float(_PITCH)
    elif abs(start - _FIRST * guess) < 0.6 and abs(size / guess - 1) < 0.003:
        # Nothing was added at the edges, so the sheet's own length tells the scale better than blurred gaps do.
        start, pitch = _FIRST * guess, _PITCH * guess
    if not -1 <= start - _FIRST * size <= 4:
        raise disagree(f"where the {what} start", f"{_FIRST * size:.1f} px", f"{start:.1f} px")
    return Axis(start, pitch, count)


def _gaps(lines: Greys, size: float, across: float, count: int, bands: int) -> Gaps:
    """Return where the gap after each column passes from shadow to paper, by the column's number from 0.

    That step is the same beside dark pictures, pale pictures and labels, because the shadow's grey (149, 218) stands
    between all of them and the paper; paper follows it in a gap alone. The level lies well above the mean of the two
    greys, which is what a halved sheet has of the shadow. Each row of cells is looked at by itself, so that bare cells
    do not hide the gaps of the others; a step far from where a column ends is something in a picture.
    `size` and `across` are the scales along and across the columns that the sheet's own size suggests.
    """
    level = 200.0
    found: dict[int, list[float]] = {}
    for band in range(bands):
        # Every third line is enough to see a gap, and three times as fast.
        part = lines[round((_FIRST + _PITCH * band) * across) : round((_FIRST + 100 + _PITCH * band) * across) : 3]
        if not len(part):
            continue
        few, half = len(part) // 20, len(part) // 2
        ordered = np.partition(part, (few, half), axis=0).astype(np.float64)
        low, middle = ordered[few], ordered[half]
        for place in np.flatnonzero((middle[:-1] < level) & (middle[1:] >= level)):
            step = place + 0.5 + float((level - middle[place]) / (middle[place + 1] - middle[place]))
            paper = int(step + 2 * size)
            number = round((step / size - _FIRST - _STEP) / _PITCH)
            near = abs(step / size - _FIRST - _STEP - _PITCH * number) <= _ADDED
            if near and 0 <= number < count and paper < len(low) and low[paper] >= 225:
                found.setdefault(number, []).append(step)
    return {number: float(np.median(steps)) for number, steps in sorted(found.items())}


def _unexplained(darkest: Greys, grid: Grid) -> UnreadablePicture | None:
    """Return what on the sheet the grid does not explain, None where it explains all.

    Between the cells and around them there is paper; a cell with anything in it has a shadow right of it and below.
    """
    columns, rows = grid
    size = (columns.pitch + rows.pitch) / (2 * _PITCH)
    height, width = darkest.shape
    across, down = _paper(columns, width), _paper(rows, height)
    stray = np.concatenate([(darkest[:, across] < _GAP).ravel(), (darkest[down] < _GAP).ravel()])
    if stray.mean() > _STRAY:
        return disagree(
            f"the gaps between {columns.count} x {rows.count} cells every {_PITCH * size:.1f} px",
            f"paper, from ({columns.origin:.1f}, {rows.origin:.1f}) on",
            f"{int(stray.sum())} dark pixels in them",
        )
    shadow = _SHADOW if size > 0.49 else _THIN_SHADOW
    filled = 0
    for row in range(rows.count):
        top, bottom = _inside(rows, row)
        for column in range(columns.count):
            left, right = _inside(columns, column)
            if not (darkest[top:bottom, left:right] < _GAP).any():
                continue
            filled += 1
            beside = darkest[top:bottom, min(width - 1, int(columns.origin + columns.pitch * column + 100.9 * size))]
            below = darkest[min(height - 1, int(rows.origin + rows.pitch * row + 100.9 * size)), left:right]
            greys = float(np.median(beside)), float(np.median(below))
            if max(greys) > shadow:
                return disagree(
                    f"the cell in row {row + 1}, column {column + 1}",
                    f"a shadow of grey below {shadow} right of it and below",
                    f"grey {greys[0]:.0f} right of it, {greys[1]:.0f} below",
                )
    if not filled:
        return disagree("its cells", "something in one of them", f"nothing darker than grey {_GAP}")
    return None


def _paper(axis: Axis, length: int) -> npt.NDArray[np.int64]:
    """Return the pixels along an axis that are paper on a sheet of the format: around all cells and between two."""
    size = axis.pitch / _PITCH
    ends = [axis.origin + number * axis.pitch for number in range(axis.count)]
    paper = set(range(int(axis.origin - 0.7 * size))) | set(range(int(np.ceil(ends[-1] + 103.7 * size)), length))
    for end in ends:
        paper.add(int(end + 103.5 * size))
        paper.update(range(int(np.ceil(end + 102.6 * size)), int(end + 104.4 * size)))
    return np.array(sorted(place for place in paper if 0 <= place < length), np.int64)


def _inside(axis: Axis, number: int) -> tuple[int, int]:
    start = axis.origin + number * axis.pitch
    return max(0, int(np.ceil(start - 0.2))), int(start + 100 * axis.pitch / _PITCH + 0.2)


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
