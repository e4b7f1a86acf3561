"""The filters by which programs make a picture smaller, along one axis: which pixels go into one, and by what share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Line = npt.NDArray[np.float64]


def _box(at: Line) -> Line:
    return ((at > -0.5) & (at <= 0.5)).astype(np.float64)


def _triangle(at: Line) -> Line:
    weights: Line = np.maximum(0.0, 1 - np.abs(at))
    return weights


def _hamming(at: Line) -> Line:
    return np.where(np.abs(at) < 1, np.sinc(at) * (0.54 + 0.46 * np.cos(np.pi * at)), 0.0)


def _cubic(slope: float) -> Callable[[Line], Line]:
    def weigh(at: Line) -> Line:
        far = np.abs(at)
        near = (slope + 2) * far**3 - (slope + 3) * far**2 + 1
        beyond = slope * (far**3 - 5 * far**2 + 8 * far - 4)
        return np.where(far < 1, near, np.where(far < 2, beyond, 0.0))

    return weigh


def _lanczos(lobes: int) -> Callable[[Line], Line]:
    return lambda at: np.where(np.abs(at) < lobes, np.sinc(at) * np.sinc(at / lobes), 0.0)


# Name: shape, and whether it widens as the picture shrinks (it does in Pillow; in OpenCV only the means over an area).
FILTERS: dict[str, tuple[Callable[[Line], Line], bool]] = {
    "area": (_box, True),
    "triangle": (_triangle, True),
    "hamming": (_hamming, True),
    "cubic": (_cubic(-0.5), True),
    "lanczos": (_lanczos(3), True),
    "narrow triangle": (_triangle, False),
    "narrow cubic": (_cubic(-0.75), False),
    "narrow lanczos": (_lanczos(4), False),
}
_WIDEST = 4  # pixels, of the smaller picture, that a filter reaches


def shares(name: str, size: float, centres: Line, start: int, end: int) -> npt.NDArray[np.float64]:
    """Return how much of each of the large picture's pixels `start` to `end` goes into each small pixel.

    `centres` are the middles of the small pixels in pixels of the large picture, `size` is the factor (below 1).
    Shape (centres, end - start); all shares of one small pixel, also of pixels beyond these, sum to 1.
    """
    shape, widens = FILTERS[name]
    width = 1 / size if widens else 1.0
    beyond = int(np.ceil(_WIDEST / size)) + (end - start)
    places = np.arange(start - beyond, end + beyond) + 0.5
    weights = shape((places[None, :] - centres[:, None]) / width)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights[:, beyond : beyond + end - start]
