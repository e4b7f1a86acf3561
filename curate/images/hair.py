"""Hair taken off a picture: its long thin dark strokes are found, and painted over with what lies beside them.

As DullRazor does it (Lee, Ng, Gallagher, Coldman and McLean 1997, Computers in Biology and Medicine 27, 533-543): the
closing of the picture, less the picture, is high on thin dark lines (black top-hat, Serra 1982); what is long enough to
be a hair is replaced from both its sides, here by the inpainting of Telea (2004, Journal of Graphics Tools 9, 23-34).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels
from curate.images.scene import SIDE, scene
from curate.images.strokes import DIRECTIONS, depth, disc, longest

METHOD = "black top-hat and Telea's inpainting (DullRazor, Lee et al. 1997)"
VERSION = 1  # raise it whenever the same picture would come out otherwise
LEAST = 0.001  # share of the picture: what has less under hair is left as it is
SMALLEST = 128  # pixels of the short side: on a smaller picture a hair, a crease and a pen's stroke look alike

# All in pixels of a short side of 256, and in grey levels; chosen on the pictures of benchmarks/hair.py.
_NARROW = 7  # a hair is somewhere narrower than this ...
_WIDE = 9  # ... and nowhere broader than this: two that cross are
_LONG = 41  # a hair has a straight stretch of that length, which meshes and streaks of a lesion have not ...
_SHORT = 21  # ... and goes on in stretches of that length
_DARK = 16  # so much darker than both its sides it is along the long stretch ...
_FAINT = 12  # ... and so much along the others: below it, where a hair meets a pigment net, the net goes with it
_RED = 0.6  # share of that depth which is in red too: blood vessels are as red as the skin
_RIM = 3  # along the edges, where a scanner's line is no hair
_REACH = 3  # pixels of the picture itself, from which each painted one is made

Mask = npt.NDArray[np.bool_]


def hair(pixels: Pixels) -> Mask:
    """Return what lies under hair, bool (h, w), of a picture, uint8 (h, w, 3) of any size.

    Looked for at a short side of at most 256 pixels. Frame, dark corners, ruler and blue ink are no hair; a picture
    with less than 128 pixels on its short side has none.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < SMALLEST:
        return np.zeros((height, width), dtype=np.bool_)
    seen = scene(pixels)
    share = min(1.0, min(seen.grey.shape) / SIDE)
    red = depth(np.ascontiguousarray(seen.pixels[..., 0]), _odd(_WIDE * share))
    wide, narrow = (np.minimum(depth(seen.grey, _odd(size * share)), _whole(red)) for size in (_WIDE, _NARROW))
    outside = seen.barred | (cv2.dilate(seen.ink.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    for found in (wide, narrow):
        found[outside] = 0
        found[:_RIM], found[-_RIM:], found[:, :_RIM], found[:, -_RIM:] = 0, 0, 0, 0
    strokes = longest(wide, _odd(_SHORT * share)) > _FAINT
    sure = longest(narrow, _odd(_LONG * share), 2 * DIRECTIONS) > _DARK
    count, labels = cv2.connectedComponents(strokes.astype(np.uint8), connectivity=8)
    hairs = np.zeros(count, dtype=np.bool_)
    hairs[labels[sure]] = True
    hairs[0] = False
    inside = hairs[labels][_RIM:-_RIM, _RIM:-_RIM]
    # A hair goes on to the edge; and one pixel more on each side, for what the lens blurs.
    mask = cv2.dilate(np.pad(inside, _RIM, mode="edge").astype(np.uint8), disc(3))
    if mask.shape != (height, width):
        mask = (cv2.resize(mask * 255, (width, height), interpolation=cv2.INTER_LINEAR) > 127).astype(np.uint8)
    return np.asarray(mask, dtype=np.bool_)


def without_hair(pixels: Pixels) -> Pixels | None:
    """Return the picture, uint8 (h, w, 3), with its hair painted over; None where under 0.1 % of it lies under hair.

    Pixels beside the hair stay what they are. The same picture gives the same pixels.
    """
    mask = hair(pixels)
    if mask.mean() < LEAST:
        return None
    painted = cv2.inpaint(np.ascontiguousarray(pixels), mask.astype(np.uint8), _REACH, cv2.INPAINT_TELEA)
    return np.asarray(painted, dtype=np.uint8)


def _odd(size: float) -> int:
    return max(5, round(size) | 1)


def _whole(red: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the depth in red as that of a stroke which is no darker in other channels, by `_RED`."""
    return np.asarray(np.minimum(255, red / _RED), dtype=np.uint8)
