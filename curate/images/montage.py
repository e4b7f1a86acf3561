"""One sheet of many pictures, cut into tiles: the grid is found in the pixels and held against the format.

Formats, in pixels as published (a sheet may be scaled by one factor as a whole):

- plain (ASAN, Hallym): up to 20 tiles a row, every 112 across and 128 down, the first at (16, 48); a tile is at most
  100 x 100, centred across; a line of 249 left and above, a shadow of 149, 218, 249 right and below; white between.
- captioned (Severance): 15 x 8 cells of 100 x 100, every 105 both ways, the first at (5, 5); between two cells a
  shadow of three pixels, a white line and a light line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from curate.errors import UnreadablePicture
from curate.images import glyphs
from curate.images.codec import Pixels
from curate.records import Box, Layout, Tile

_DARK = 228  # brightest channel value of "not paper": below it lie pictures and the shadow's first two pixels
_INK = 128  # a blank cell has no pixel below
_WHITE = 235  # darkest channel of paper, also after lossy compression
_PAPER = 0.7  # share of paper above which a cell is a label or blank: real labels reach 0.78 after halving and JPEG at
# quality 75, real pictures 0.02
_MEDIAN = 248  # an overexposed picture may be as light, but its middle grey is not paper's
_SCALES = (0.3, 4.0)  # outside, a tile has too few pixels to be worth having, or the sheet is none of ours
_PLAIN_COLUMNS, _CAPTIONED = 20, (15, 8)

Line = npt.NDArray[np.float64]  # one number for each row, or each column, of a sheet


VERSION = 1  # raise it whenever the same sheet would be cut otherwise


@dataclass(frozen=True)
class _Axis:
    """A grid along one axis: cell k has its anchor at `origin + k * pitch` pixels."""

    origin: float
    pitch: float
    count: int


def cut(pixels: Pixels, layout: Layout) -> list[Tile]:
    """Cut a sheet, uint8 (h, w, 3), into its tiles in reading order; boxes are in the pixels given.

    Raises UnreadablePicture, with what was expected and what was found, where there is no tile, where no grid is found,
    or where the grid is not the one of the format.
    """
    darkest = pixels.min(axis=2)
    left, top, right, bottom = _frame(darkest)
    inner = np.ascontiguousarray(darkest[top:bottom, left:right])
    if inner.size == 0 or not (inner < _INK).any():
        raise UnreadablePicture(
            "no tile found on the sheet", expected="tiles on white paper", found="nothing darker than paper"
        )
    if layout == "plain":
        boxes = _plain(inner)
        return [
            Tile(number, row, column, _moved(box, left, top), "picture")
            for number, (row, column, box) in enumerate(boxes, 1)
        ]
    return _captioned(pixels[top:bottom, left:right], inner, left, top)


def _frame(darkest: npt.NDArray[np.uint8]) -> tuple[int, int, int, int]:
    """Return the sheet without a thin dark frame that somebody's program put round it."""
    height, width = darkest.shape
    edges = [0, 0, width, height]
    for _ in range(4):
        inner = darkest[edges[1] : edges[3], edges[0] : edges[2]]
        if min(inner.shape) < 8:
            break
        lines = (inner[:, 0], inner[0], inner[:, -1], inner[-1])
        for side, line in enumerate(lines):
            if (line < _DARK).mean() > 0.95:
                edges[side] += 1 if side < 2 else -1
    return edges[0], edges[1], edges[2], edges[3]


def _moved(box: Box, left: int, top: int) -> Box:
    return Box(box.left + left, box.top + top, box.width, box.height)


def _disagree(what: str, expected: str, found: str) -> UnreadablePicture:
    return UnreadablePicture(
        f"the sheet's grid is not that of its format: {what}",
        expected=expected,
        found=found,
        hint="look whether the sheet was cropped, padded or made by another program",
    )


