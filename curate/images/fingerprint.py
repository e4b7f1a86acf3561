"""What two pictures are compared by: hashes that propose, and a second look that confirms."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from curate.images import identity
from curate.images.codec import Pixels

VERSION = 3

Floats = npt.NDArray[np.float64]

_HASHED = 64  # pixels of the short side of what is hashed, at least: twice what the hashes look at
_LARGE = 512  # pixels of the short side from which a picture is halved before anything else
_LOOK = 64  # pixels a side of the second look: more than thumbnails of 100 px can tell apart is noise
_FINE = 0.7  # pixels (of those 64): finer detail is what re-compression changes
_AROUND = 4.0  # pixels: what is correlated is how each place differs from its own surroundings, not the dark spot in
# the middle that most lesions share; and a change of colour or contrast is a straight line there, whatever its curve
_NOISE = 1.0  # grey levels squared: surroundings as plain as that have no say


@dataclass(frozen=True)
class Fingerprint:
    """What one picture is known by, at whatever scale it was decoded.

    `phash` and `dhash` are imagehash's 64 bits, the first bit highest. `detail` is the standard deviation of grey
    (0..255) at 32 x 32: near 0 a hash is noise. `means` are those of `identity`.
    """

    phash: int
    dhash: int
    detail: float
    means: bytes


def fingerprint(pixels: Pixels) -> Fingerprint:
    """Return the fingerprint of a picture, uint8 (h, w, 3).

    The hashes are those that imagehash makes of the picture at a short side of 64 to 127, each pixel the mean of the
    area it covers: from those of real pictures at full size they differ in 2 of 64 bits at most for 98 in 100, and in 4
    for the others.
    """
    height, width = pixels.shape[:2]
    if min(height, width) >= _LARGE and not (height % 2 or width % 2):
        # Means of four pixels, which is quick: all that follows has a quarter of them.
        pixels = np.asarray(cv2.resize(pixels, (width // 2, height // 2), interpolation=cv2.INTER_AREA), np.uint8)
    grey = Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY))
    share = max(1, min(grey.size) // _HASHED)
    reduced = grey.reduce(share)
    # What is left over at the right and below makes a pixel too, of which a part counts.
    box = (0, 0, grey.width / share, grey.height / share)

    def brought(width: int, height: int, way: Image.Resampling) -> Image.Image:
        return reduced.resize((width, height), way, box)

    lanczos, mean = Image.Resampling.LANCZOS, Image.Resampling.BOX
    return Fingerprint(
        # At the size to which imagehash would bring them itself, by the same filter.
        phash=_number(imagehash.phash(brought(32, 32, lanczos))),
        dhash=_number(imagehash.dhash(brought(9, 8, lanczos))),
        detail=float(np.asarray(brought(32, 32, mean)).std()),
        means=identity.means(pixels, np.asarray(brought(identity.CELLS, identity.CELLS, mean))),
    )


def _number(hashed: imagehash.ImageHash) -> int:
    return int.from_bytes(np.packbits(hashed.hash).tobytes())


def small(pixels: Pixels) -> Floats:
    """Return a picture, uint8 (h, w, 3) of any size, for the second look: grey, float64 (64, 64)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    # An area filter never invents pixels; a picture below 64 is enlarged smoothly instead.
    means = cv2.INTER_AREA if min(grey.shape) >= _LOOK else cv2.INTER_LINEAR
    brought = cv2.resize(grey, (_LOOK, _LOOK), interpolation=means).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(brought, (0, 0), _FINE), dtype=np.float64)


def agreement(first: Floats, second: Floats) -> float:
    """Say how far two pictures, as `small` gives them, are one photograph in one framing: -1 to 1.

    Both are correlated place by place within a few pixels, busy places counting more. Size,
    aspect, compression, brightness, contrast and colour change little; another lesion much. Of 119 listed pairs of one
    photograph all reach 0.88 and 118 reach 0.92, no two of different lesions 0.87; consecutive photographs of one
    lesion, held still, may reach any value. 0 where either picture has nothing to compare.
    """
    mean_a, mean_b = _around(first), _around(second)
    spread_a, spread_b = _around(first**2) - mean_a**2, _around(second**2) - mean_b**2
    shared = np.sqrt(np.maximum(spread_a, 1e-3) * np.maximum(spread_b, 1e-3))
    weight = np.sqrt(shared) * (shared / (shared + _NOISE))
    if min(float(spread_a.max()), float(spread_b.max())) < _NOISE:
        return 0.0
    alike = (_around(first * second) - mean_a * mean_b) / shared
    return float(np.clip((alike * weight).sum() / weight.sum(), -1, 1))


def _around(values: Floats) -> Floats:
    """Return the mean of each place's surroundings."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), _AROUND), dtype=np.float64)
