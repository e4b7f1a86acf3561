"""How far two pictures agree where one lies on the other: one photograph, or a second one of the lesion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.alignment import Alignment
from curate.images.codec import Pixels

VERSION = 3

_FINE = 1.0  # pixels (of 192): finer detail is what re-compression and scaling change
_AROUND = 5.0  # pixels: what is correlated is how each place differs from its own surroundings
_NOISE = 4.0  # grey levels squared: surroundings as plain as that have no say
_LOUD = 100.0  # grey levels squared: more contrast than that adds no more say, or a ruler would outvote the skin
_EVEN_NOISE, _EVEN_LOUD = 1.0, 4.0  # the same for the mean over all: lettering counts no more than the skin beside it
_BEHIND = 0.15  # by which the mean over all may stay behind the agreement of the best
_MARGIN = 6  # pixels from any edge: beyond it surroundings are not all there
_WORST = 0.3  # of the overlap that may be covered: ruler, caption, mask
_BLANK = 0.3  # grey levels squared within 5 pixels: a frame or a mask, not skin
_DARK = 16  # grey levels below which a corner near a frame is a vignette inside it
_CORNER = 60  # pixels of such a corner, at least
_REACH = 8  # pixels between frame and corner: their border, blurred by JPEG, is not blank
_FEWEST = 400  # pixels in common: fewer say nothing
_SHARE = 0.1  # of a picture that must be in common
_PROMISING = 0.6  # agreement from which it is worth settling the map on the pixels
_SURE = 0.995  # and from which nothing is left to settle
_SETTLES = 30  # steps in which the map is settled to a fraction of a pixel

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shown:
    """A picture to be laid on others: grey, float32 (h, w), the longer side 192 pixels, its finest detail smoothed.

    `seen`, uint8 (h, w), is 1 where it shows something: no edge, frame or vignette.
    """

    grey: Floats
    seen: Pixels


def shown(grey: Pixels) -> Shown:
    """Make ready a picture in grey, uint8 (h, w), as `features.shown` gives it."""
    smooth = np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), _FINE), np.float32)
    return Shown(smooth, _shows(smooth))


def overlap(first: Shown, second: Shown, alignment: Alignment) -> tuple[float, float]:
    """Return (agreement, share): -1 to 1, and how much of the less covered picture the two have in common.

    Both are correlated within a few pixels everywhere, and the best 70 % of what both show are averaged, since
    something may be laid over the rest. The mean over all may stay behind by 0.15 and no more: two lesions under one
    caption agree there, and nowhere else. Where this is promising, the map is settled on the pixels themselves
    (enhanced correlation, Evangelidis and Psarakis 2008).
    """
    matrix = alignment.matrix
    if abs(np.linalg.det(matrix[:, :2])) < 1:  # into the frame that shows the common part smaller: nothing is invented
        first, second = second, first
        matrix = np.asarray(cv2.invertAffineTransform(matrix), np.float64)
    found = _laid(first, second, matrix)
    if _PROMISING <= found[0] < _SURE:
        settled = _settled(first, second, matrix)
        if settled is not None:
            found = max(found, _laid(first, second, settled))
    return found


def _laid(first: Shown, second: Shown, way: npt.NDArray[np.float64]) -> tuple[float, float]:
    size = (first.grey.shape[1], first.grey.shape[0])
    there = cv2.warpAffine(second.grey, way, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    shared = cv2.warpAffine(second.seen, way, size, flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    both = np.asarray(cv2.bitwise_and(shared, first.seen), np.uint8)
    pixels = cv2.countNonZero(both)
    if pixels < max(_FEWEST, _SHARE * both.size):
        return 0.0, 0.0
    return _agreement(first.grey, np.asarray(there, np.float32), both), pixels / both.size


def score(agreement: float, places: int, share: float) -> float:
    """Return the agreement, less up to 0.09 where few places led to it: six of 96 agree by chance now and then.

    And less up to 0.08 where the two have less than a quarter in common: a fifth of two lesions may agree by chance.
    """
    return agreement - max(0.0, 1.1 / places - 0.09) - max(0.0, 0.25 - share) / 2


def framed(first: Shown, second: Shown) -> tuple[float, float]:
    """Return (agreement, share) of two pictures that show the same in the same frame, whatever their sizes."""
    wide, tall = second.grey.shape[1] / first.grey.shape[1], second.grey.shape[0] / first.grey.shape[0]
    # Centre of a pixel to centre of a pixel.
    matrix = np.array([[wide, 0, (wide - 1) / 2], [0, tall, (tall - 1) / 2]], np.float64)
    return overlap(first, second, Alignment(matrix, 0, False))


def _shows(grey: Floats) -> Pixels:
    """Return where a picture shows something: away from its edge, and from a blank frame that reaches there.

    A dark corner within reach of a frame belongs to it: a vignette that was framed.
    """
    spread = cv2.blur(grey * grey, (5, 5)) - cv2.blur(grey, (5, 5)) ** 2
    blank = np.pad((spread < _BLANK).astype(np.uint8), 1, constant_values=1)
    height, width = blank.shape
    _, pieces = cv2.connectedComponents(blank, connectivity=4)
    away = (pieces == pieces[0, 0]).astype(np.uint8)
    dark = np.pad((grey < _DARK).astype(np.uint8), 1)
    count, corners, sizes, _ = cv2.connectedComponentsWithStats(dark, connectivity=4)
    reached = np.zeros(count, bool)
    reached[corners[cv2.dilate(away, np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)) > 0]] = True
    reached &= sizes[:, cv2.CC_STAT_AREA] >= _CORNER
    reached[0] = False  # what is not dark
    away |= reached[corners].astype(np.uint8)
    away = cv2.dilate(away, np.ones((2 * _MARGIN + 1, 2 * _MARGIN + 1), np.uint8))
    return np.ascontiguousarray(1 - away[1 : height - 1, 1 : width - 1])


def _settled(first: Shown, second: Shown, matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64] | None:
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, _SETTLES, 1e-4)
    try:
        _, found = cv2.findTransformECCWithMask(
            first.grey, second.grey, first.seen, second.seen, matrix.astype(np.float32), cv2.MOTION_AFFINE, stop, 5
        )
    except cv2.error:  # it found no way on from here: the map of the places stands
        return None
    return np.asarray(found, np.float64)


def _agreement(a: Floats, b: Floats, shared: Pixels) -> float:
    counted = shared.astype(np.float32)
    half = (counted.shape[1] // 2, counted.shape[0] // 2)
    amount = np.maximum(_around(counted, half), 1e-3)

    def around(values: Floats) -> Floats:
        # Surroundings are of what both show: a frame beside the skin would drown it.
        return np.asarray(_around(values * counted, half) / amount, np.float32)

    mean_a, mean_b = around(a), around(b)
    spread_a, spread_b = around(a * a) - mean_a**2, around(b * b) - mean_b**2
    shows = cv2.resize(shared, half, interpolation=cv2.INTER_NEAREST) > 0
    both = np.sqrt(np.maximum(spread_a, 1e-2) * np.maximum(spread_b, 1e-2))
    alike = ((around(a * b) - mean_a * mean_b) / both)[shows].astype(np.float64)
    both = both[shows].astype(np.float64)
    bounds = ((_LOUD, _NOISE), (_EVEN_LOUD, _EVEN_NOISE))
    best, every = (np.sqrt(np.minimum(both, loud)) * (both / (both + noise)) for loud, noise in bounds)
    if best.max(initial=0) < 0.5:
        return 0.0
    order = np.argsort(alike, kind="stable")
    below = np.cumsum(best[order]) / best.sum()
    kept = order[below >= _WORST]
    agreement = (alike[kept] * best[kept]).sum() / best[kept].sum()
    return float(np.clip(min(agreement, (alike * every).sum() / every.sum() + _BEHIND), -1, 1))


def _around(values: Floats, half: tuple[int, int]) -> Floats:
    """Return the mean of the surroundings of each second pixel of each second row."""
    small = cv2.resize(values, half, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _AROUND / 2), np.float32)
