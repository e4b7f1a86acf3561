"""Where the cells of a captioned sheet (Severance) lie, full or not: a grid is believed only if it explains the sheet.

As published: 15 x 8 cells of 100 x 100 pixels, every 105 both ways, the first at (5, 5); between two cells a shadow of
149, 218, 249, a white line and a light line. After the last case the rest of the sheet is bare paper.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from curate.errors import UnreadablePicture
from curate.images.grid import SCALES, Axis, Greys, disagree

Grid = tuple[Axis, Axis]  # across, down
Gaps = dict[int, float]  # where the gap after a column, or a row, is, by its number

_COLUMNS, _ROWS = 15, 8
_WIDTH, _HEIGHT = 1580, 850  # pixels of a sheet that was not scaled, and so are the next four
_FIRST, PITCH = 5, 105
_STEP = 101.25  # from where a cell starts to where the gap after it passes from shadow to paper
_ADDED = 12  # that may have been added around it
_BORDERS = (0, 0.5, 1, 1.5, 2, 3)  # that may have been added on each side of a scaled one, before or after scaling
_GAP = 180  # paper has nothing darker: in gaps, halving and JPEG at quality 75 leave 199, and 187 at a scale of 0.35
_STRAY = 0.0005  # share of the paper that may be darker: dust
_DARKER, _LIGHTER = (90, 180), (185, 238)  # of the shadow's two pixels, at scale 1: on real sheets, at JPEG quality 50
# too, 114 to 156 and 192 to 225
_SHADOW, _THIN_SHADOW = 228, 246  # grey beside a cell that is not bare: 214 at most on real sheets, 242 at 0.35


def explaining(darkest: Greys) -> Grid:
    """Return the grid that explains the sheet: as published, with a border added, scaled as a whole, or measured.

    `darkest` is the least channel of each pixel. Raises UnreadablePicture, saying what the likeliest grid leaves
    unexplained, where there is none.
    """
    height, width = darkest.shape
    if (width, height) == (_WIDTH, _HEIGHT):
        published = Axis(_FIRST, PITCH, _COLUMNS), Axis(_FIRST, PITCH, _ROWS)
        if _unexplained(darkest, published) is None:
            return published
    scale = width / _WIDTH, height / _HEIGHT
    gaps = (
        _gaps(darkest, scale[0], scale[1], _COLUMNS, _ROWS),
        _gaps(np.ascontiguousarray(darkest.T), scale[1], scale[0], _ROWS, _COLUMNS),
    )
    refusals: list[UnreadablePicture] = []
    proposals: list[Callable[[tuple[int, int], tuple[Gaps, Gaps]], Grid | None]] = [_bordered]
    proposals += [partial(_scaled, added, 0.5) for added in _BORDERS]
    # A length in whole pixels may hide that it was rounded, both ways.
    proposals += [_measured, partial(_scaled, 0, 2 * max(1.0, scale[0]))]
    for propose in proposals:
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
    starts = [round(float(np.median([place - _STEP - PITCH * k for k, place in found.items()]))) for found in gaps]
    return Axis(starts[0], PITCH, _COLUMNS), Axis(starts[1], PITCH, _ROWS)


def _measured(shape: tuple[int, int], gaps: tuple[Gaps, Gaps]) -> Grid:
    """Propose what the gaps say where at least half of them can be seen; raises UnreadablePicture where not."""
    columns = _measured_axis(shape[0], gaps[0], _COLUMNS, _WIDTH, "columns")
    rows = _measured_axis(shape[1], gaps[1], _ROWS, _HEIGHT, "rows")
    if abs(columns.pitch - rows.pitch) > 0.01 * columns.pitch:
        raise disagree("pitch across and down", "equal", f"{columns.pitch:.2f} and {rows.pitch:.2f} px")
    return columns, rows


def _scaled(added: float, slack: float, shape: tuple[int, int], gaps: tuple[Gaps, Gaps]) -> Grid | None:
    """Propose the published sheet scaled by one factor both ways, `added` pixels around it: its size tells all.

    Both ways may differ by `slack` pixels of the sheet's width.
    """
    across, down = (shape[0] - 2 * added) / _WIDTH, (shape[1] - 2 * added) / _HEIGHT
    if abs(across - down) * _WIDTH > slack or not SCALES[0] <= across <= SCALES[1]:
        return None
    return (
        Axis(added + _FIRST * across, PITCH * across, _COLUMNS),
        Axis(added + _FIRST * down, PITCH * down, _ROWS),
    )


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
    size = pitch / PITCH
    if not SCALES[0] <= size <= SCALES[1]:
        raise disagree("its scale", f"{SCALES[0]} to {SCALES[1]}", f"{size:.2f}")
    if abs(length / size - full) > 8 + 4 / size:
        raise disagree(f"pitch of the {what}", f"{length / full * PITCH:.1f} px ({count} {what})", f"{pitch:.1f} px")
    start = origin - _STEP * size
    if abs(size - 1) < 0.002:
        start, pitch = float(round(start)), float(PITCH)
    elif abs(start - _FIRST * guess) < 0.6 and abs(size / guess - 1) < 0.003:
        # Nothing was added at the edges, so the sheet's own length tells the scale better than blurred gaps do.
        start, pitch = _FIRST * guess, PITCH * guess
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
        part = lines[round((_FIRST + PITCH * band) * across) : round((_FIRST + 100 + PITCH * band) * across) : 3]
        if not len(part):
            continue
        few, half = len(part) // 20, len(part) // 2
        ordered = np.partition(part, (few, half), axis=0).astype(np.float64)
        low, middle = ordered[few], ordered[half]
        for place in np.flatnonzero((middle[:-1] < level) & (middle[1:] >= level)):
            step = place + 0.5 + float((level - middle[place]) / (middle[place + 1] - middle[place]))
            paper = int(step + 2 * size)
            number = round((step / size - _FIRST - _STEP) / PITCH)
            near = abs(step / size - _FIRST - _STEP - PITCH * number) <= _ADDED
            if near and 0 <= number < count and paper < len(low) and low[paper] >= 225:
                found.setdefault(number, []).append(step)
    return {number: float(np.median(steps)) for number, steps in sorted(found.items())}


def _unexplained(darkest: Greys, grid: Grid) -> UnreadablePicture | None:
    """Return what on the sheet the grid does not explain, None where it explains all.

    Between the cells and around them there is paper; a cell with anything in it has a shadow right of it and below.
    """
    columns, rows = grid
    size = (columns.pitch + rows.pitch) / (2 * PITCH)
    height, width = darkest.shape
    across, down = _paper(columns, width), _paper(rows, height)
    stray = np.concatenate([(darkest[:, across] < _GAP).ravel(), (darkest[down] < _GAP).ravel()])
    if stray.mean() > _STRAY:
        return disagree(
            f"the gaps between {columns.count} x {rows.count} cells every {PITCH * size:.1f} px",
            f"paper, from ({columns.origin:.1f}, {rows.origin:.1f}) on",
            f"{int(stray.sum())} dark pixels in them",
        )
    filled = False
    for row in range(rows.count):
        for column in range(columns.count):
            (left, right), (top, bottom) = inside(columns, column), inside(rows, row)
            if not (darkest[top:bottom, left:right] < _GAP).any():
                continue
            filled = True
            beside = _shadow(darkest[top:bottom].T, columns, column)
            below = _shadow(darkest[:, left:right], rows, row)
            if not (_shaded(beside, size) and _shaded(below, size)):
                return disagree(
                    f"the cell in row {row + 1}, column {column + 1}",
                    "a shadow of greys 149, 218 right of it and below",
                    f"greys {beside[0]:.0f}, {beside[1]:.0f} right of it; {below[0]:.0f}, {below[1]:.0f} below",
                )
    if not filled:
        return disagree("its cells", "something in one of them", f"nothing darker than grey {_GAP}")
    return None


def _shadow(lines: Greys, axis: Axis, number: int) -> tuple[float, float]:
    """Return the greys of a cell's shadow, its first and its second pixel at scale 1; `lines` run along the cell."""
    end = axis.origin + number * axis.pitch
    places = [min(len(lines) - 1, int(end + offset * axis.pitch / PITCH)) for offset in (100.9, 101.5)]
    return float(np.median(lines[places[0]])), float(np.median(lines[places[1]]))


