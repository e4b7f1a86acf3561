"""A ruler on a picture: a straight line or edge beside which dark marks stand at equal distances, and its unit."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.strokes import Strokes

Greys = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Segment = tuple[float, float, float, float]

_LINE, _EDGE = 0.28, 0.4  # of the short side: the shortest line and the shortest edge of paper that is looked at
_STROKE = 6  # grey levels by which such a line is darker than both its sides
_MOST = (10, 6)  # lines and edges that are looked at, the longest first
_BESIDE = np.array([-8, -7, -6, -5, -4, -3, -2, 2, 3, 4, 5, 6, 7, 8], np.float64)  # pixels from the line
_APART = (4, 18)  # pixels between two marks, least and most
_MARKS = 8  # marks in a row that prove as much as any number of them
_DEEPEST = 60  # grey levels: a darker mark proves no more

_UNIT = (4.0, 11.0)  # pixels from the line: where the letters of the unit stand
_AT_END = 12  # pixels from an end of the line


@dataclass(frozen=True)
class Ruler:
    """The best candidate for a ruler on a picture.

    `regular` 0..1: how regular the marks along the line are. `apart` pixels between two of them. `unit` grey levels by
    which something beside an end of the line is darker than all that stands along the rest of it, as "mm" is.
    `segment` x, y of both ends.
    """

    regular: float
    apart: int
    unit: float
    segment: Segment


def ruler(grey: Greys, found: Strokes) -> Ruler | None:
    """Look for a ruler in grey levels, uint8 (h, w), some 256 pixels high; None where no line is long enough.

    Lines and edges by the probabilistic Hough transform (Matas et al. 2000), marks by the normalised autocorrelation
    of the darkness along parallels of each.
    """
    best: tuple[float, int, Segment] | None = None
    for segment in _segments(grey, found):
        regular, apart = _marks(found.depth, segment)
        if best is None or regular > best[0]:
            best = regular, apart, segment
    if best is None:
        return None
    return Ruler(round(best[0], 4), best[1], round(_unit(found.depth, best[2]), 2), best[2])


def _segments(grey: Greys, found: Strokes) -> list[Segment]:
    side = min(grey.shape)
    edges = np.asarray(cv2.Canny(grey, 60, 160), np.uint8)
    edges[:3], edges[-3:], edges[:, :3], edges[:, -3:] = 0, 0, 0, 0
    dark = (found.along > _STROKE).astype(np.uint8)
    return _longest(dark, _LINE * side, _MOST[0]) + _longest(edges, _EDGE * side, _MOST[1])


def _longest(marked: Greys, least: float, most: int) -> list[Segment]:
    """Return the longest straight lines, one of those that lie on each other."""
    lines = cv2.HoughLinesP(marked, 1, np.pi / 180, 30, minLineLength=least, maxLineGap=6)
    chosen: dict[tuple[int, int], Segment] = {}
    ends = [] if lines is None else np.asarray(lines, np.float64).reshape(-1, 4).tolist()
    for x, y, to_x, to_y in sorted(ends, key=lambda end: (-np.hypot(end[2] - end[0], end[3] - end[1]), end)):
        angle = float(np.arctan2(to_y - y, to_x - x)) % np.pi
        away = np.cos(angle) * (y + to_y) / 2 - np.sin(angle) * (x + to_x) / 2
        chosen.setdefault((round(np.degrees(angle) / 6) % 30, round(away / 8)), (x, y, to_x, to_y))
        if len(chosen) == most:
            break
    return list(chosen.values())


def _parallels(depth: Greys, segment: Segment, beside: Floats, longer: int = 0) -> Floats:
    """Return the darkness along parallels of the line, (parallels, pixels)."""
    x, y, to_x, to_y = segment
    length = float(np.hypot(to_x - x, to_y - y))
    across, down = (to_x - x) / length, (to_y - y) / length
    steps = np.arange(-longer, int(length) + 1 + longer, dtype=np.float64)
    xs = ((x + across * steps)[None] - down * beside[:, None]).astype(np.float32)
    ys = ((y + down * steps)[None] + across * beside[:, None]).astype(np.float32)
    seen = cv2.remap(depth, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.minimum(np.asarray(seen, np.float64), _DEEPEST)


def _marks(depth: Greys, segment: Segment) -> tuple[float, int]:
    seen = _parallels(depth, segment, _BESIDE)
    pairs = np.stack([seen[at : at + 2].mean(axis=0) for at in (0, 2, 4, 5, 7, 8, 10, 12)])
    pairs = pairs - cv2.blur(pairs, (21, 1), borderType=cv2.BORDER_REFLECT)
    length = pairs.shape[1]
    best = 0.0, 0
    for profile in pairs[(pairs**2).mean(axis=1) > 1]:
        alike = _autocorrelation(profile)
        for apart in range(_APART[0], min(_APART[1], length // 4) + 1):
            peak = alike[apart]
            if peak < 0.25 or peak < alike[apart - 1] or peak < alike[apart + 1]:
                continue
            again = float(alike[2 * apart - 1 : 2 * apart + 2].max()) if 2 * apart < length - 1 else 0.0
            # Two marks apart as alike as one apart, between them nothing of the kind, and many of them.
            clear = min(1.0, (peak - float(alike[1:apart].min())) / 0.5)
            regular = float(peak + again) / 2 * clear * min(1.0, float(np.sqrt(length / apart / _MARKS)))
            best = max(best, (regular, apart))
    return best


def _autocorrelation(profile: Floats) -> Floats:
    """Return how alike the profile and itself moved by each number of pixels are, -1..1."""
    length = len(profile)
    products = np.correlate(profile, profile, "full")[length - 1 :]
    energy = np.concatenate([[0.0], np.cumsum(profile**2)])
    moved = np.arange(length)
    both = energy[length - moved] * (energy[length] - energy[moved])
    return np.asarray(products / np.sqrt(both + 1e-3), np.float64)


def _unit(depth: Greys, segment: Segment) -> float:
    best, ends = 0.0, 8 + _AT_END
    for side in (1, -1):
        seen = _parallels(depth, segment, np.arange(*_UNIT) * side, longer=8)
        if seen.shape[1] < 2 * ends + 20:
            continue
        dark = cv2.blur(seen.mean(axis=0)[None], (9, 1), borderType=cv2.BORDER_REPLICATE)[0]
        along = float(np.percentile(dark[ends:-ends], 90))
        best = max(best, float(max(dark[:ends].max(), dark[-ends:].max())) - along)
    return best
