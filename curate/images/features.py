"""The few places by which a picture is known again after it was cropped, turned, mirrored or written on.

Places are SIFT keypoints (Lowe 2004) with square-rooted descriptors (Arandjelovic and Zisserman 2012). A descriptor is
4 x 4 cells of 8 directions; here it is taken to waves along rows, columns (cosine transform) and directions (Fourier),
and the 32 slow waves that vary most between real pictures are kept. In waves a mirrored place is the same place with
the signs of some waves turned, exactly: a mirrored copy costs no second look at the pixels.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels

VERSION = 4

SIDE = 192  # pixels of the longer side: finer places do not survive a copy of 128 pixels, or JPEG at quality 30
MOST = 96  # places of a picture
_SMALLEST = 64  # pixels of the longer side: a smaller picture, enlarged, shows how it was enlarged, as any other does
WAVES = 32  # numbers of a descriptor

_FOUND = 400  # places to choose from
_PLAIN = 0.01  # contrast (of 1) below which a place is noise
_EDGE = 8.0  # ratio of curvatures above which a place is a line
_GRID = 5  # cells a side within which places compete: a ruler or a caption is full of places, and has a few cells only
_STEP = 255 / SIDE  # of a stored position, in 1 / pixel
_OCTAVE = 32.0  # steps of a stored size in each doubling
_TURN = 256.0  # steps of a stored angle
_UNIT = 300.0  # steps of a stored wave in the length of a descriptor
_ROW = 4 + WAVES  # bytes of a place

# Of 4 x 4 x 8 waves (row, column, direction), the 32 that vary most over 48,000 places of real pictures.
_KEPT = (0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 17, 19, 25, 32, 33,
         34, 35, 36, 41, 42, 44, 49, 50, 57, 66, 67, 73, 74, 89, 98, 114)  # fmt: skip

Floats = npt.NDArray[np.float32]
Waves = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Features:
    """Places of one picture: n rows each.

    `places` float32 (n, 2) is x and y in pixels of the picture at a longer side of 192, `sizes` the base-2 logarithm of
    the diameter in those pixels, `angles` radians clockwise from the x axis, `waves` int8 (n, 32).
    """

    places: Floats
    sizes: Floats
    angles: Floats
    waves: Waves

    def __len__(self) -> int:
        return len(self.places)


def features(pixels: Pixels) -> bytes:
    """Return the best places of a picture, uint8 (h, w, 3), as 36 bytes each: at most 3.4 KB.

    Nothing for plain paper, and for a picture whose longer side is under 64 pixels.

    >>> features(np.full((200, 300, 3), 127, np.uint8))
    b''
    """
    if max(pixels.shape[:2]) < _SMALLEST:
        return b""
    grey = shown(pixels)
    # Contrast is made even first, so that a pale lesion has places too.
    found, descriptors = _finder().detectAndCompute(cv2.createCLAHE(3.0, (8, 8)).apply(grey), None)
    if not found:
        return b""
    rows = np.array([(*key.pt, key.size, key.angle, key.response) for key in found], np.float64)
    chosen = _chosen(rows, grey.shape[0], grey.shape[1])
    rows = rows[chosen]
    lengths = np.maximum(descriptors[chosen].sum(axis=1, keepdims=True), 1)
    waves = np.sqrt(descriptors[chosen] / lengths) @ _basis()[0].T
    packed = np.empty((len(rows), _ROW), np.uint8)
    packed[:, 0:2] = (rows[:, 0:2] * _STEP).round().clip(0, 255)
    packed[:, 2] = (np.log2(rows[:, 2]) * _OCTAVE).round().clip(0, 255)
    packed[:, 3] = (rows[:, 3] / 360 * _TURN).round() % _TURN
    # Without -128, so that every sign can be turned.
    packed[:, 4:] = (waves * _UNIT).round().clip(-127, 127).astype(np.int8).view(np.uint8)
    return packed.tobytes()


def unpacked(data: bytes) -> Features:
    """Return what `features` packed."""
    rows = np.frombuffer(data, np.uint8).reshape(-1, _ROW)
    return Features(
        places=(rows[:, 0:2] / _STEP).astype(np.float32),
        sizes=(rows[:, 2] / _OCTAVE).astype(np.float32),
        angles=(rows[:, 3] * (2 * np.pi / _TURN)).astype(np.float32),
        waves=np.ascontiguousarray(rows[:, 4:]).view(np.int8),
    )


def mirrored(waves: Waves) -> Waves:
    """Return the descriptors, int8 (n, 32), that the same places have in the mirrored picture."""
    return waves * _basis()[1]


def shown(pixels: Pixels) -> Pixels:
    """Return a picture in grey, uint8 (h, w), the longer side 192 pixels: the frame in which places are measured."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    share = SIDE / max(height, width)
    size = (max(16, round(width * share)), max(16, round(height * share)))
    means = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, size, interpolation=means), np.uint8)


def _chosen(rows: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.int64]:
    """Return which places to keep: strong and large ones, each the less wanted the more of its cell are taken."""
    worth = rows[:, 4] * np.sqrt(rows[:, 2])
    order = np.lexsort((rows[:, 3], rows[:, 1], rows[:, 0], -worth))
    across = np.minimum(rows[order, 0] * _GRID // width, _GRID - 1)
    down = np.minimum(rows[order, 1] * _GRID // height, _GRID - 1)
    cell = (down * _GRID + across).astype(np.int64)
    taken = np.zeros(len(order), np.int64)
    for number in np.unique(cell):
        inside = np.flatnonzero(cell == number)
        taken[inside] = np.arange(len(inside))
    best = np.lexsort((np.arange(len(order)), -worth[order] / (1 + taken)))
    return np.asarray(order[best][:MOST], np.int64)


@functools.cache
def _finder() -> cv2.SIFT:
    return cv2.SIFT.create(_FOUND, 3, _PLAIN, _EDGE)


@functools.cache
def _basis() -> tuple[npt.NDArray[np.float64], Waves]:
    """Return the waves, (32, 128) over a SIFT descriptor, and the sign that each has in a mirrored picture."""
    steps = np.arange(4)
    cosine = np.cos(np.pi * (steps[None] + 0.5) * steps[:, None] / 4) * np.where(steps == 0, 0.5, np.sqrt(0.5))[:, None]
    around, signs = [], []
    for count in range(5):
        length = np.sqrt((1 if count in (0, 4) else 2) / 8)
        around.append(np.cos(2 * np.pi * count * np.arange(8) / 8) * length)
        signs.append(1)
        if count not in (0, 4):
            around.append(np.sin(2 * np.pi * count * np.arange(8) / 8) * length)
            signs.append(-1)
    waves = np.einsum("ar,bc,fo->abfrco", cosine, cosine, np.array(around)).reshape(128, 128)
    # Mirrored, the rows of cells change places and each direction its sign: odd waves along either turn over.
    sign = np.einsum("a,b,f->abf", [1, -1, 1, -1], [1, 1, 1, 1], signs).reshape(128)
    kept = list(_KEPT)
    return waves[kept], sign[kept].astype(np.int8)