def _shaded(greys: tuple[float, float], size: float) -> bool:
    if abs(size - 1) < 0.002:
        return _DARKER[0] <= greys[0] <= _DARKER[1] and _LIGHTER[0] <= greys[1] <= _LIGHTER[1]
    return greys[0] <= (_SHADOW if size > 0.49 else _THIN_SHADOW)


def _paper(axis: Axis, length: int) -> npt.NDArray[np.int64]:
    """Return the pixels along an axis that are paper on a sheet of the format: around all cells and between two."""
    size = axis.pitch / PITCH
    ends = [axis.origin + number * axis.pitch for number in range(axis.count)]
    paper = set(range(int(axis.origin - 0.7 * size))) | set(range(int(np.ceil(ends[-1] + 103.7 * size)), length))
    for end in ends:
        paper.add(int(end + 103.5 * size))
        paper.update(range(int(np.ceil(end + 102.6 * size)), int(end + 104.4 * size)))
    return np.array(sorted(place for place in paper if 0 <= place < length), np.int64)


def inside(axis: Axis, number: int) -> tuple[int, int]:
    """Return where a cell's content starts and ends: whole pixels only, half a pixel of border is border."""
    start = axis.origin + number * axis.pitch
    return max(0, int(np.ceil(start - 0.2))), int(start + 100 * axis.pitch / PITCH + 0.2)
