"""Plain sheets (ASAN, Hallym): tiles alone, parted by white paper, some smaller than their cell.

As published: up to 20 tiles a row, every 112 pixels across and 128 down, the first at (16, 48); a tile is at most
100 x 100 and centred across; a line of 249 left and above, a shadow of 149, 218, 249 right and below.
"""

from __future__ import annotations

from operator import itemgetter

import numpy as np

from curate.images.grid import DARK, SCALES, Axis, Greys, Line, disagree, fit, moved, runs
from curate.images.thumbnail import LEAST, SIDE, Edges, Ruler, boxed, lowered, rulers, settle
from curate.records import Box

_COLUMNS = 20
_CONTENT = 235  # darkest channel of what is surely no border
_SHADOW = 200  # the shadow's darkest line is 149, 184 on a halved sheet; specks that JPEG leaves in paper are lighter


def plain_tiles(darkest: Greys) -> list[tuple[int, int, Box]]:
    """Return (row, column, content) of each tile in reading order; `darkest` is the least channel of each pixel."""
    dark = darkest < DARK
    across = [run for run in runs(np.any(dark, axis=0)) if run[1] - run[0] > 3]
    down = [run for run in runs(np.any(dark, axis=1)) if run[1] - run[0] > 3]
    if not across or not down:
        raise disagree("no gaps between tiles", "tiles parted by white paper", "specks")
    size = _plain_scale(across, down, darkest.shape[1])
    columns, rows = _plain_axis(across, 112 * size, size, "columns"), _plain_axis(down, 128 * size, size, "rows")
    _check_plain(columns, rows, size, darkest.shape)
    exact: dict[tuple[int, int], Box] = {}
    seen: dict[tuple[int, int], tuple[Edges, Edges]] = {}
    ended = False
    for row in range(rows.count):
        for column in range(columns.count):
            cell = _window(columns, column, 112 * size), _window(rows, row, 128 * size)
            content = _plain_content(darkest, cell, size)
            if content is None:
                ended = True
            elif ended:
                raise disagree("a tile follows an empty cell", "tiles without a gap", f"row {row}, column {column}")
            elif isinstance(content, Box):
                exact[row, column] = content
            else:
                seen[row, column] = content
    settled: dict[tuple[int, int], Box] = {}
    least = np.inf
    for ruler in rulers(columns, rows, size, (darkest.shape[0], darkest.shape[1])):
        boxes, off = _settled(seen, *ruler, rows.count, darkest.shape[0])
        if off < least - 0.3 * len(seen):
            settled, least = boxes, off
    boxes = exact | settled
    for box in boxes.values():
        if not (40 * size <= box.width <= 101 * size + 1 and 40 * size <= box.height <= 101 * size + 1):
            raise disagree("a tile's size", f"at most {100 * size:.0f} px a side", f"{box.width} x {box.height} px")
    return [(row, column, box) for (row, column), box in sorted(boxes.items())]


def _settled(
    seen: dict[tuple[int, int], tuple[Edges, Edges]], across: Ruler, down: Ruler, count: int, height: int
) -> tuple[dict[tuple[int, int], Box], float]:
    """Return each tile's box, and how far off all edges are in sum, in pixels.

    The box is the place in its cell that its edges fit best, or as seen where none fits.
    """
    settled: dict[tuple[int, int], Box] = {}
    off = 0.0
    for row in sorted({row for row, _ in seen}):
        tiles = {place: edges for place, edges in seen.items() if place[0] == row}
        rooms = [SIDE]
        if row == count - 1:
            rooms.append(max(LEAST, SIDE - lowered(down, count, height)))
        xs, off_x = settle(
            [x for x, _ in tiles.values()], [across.cell(column) for _, column in tiles], across.size, SIDE
        )
        cells = [down.cell(row)] * len(tiles)
        ys, off_y = min(
            (settle([y for _, y in tiles.values()], cells, down.size, room) for room in rooms), key=itemgetter(1)
        )
        off += off_x + off_y
        for (place, edges), x, y in zip(tiles.items(), xs, ys, strict=True):
            settled[place] = boxed(x or edges[0], y or edges[1])
    return settled, off


def _plain_scale(across: list[tuple[int, int]], down: list[tuple[int, int]], width: int) -> float:
    """Return the factor by which the sheet is scaled, from the spacing of columns; of a lone tile, from its size."""
    if len(across) > 1:
        # From centres that weigh shadow as content: the same shift everywhere, so the spacing is right.
        return fit([sum(run) / 2 for run in across], "columns of tiles", 0.03 * (across[-1][1] - across[0][0]))[1] / 112
    if len(down) > 1:
        return float(np.median(np.diff([sum(run) / 2 for run in down]))) / 128
    measured = max(across[0][1] - across[0][0], down[0][1] - down[0][0]) / 102
    # Compression frays the edges of a lone tile; its sheet, 132 pixels wide, tells the scale better.
    guess = 1.0 if abs(width - 132) <= 3 else width / 132
    return guess if abs(measured / guess - 1) < 0.06 else measured


