"""Letters and digits stamped on a picture, such as a date or a name: equally high shapes in a row, close together."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Greys = npt.NDArray[np.uint8]

_STROKE = np.ones((7, 7), np.uint8)  # pixels: a letter's strokes are narrower
_CLEAR = 45  # levels of 255 by which a stamped letter differs from what is around it
_HEIGHTS = (5, 26)  # pixels
_MOST = 300  # shapes: a picture with more has hair or scales all over


def lettering(lightest: Greys, darkest: Greys, red: Greys) -> int:
    """Return how many letters the longest row has, in a picture some 256 pixels high.

    `lightest` and `darkest` are the greatest and the least channel, uint8 (h, w), `red` is how far red is above green:
    letters are looked for that are white, black, or red as cameras stamp them.
    """
    best = 0
    for channel, way in ((darkest, cv2.MORPH_TOPHAT), (lightest, cv2.MORPH_BLACKHAT), (red, cv2.MORPH_TOPHAT)):
        clear = (cv2.morphologyEx(channel, way, _STROKE) > _CLEAR).astype(np.uint8)
        if clear.any():
            best = max(best, _row(clear))
    return best


def _row(clear: Greys) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(clear, connectivity=8)
    left, top, width, height, area = stats[1:].T
    right, bottom = left + width, top + height
    letter = (height >= _HEIGHTS[0]) & (height <= _HEIGHTS[1]) & (width <= 1.4 * height)
    letter &= (area >= 0.2 * width * height) & (area <= 0.75 * width * height + 4)
    letter &= (left > 1) & (top > 1) & (right < clear.shape[1] - 1) & (bottom < clear.shape[0] - 1)
    chosen = np.flatnonzero(letter)
    if not 3 <= len(chosen) <= _MOST:
        return 0
    chosen = chosen[np.argsort(left[chosen], kind="stable")]
    left, right, top, bottom, height = left[chosen], right[chosen], top[chosen], bottom[chosen], height[chosen]
    level = (np.abs(top[:, None] - top) <= 1) & (np.abs(bottom[:, None] - bottom) <= 1)
    gap = left[None] - right[:, None]
    follows = level & (gap >= 0) & (gap <= 1.6 * height[:, None])
    longest = np.ones(len(chosen), np.int64)
    for at in range(len(chosen) - 1, -1, -1):
        after = longest[follows[at]]
        if len(after):
            longest[at] = 1 + int(after.max())
    return int(longest.max())
