"""Evenly spaced cells along one axis of a sheet, and how to say that they are not what they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import UnreadablePicture
from curate.records import Box

DARK = 228  # brightest channel value of "not paper": below it lie pictures and the shadow's first two pixels
INK = 128  # paper has no pixel below
SCALES = (0.3, 4.0)  # outside, a tile has too few pixels to be worth having, or the sheet is none of ours

Greys = npt.NDArray[np.uint8]
Line = npt.NDArray[np.float64]  # one number for each row, or each column, of a sheet


@dataclass(frozen=True)
class Axis:
    """A grid along one axis: cell k has its anchor at `origin + k * pitch` pixels."""

    origin: float
    pitch: float
    count: int


def moved(box: Box, left: int, top: int) -> Box:
    """Return the box shifted by whole pixels."""
    return Box(box.left + left, box.top + top, box.width, box.height)


def disagree(what: str, expected: str, found: str) -> UnreadablePicture:
    """Return the error that says how the grid found differs from that of the format."""
    return UnreadablePicture(
        f"the sheet's grid is not that of its format: {what}",
        expected=expected,
        found=found,
        hint="look whether the sheet was cropped, padded or made by another program",
    )


def runs(marks: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Return (start, end) of each run of True, end exclusive."""
    steps = np.flatnonzero(np.diff(np.concatenate(([0], marks.astype(np.int8), [0]))))
    return [(int(start), int(end)) for start, end in steps.reshape(-1, 2)]


def fit(anchors: list[float], what: str, slack: float) -> tuple[float, float, npt.NDArray[np.int64]]:
    """Return origin, pitch and number of each anchor of the evenly spaced grid that the anchors (at least 2) lie on."""
    places = np.array(anchors)
    pitch = float(np.median(np.diff(places)))
    for _ in range(3):
        numbers = np.rint((places - places[0]) / pitch).astype(np.int64)
        pitch, origin = np.polyfit(numbers, places, 1)
    off = float(np.abs(origin + pitch * numbers - places).max())
    if off > slack or len(set(numbers.tolist())) < len(numbers):
        raise disagree(f"{what} are not evenly spaced", f"within {slack:.1f} px", f"{off:.1f} px off")
    return float(origin), float(pitch), numbers