def _runs(marks: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Return (start, end) of each run of True, end exclusive."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], marks.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2)]


def _fit(anchors: list[float], what: str, slack: float) -> tuple[float, float, npt.NDArray[np.int64]]:
    """Return origin, pitch and number of each anchor of the evenly spaced grid that the anchors (at least 2) lie on."""
    places = np.array(anchors)
    pitch = float(np.median(np.diff(places)))
    for _ in range(3):
        numbers = np.rint((places - places[0]) / pitch).astype(np.int64)
        pitch, origin = np.polyfit(numbers, places, 1)
    off = float(np.abs(origin + pitch * numbers - places).max())
    if off > slack or len(set(numbers.tolist())) < len(numbers):
        raise _disagree(f"{what} are not evenly spaced", f"within {slack:.1f} px", f"{off:.1f} px off")
    return float(origin), float(pitch), numbers


# --- plain sheets -----------------------------------------------------------------------------------------------------


def _plain(darkest: npt.NDArray[np.uint8]) -> list[tuple[int, int, Box]]:
    dark = darkest < _DARK
    across = [run for run in _runs(np.any(dark, axis=0)) if run[1] - run[0] > 3]
    down = [run for run in _runs(np.any(dark, axis=1)) if run[1] - run[0] > 3]
    if not across or not down:
        raise _disagree("no gaps between tiles", "tiles parted by white paper", "specks")
    size = _plain_scale(across, down)
    columns, rows = _plain_axis(across, 112 * size, size, "columns"), _plain_axis(down, 128 * size, size, "rows")
    _check_plain(columns, rows, size, darkest.shape)
    found: list[tuple[int, int, Box]] = []
    ended = False
    for row in range(rows.count):
        for column in range(columns.count):
            cell = _window(columns, column, 112 * size), _window(rows, row, 128 * size)
            box = _plain_content(darkest, cell, columns.origin + column * columns.pitch, size)
            if box is None:
                ended = True
            elif ended:
                raise _disagree("a tile follows an empty cell", "tiles without a gap", f"row {row}, column {column}")
            else:
                found.append((row, column, box))
    return found


def _plain_scale(across: list[tuple[int, int]], down: list[tuple[int, int]]) -> float:
    """Return the factor by which the sheet is scaled, from the spacing of columns; of a lone tile, from its size."""
    if len(across) > 1:
        # From centres that weigh shadow as content: the same shift everywhere, so the spacing is right.
        return (
            _fit([sum(run) / 2 for run in across], "columns of tiles", 0.03 * (across[-1][1] - across[0][0]))[1] / 112
        )
    if len(down) > 1:
        return float(np.median(np.diff([sum(run) / 2 for run in down]))) / 128
    return max(across[0][1] - across[0][0], down[0][1] - down[0][0]) / 102


def _plain_axis(runs: list[tuple[int, int]], pitch: float, size: float, what: str) -> _Axis:
    """Return the grid of the tiles' centres; a run reaches from the content's start to the shadow's second pixel."""
    centres = [(start + end - 2 * size) / 2 for start, end in runs]
    if len(centres) == 1:
        return _Axis(centres[0], pitch, 1)
    # A row of small tiles only is centred in a lower row, so rows may lie a little off.
    origin, measured, numbers = _fit(centres, what, (2 if what == "columns" else 8) * size + 1)
    if abs(measured / pitch - 1) > (0.01 if what == "columns" else 0.05):
        raise _disagree(f"the spacing of {what}", f"{pitch:.1f} px", f"{measured:.1f} px")
    if what == "rows":
        origin, measured = float(np.median(np.array(centres) - numbers * pitch)), pitch
    if int(numbers[-1]) + 1 != len(centres):
        raise _disagree(f"{what} are missing", f"{int(numbers[-1]) + 1} {what}", f"{len(centres)} {what}")
    return _Axis(origin, measured, len(centres))


def _check_plain(columns: _Axis, rows: _Axis, size: float, shape: tuple[int, ...]) -> None:
    if not _SCALES[0] <= size <= _SCALES[1]:
        raise _disagree("its scale", f"{_SCALES[0]} to {_SCALES[1]}", f"{size:.2f}")
    if columns.count > _PLAIN_COLUMNS or (rows.count > 1 and columns.count != _PLAIN_COLUMNS):
        raise _disagree("tiles a row", f"{_PLAIN_COLUMNS} (fewer only on a single row)", f"{columns.count}")
    wanted = (20 + 112 * columns.count, 68 + 128 * rows.count)
    found = (shape[1] / size, shape[0] / size)
    # Room for a border of a few pixels, and below for a last row of smaller tiles only (18 pixels at most).
    if abs(found[0] - wanted[0]) > 8 + 4 / size or not -20 <= found[1] - wanted[1] <= 8 + 4 / size:
        raise _disagree(
            "the size of the sheet",
            f"{wanted[0]} x {wanted[1]} px for {columns.count} x {rows.count} cells at scale 1",
            f"{found[0]:.0f} x {found[1]:.0f} px at scale {size:.3f}",
        )
    start = (columns.origin / size - 50, rows.origin / size - 50)
    if abs(start[0] - 16) > 4 + 4 / size or abs(start[1] - 48) > 14 + 4 / size:
        raise _disagree("where the first tile lies", "(16, 48)", f"({start[0]:.1f}, {start[1]:.1f}) at scale 1")


def _window(axis: _Axis, number: int, pitch: float) -> tuple[int, int]:
    centre = axis.origin + number * axis.pitch
    return max(0, round(centre - pitch / 2)), max(0, round(centre + pitch / 2))


def _plain_content(
    darkest: npt.NDArray[np.uint8], cell: tuple[tuple[int, int], tuple[int, int]], centre: float, size: float
) -> Box | None:
    (left, right), (top, bottom) = cell
    part = darkest[top:bottom, left:right]
    dark = part < _DARK
    if not dark.any():
        return None
    if abs(size - 1) < 0.005:
        box = _exact_content(part)
        if box is not None:
            return _moved(box, left, top)
    xs, ys = np.flatnonzero(dark.any(axis=0)), np.flatnonzero(dark.any(axis=1))
    middle_x, middle_y = _middle(int(xs[0]), int(xs[-1])), _middle(int(ys[0]), int(ys[-1]))
    start_x, end_x = _edges(np.median(part[middle_y], axis=0), int(xs[0]), int(xs[-1]), size)
    start_y, end_y = _edges(np.median(part[:, middle_x], axis=1), int(ys[0]), int(ys[-1]), size)
    if abs((start_x + end_x) / 2 + left - centre) > size + 0.7:
        # A tile is centred in its cell; where a pale picture hides its own left edge, the shadow's end decides.
        start_x = max(0, int(np.ceil(2 * (centre - left) - end_x - 0.3)))
    box = Box(left + start_x, top + start_y, end_x - start_x, end_y - start_y)
    if not (40 * size <= box.width <= 101 * size + 1 and 40 * size <= box.height <= 101 * size + 1):
        raise _disagree("the size of a tile", f"at most {100 * size:.0f} px a side", f"{box.width} x {box.height} px")
    return box


def _middle(first: int, last: int) -> slice:
    quarter = (last + 1 - first) // 4
    return slice(first + quarter, last + 1 - quarter)


def _edges(profile: Line, first: int, last: int, size: float) -> tuple[int, int]:
    """Return start and end of the content along one axis of a sheet that was scaled or compressed.

    `profile` crosses half way between border and content where the content starts, and half way between the shadow's
    first and second grey one (scaled) pixel after the content ends.
    """
    content = float(np.median(profile[first + round(2 * size) : first + round(6 * size) + 1]))
    start = _crossing(profile, range(max(first - 2, 1), first + 6), (250 + content) / 2) if content < 235 else None
    end = _crossing(
        profile[::-1], range(max(len(profile) - last - 3, 1), len(profile) - last + round(3 * size)), (149 + 218) / 2
    )
    exact_start = float(first) if start is None else start
    exact_end = last + 1 - 2 * size if end is None else len(profile) - end - size
    # Whole pixels only, unless all but a little of one is content.
    return int(np.ceil(exact_start - 0.3)), int(np.floor(exact_end + 0.3))


def _crossing(profile: Line, places: range, level: float) -> float | None:
    """Return where the profile first falls below `level`, interpolated between the middles of two pixels."""
    for place in places:
        if place < len(profile) and profile[place] < level <= profile[place - 1]:
            share = float((profile[place - 1] - level) / (profile[place - 1] - profile[place]))
            return place - 0.5 + share
    return None


def _exact_content(part: npt.NDArray[np.uint8]) -> Box | None:
    """Return the content by its border and shadow of known greys, which only a sheet never changed still has."""
    marked = part < 255
    xs, ys = np.flatnonzero(marked.any(axis=0)), np.flatnonzero(marked.any(axis=1))
    left, right, top, bottom = int(xs[0]), int(xs[-1]), int(ys[0]), int(ys[-1])
    if right - left < 12 or bottom - top < 12:
        return None
    edge = part[top + 8 : bottom - 8, [left, right - 2, right - 1, right]]
    foot = part[[top, bottom - 2, bottom - 1, bottom], left + 8 : right - 8]
    greys = np.array([249, 149, 218, 249])
    if np.abs(edge.astype(int) - greys).max() > 1 or np.abs(foot.T.astype(int) - greys).max() > 1:
        return None
    return Box(left + 1, top + 1, right - left - 3, bottom - top - 3)


# --- captioned sheets -------------------------------------------------------------------------------------------------


def _captioned(pixels: Pixels, darkest: npt.NDArray[np.uint8], left: int, top: int) -> list[Tile]:
    height, width = darkest.shape
    # Every third line is enough to see a gap, and three times as fast.
    columns = _captioned_axis(np.quantile(darkest[::3], 0.05, axis=0), width, _CAPTIONED[0], 1580, "columns")
    rows = _captioned_axis(np.quantile(darkest[:, ::3], 0.05, axis=1), height, _CAPTIONED[1], 850, "rows")
    size = (columns.pitch + rows.pitch) / 210
    if abs(columns.pitch - rows.pitch) > 0.01 * columns.pitch:
        raise _disagree("pitch across and down", "equal", f"{columns.pitch:.2f} and {rows.pitch:.2f} px")
    tiles: list[Tile] = []
    for row in range(rows.count):
        for column in range(columns.count):
            x, y = columns.origin + column * columns.pitch, rows.origin + row * rows.pitch
            # Whole pixels only: half a pixel of border is border.
            box_left, box_top = int(np.ceil(x - 0.2)), int(np.ceil(y - 0.2))
            box = Box(box_left, box_top, int(x + 100 * size + 0.2) - box_left, int(y + 100 * size + 0.2) - box_top)
            kind = _kind(darkest[box.top : box.top + box.height, box.left : box.left + box.width])
            text = glyphs.read(_sampled(pixels, x, y, size)) if kind == "label" else None
            tiles.append(Tile(len(tiles) + 1, row, column, _moved(box, left, top), kind, text or None))
    return tiles


def _captioned_axis(light: Line, length: int, count: int, full: int, what: str) -> _Axis:
    """Return the grid of the cells' starts, from the light lines between cells.

    `light` is, for each line of pixels, a value that only few of its pixels fall below: high in a gap alone.
    """
    guess = length / full
    gaps = [
        (start + end) / 2
        for start, end in _gaps(light)
        if start > 2 * guess and end < length - 2 * guess and end - start < 8 * max(guess, 0.5)
    ]
    if len(gaps) < count // 2:
        raise _disagree(f"gaps between {what}", f"{count - 1}", f"{len(gaps)}")
    origin, pitch, _ = _fit(gaps, what, 1.0 + 0.5 * guess)
    size = pitch / 105
    if not _SCALES[0] <= size <= _SCALES[1]:
        raise _disagree("its scale", f"{_SCALES[0]} to {_SCALES[1]}", f"{size:.2f}")
    if abs(length / size - full) > 8 + 4 / size:
        raise _disagree(f"pitch of the {what}", f"{length / full * 105:.1f} px ({count} {what})", f"{pitch:.1f} px")
    # A gap passes the level from its second pixel to its fifth: the content starts two pixels after the middle.
    start = origin + 2 * size
    start -= round((start - 5 * size) / pitch) * pitch
    if abs(size - 1) < 0.002:
        start, pitch = float(round(start)), 105.0
    if not -1 <= start - 5 * size <= 4:
        raise _disagree(f"where the {what} start", f"{5 * size:.1f} px", f"{start:.1f} px")
    return _Axis(start, pitch, count)


def _gaps(light: Line) -> list[tuple[float, float]]:
    """Return the light runs of a line, their ends interpolated between pixels."""
    level = 190.0  # between shadow and paper
    found = []
    for start, end in _runs(light >= level):
        before, after = float(start), float(end)
        if start > 0:
            before -= (light[start] - level) / (light[start] - light[start - 1]) - 0.5
        if end < len(light):
            after += (light[end - 1] - level) / (light[end - 1] - light[end]) - 0.5
        found.append((before, after))
    return found


def _kind(darkest: npt.NDArray[np.uint8]) -> Literal["picture", "label", "blank"]:
    if (darkest >= _WHITE).mean() <= _PAPER or np.median(darkest) < _MEDIAN:
        return "picture"
    return "label" if (darkest < _INK).any() else "blank"


def _sampled(pixels: Pixels, x: float, y: float, size: float) -> Pixels:
    """Bring the cell whose content starts at (x, y) back to 100 x 100 pixels."""
    side = glyphs.CELL
    if size == 1:
        return pixels[round(y) : round(y) + side, round(x) : round(x) + side]
    shift = size / 2 - 0.5
    matrix = np.array([[size, 0, x + shift], [0, size, y + shift]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, (side, side), flags=flags, borderValue=(255, 255, 255)), np.uint8)
