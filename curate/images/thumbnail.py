"""Where a thumbnail of a plain sheet lies in its cell: the format knows one place for each width and height.

Measured on all sheets given, small tiles and large: a tile of width w starts (100 - w) // 2 pixels into its cell; down
likewise, but a last row without a tile of full height is as much lower, and the sheet with it. So two edges that were
blurred, or that hide in a pale picture, are right together or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.images.grid import Axis
from curate.records import Box

SIDE = 100  # pixels of a cell's content, both ways
LEAST = 40  # pixels of a tile's side below which it is none of ours
MARGINS = (16, 48)  # pixels left of the first cell and above it
PITCHES = (112, 128)  # pixels from cell to cell
ENDS = (4, 20)  # pixels by which a sheet is longer than its margin and its cells

_HIDDEN = 1.5  # pixels at scale 1 by which an edge may be off before it is taken as not seen at all
_MOST_ADDED = 4  # pixels of white that somebody's program may have put around a sheet, on each side


@dataclass(frozen=True)
class Edges:
    """What was seen of a tile's content along one axis, in pixels of the sheet; the end is the surer one."""

    start: float
    end: float


@dataclass(frozen=True)
class Ruler:
    """Where the cells along one axis start: cell k at `start + k * pitch * size` pixels."""

    start: float
    size: float
    pitch: int

    def cell(self, number: int) -> float:
        """Return where the cell starts, in pixels."""
        return self.start + number * self.pitch * self.size


def rulers(columns: Axis, rows: Axis, size: float, shape: tuple[int, int]) -> list[tuple[Ruler, Ruler]]:
    """Return what the rulers across and down may be on a sheet `shape` (height, width), the likeliest first.

    A sheet's length tells its scale better than blurred edges do, if it is known what was added around it: nothing, or
    a pixel or a few on each side. Last comes what the middles of the tiles (`columns`, `rows`) say.
    """
    height, width = shape
    full = _full(columns.count, 0), _full(rows.count, 1)
    likely = []
    for added in range(_MOST_ADDED + 1):
        across, tall = (width - 2 * added) / full[0], (height - 2 * added) / full[1]
        down = tall if abs(tall - across) * full[1] < 1 else across  # a sheet with a lower last row is not so tall
        if abs(across / size - 1) < 0.02:
            likely.append(
                (
                    Ruler(added + MARGINS[0] * across, across, PITCHES[0]),
                    Ruler(added + MARGINS[1] * down, down, PITCHES[1]),
                )
            )
    return [*likely, (_measured(columns, size, 0), _measured(rows, size, 1))]


def _measured(axis: Axis, size: float, way: int) -> Ruler:
    start = axis.origin - SIDE / 2 * size
    return Ruler(float(round(start)) if abs(size - 1) < 0.005 else start, size, PITCHES[way])


def _full(count: int, way: int) -> int:
    return MARGINS[way] + PITCHES[way] * count + ENDS[way]


def lowered(rows: Ruler, count: int, height: int) -> int:
    """Return by how many pixels (at scale 1) the sheet is lower than `count` full rows."""
    above = rows.start - MARGINS[1] * rows.size
    return max(0, round(_full(count, 1) - (height - 2 * above) / rows.size))


def settle(seen: list[Edges], cells: list[float], size: float, room: int) -> tuple[list[Edges | None], float]:
    """Return for each tile the edges of the one place in its cell that fits best, and how far off all are in sum.

    `cells` are where the tiles' cells start, `room` the pixels (at scale 1) of the largest tile there. None where no
    place fits: the tile is none of the format's.
    """
    sides = np.arange(LEAST, room + 1)
    starts = (room - sides) // 2
    at = np.array(cells)[:, None]
    off_end = np.abs(at + (starts + sides) * size - np.array([edges.end for edges in seen])[:, None])
    off_start = np.abs(at + starts * size - np.array([edges.start for edges in seen])[:, None])
    off: npt.NDArray[np.float64] = off_end + 0.5 * np.minimum(off_start, _HIDDEN * size)
    best = off.argmin(axis=1)
    settled: list[Edges | None] = []
    for number, (place, cell) in enumerate(zip(best, cells, strict=True)):
        start = cell + float(starts[place]) * size
        fits = off_end[number, place] <= 0.5 + 0.75 * size
        settled.append(Edges(start, start + float(sides[place]) * size) if fits else None)
    return settled, float(off.min(axis=1).sum())


def boxed(x: Edges, y: Edges) -> Box:
    """Return the whole pixels between the edges; one that is content but for a little is content."""
    (left, right), (top, bottom) = _whole(x), _whole(y)
    return Box(left, top, right - left, bottom - top)


def _whole(edges: Edges) -> tuple[int, int]:
    return int(np.ceil(edges.start - 0.3)), int(np.floor(edges.end + 0.3))
