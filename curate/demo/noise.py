"""Soft noise, and numbers that depend on a name alone: what every drawing of the demo is made from."""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.float32]
"""(height, width)"""


def generator(name: str) -> np.random.Generator:
    """Return a generator whose numbers depend on `name` alone, not on how many were drawn before for other things."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])))


def smooth(source: np.random.Generator, height: int, width: int, knots: int) -> Plane:
    """Return float32 (`height`, `width`) of soft noise in about -1..1 with `knots` bumps down the shorter side."""
    down = max(2, knots)
    across = max(2, round(knots * width / height))
    grid = (source.random((down + 1, across + 1)) * 2 - 1).astype(np.float32)
    row, row_share = _steps(height, down)
    column, column_share = _steps(width, across)
    lines = grid[row] + (grid[row + 1] - grid[row]) * row_share[:, None]
    low = lines[:, column]
    plane: Plane = low + (lines[:, column + 1] - low) * column_share[None, :]
    return plane


@lru_cache(maxsize=256)
def _steps(length: int, knots: int) -> tuple[npt.NDArray[np.int64], Plane]:
    place = np.arange(length, dtype=np.float32) * np.float32(knots / length)
    below = np.minimum(place.astype(np.int64), knots - 1)
    share = place - below.astype(np.float32)
    eased: Plane = (share * share * (3 - 2 * share)).astype(np.float32)
    return below, eased


@lru_cache(maxsize=64)
def axes(width: int, height: int) -> tuple[Plane, Plane]:
    """Return x (1, width) and y (height, 1), 0 in the middle, in heights."""
    x = ((np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)) / np.float32(height))[None, :]
    y = ((np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)) / np.float32(height))[:, None]
    return x, y


def ramp(plane: Plane) -> Plane:
    """Return 0 below 0, 1 above 1, and a soft step between."""
    part = np.clip(plane, 0, 1)
    eased: Plane = part * part * (3 - 2 * part)
    return eased


def flip(seen: np.random.Generator, plane: Plane) -> Plane:
    """Turn the lesion's noise over, as another photograph of it would: same kind of border, other picture."""
    turned: Plane = plane[:: -1 if seen.random() < 0.5 else 1, :: -1 if seen.random() < 0.5 else 1]
    return turned