def _plain_axis(runs: list[tuple[int, int]], pitch: float, size: float, what: str) -> Axis:
    """Return the grid of the tiles' centres; a run reaches from the content's start to the shadow's second pixel."""
    centres = [(start + end - 2 * size) / 2 for start, end in runs]
    if len(centres) == 1:
        return Axis(centres[0], pitch, 1)
    # A row of small tiles only is centred in a lower row, so rows may lie a little off.
    origin, measured, numbers = fit(centres, what, (2 if what == "columns" else 8) * size + 1)
    if abs(measured / pitch - 1) > (0.01 if what == "columns" else 0.05):
        raise disagree(f"the spacing of {what}", f"{pitch:.1f} px", f"{measured:.1f} px")
    if what == "rows":
        origin, measured = float(np.median(np.array(centres) - numbers * pitch)), pitch
    if int(numbers[-1]) + 1 != len(centres):
        raise disagree(f"{what} are missing", f"{int(numbers[-1]) + 1} {what}", f"{len(centres)} {what}")
    return Axis(origin, measured, len(centres))


def _check_plain(columns: Axis, rows: Axis, size: float, shape: tuple[int, ...]) -> None:
    if not SCALES[0] <= size <= SCALES[1]:
        raise disagree("its scale", f"{SCALES[0]} to {SCALES[1]}", f"{size:.2f}")
    if columns.count > _COLUMNS or (rows.count > 1 and columns.count != _COLUMNS):
        raise disagree("tiles a row", f"{_COLUMNS} (fewer only on a single row)", f"{columns.count}")
    wanted = (20 + 112 * columns.count, 68 + 128 * rows.count)
    found = (shape[1] / size, shape[0] / size)
    # Room for a border of a few pixels, and below for a last row of smaller tiles only (18 pixels at most).
    if abs(found[0] - wanted[0]) > 8 + 4 / size or not -20 <= found[1] - wanted[1] <= 8 + 4 / size:
        raise disagree(
            "the size of the sheet",
            f"{wanted[0]} x {wanted[1]} px for {columns.count} x {rows.count} cells at scale 1",
            f"{found[0]:.0f} x {found[1]:.0f} px at scale {size:.3f}",
        )
    start = (columns.origin / size - 50, rows.origin / size - 50)
    if abs(start[0] - 16) > 4 + 4 / size or abs(start[1] - 48) > 14 + 4 / size:
        raise disagree("where the first tile lies", "(16, 48)", f"({start[0]:.1f}, {start[1]:.1f}) at scale 1")


def _window(axis: Axis, number: int, pitch: float) -> tuple[int, int]:
    centre = axis.origin + number * axis.pitch
    return max(0, round(centre - pitch / 2)), max(0, round(centre + pitch / 2))


def _plain_content(
    darkest: Greys, cell: tuple[tuple[int, int], tuple[int, int]], size: float
) -> Box | tuple[Edges, Edges] | None:
    """Return the content's box where border and shadow still have their known greys, else its edges as seen."""
    (left, right), (top, bottom) = cell
    part = darkest[top:bottom, left:right]
    if not (part < DARK).any():
        return None
    if abs(size - 1) < 0.005:
        box = _exact_content(part)
        if box is not None:
            return moved(box, left, top)
    xs, ys = _reach(part, 0, size), _reach(part, 1, size)
    middle_x, middle_y = _middle(*xs), _middle(*ys)
    return (
        _edges(np.median(part[middle_y], axis=0), *xs, size, left),
        _edges(np.median(part[:, middle_x], axis=1), *ys, size, top),
    )


def _reach(part: Greys, axis: int, size: float) -> tuple[int, int]:
    """Return the first and the last column (axis 0) or row (axis 1) that tile and shadow reach."""
    dark = np.flatnonzero((part < DARK).any(axis=axis))
    first, last = int(dark[0]), int(dark[-1])
    # Compression leaves grey specks in the paper around a dark tile; the shadow's darkest line runs along all of it.
    strong = np.flatnonzero((part < _SHADOW).any(axis=axis))
    if size > 0.49 and len(strong):
        slack = int(np.ceil(size))
        first, last = max(first, int(strong[0]) - slack), min(last, int(strong[-1]) + slack)
    return first, last


def _middle(first: int, last: int) -> slice:
    quarter = (last + 1 - first) // 4
    return slice(first + quarter, last + 1 - quarter)


def _edges(profile: Line, first: int, last: int, size: float, origin: int) -> Edges:
    """Return the content's edges along one axis of a sheet that was scaled or compressed; `origin` is the profile's.

    `profile` crosses somewhat less than half way from border to content where the content starts (its first line may
    be paler than the next), and half way between the shadow's first and second grey one (scaled) pixel after it ends.
    """
    around = range(max(first - 2, 1), first + 6)
    start = None
    places = np.flatnonzero(profile[around.start : around.stop] < _CONTENT)
    if len(places):
        content = float(profile[min(around.start + int(places[0]) + max(1, round(size)), len(profile) - 1)])
        start = _crossing(profile, around, 250 - 0.4 * (250 - content)) if content < _CONTENT else None
    end = _crossing(
        profile[::-1], range(max(len(profile) - last - 3, 1), len(profile) - last + round(3 * size)), (149 + 218) / 2
    )
    return Edges(
        origin + (float(first) if start is None else start),
        origin + (last + 1 - 2 * size if end is None else len(profile) - end - size),
    )


def _crossing(profile: Line, places: range, level: float) -> float | None:
    """Return where the profile first falls below `level`, interpolated between the middles of two pixels."""
    for place in places:
        if place < len(profile) and profile[place] < level <= profile[place - 1]:
            share = float((profile[place - 1] - level) / (profile[place - 1] - profile[place]))
            return place - 0.5 + share
    return None


def _exact_content(part: Greys) -> Box | None:
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
