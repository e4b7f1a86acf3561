"""Whether two pictures are equal, pixel by pixel: a hash that says so, and means that say where it is worth asking.

Pixels are equal only where all are decoded, which a look at a fraction of the size does not do. Pictures with equal
pixels have equal sizes and means, though, whatever scale and file they are decoded from, so only pictures that share
them have to be decoded whole. (Perceptual hashes would not do: on gradients, patterns and noise their bits hang on the
last digit, and two scales of one picture differ in up to 20 of 64.)
"""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels

VERSION = 1  # raise it whenever the same picture would give another hash

CELLS = 8  # a side
_STEPS = 256  # of a stored mean in a grey level
# Grey levels by which one picture, decoded whole and at a fraction, may seem apart: in how its cells lie to each other
# (root mean square; 1.4 on real pictures, 3.0 on the worst that was made, a half with dots), and in colour (0.5 on real
# ones; 6.1 on fine black lines at quality 10, which are cut off only where all pixels are decoded).
_NEAR = 3.5, 8.0
# The same of a JPEG and a file without loss that has its pixels. Two JPEGs with equal pixels hold, but for plain ones,
# the same numbers and seem the same at every scale; these two never do: the blacks and whites of fine lines in strong
# colours (9.8 and 31 on red, or green, at any quality) are cut off in the one and not in the other.
_NEAR_LOSSLESS = 14.0, 48.0
_AXES = 16

Means = npt.NDArray[np.uint16]


def pixels_sha256(pixels: Pixels) -> str:
    """Return the hash of width, height and RGB bytes, uint8 (h, w, 3): the same for the same pixels in another file."""
    height, width = pixels.shape[:2]
    sha256 = hashlib.sha256(f"{width} {height}\n".encode())
    sha256.update(np.ascontiguousarray(pixels).data)
    return sha256.hexdigest()


def means(pixels: Pixels, cells: Pixels) -> bytes:
    """Return the means of a picture, uint8 (h, w, 3), in 134 bytes: of 8 x 8 cells in grey, then red, green and blue.

    `cells` are those of the cells, uint8 (8, 8).
    """
    values = np.concatenate([cells.ravel(), cv2.mean(pixels)[:3]])
    return np.round(values * _STEPS).clip(0, 65535).astype("<u2").tobytes()


def unpacked(packed: list[bytes]) -> Means:
    """Return what `means` packed: uint16 (n, 67), in 1/256 of a grey level."""
    return np.frombuffer(b"".join(packed), "<u2").reshape(len(packed), CELLS**2 + 3)


def may_be_equal(sizes: npt.NDArray[np.int64], values: Means, lossless: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Say of each of n different files whether any other may have its pixels: bool (n,).

    `sizes` (n, 2) are width and height of the whole picture, `values` (n, 67) as `unpacked` gives them; `lossless` (n,)
    tells what is never decoded at a fraction, which all but a JPEG is. Only the nearest is asked for, so a crowd of
    pictures that are all alike costs no more than as many that are not.
    """
    if not len(sizes):
        return np.zeros(0, np.bool_)
    order = np.lexsort((sizes[:, 1], sizes[:, 0]))
    starts = np.flatnonzero(np.any(np.diff(sizes[order], axis=0, prepend=-1) != 0, axis=1))
    found = np.zeros(len(sizes), np.bool_)
    for group in np.split(order, starts[1:]):
        if len(group) > 1:
            found[group] = _has_neighbour(values[group], lossless[group])
    return found


def _has_neighbour(values: Means, lossless: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    from scipy.spatial import cKDTree

    # Equal ones fall together first: a tree cannot part them.
    different, place, count = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    near = count > 1
    if len(different) > 1:
        points = _placed(different, _NEAR)
        away, _ = cKDTree(points).query(points, k=2, distance_upper_bound=1.0)
        near |= np.isfinite(away[:, 1])
    found = np.asarray(near[place.ravel()], np.bool_)
    if lossless.any() and not lossless.all():
        points = _placed(values, _NEAR_LOSSLESS)
        for some in (lossless, ~lossless):
            away, _ = cKDTree(points[~some]).query(points[some], distance_upper_bound=1.0)
            found[some] |= np.isfinite(away)
    return found


def _placed(values: Means, bounds: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Return points that lie within 1 of each other where pictures may be equal, on the 16 axes that vary most.

    Fewer axes never take two points farther apart, so none that may be equal is lost; on real pictures none is won.
    """
    of_shape, of_colour = bounds
    grey = values.astype(np.float64) / _STEPS
    cells, colours = grey[:, :-3], grey[:, -3:]
    shape = (cells - cells.mean(axis=1, keepdims=True)) / (of_shape * CELLS)
    points = np.hstack([shape, colours / (of_colour * np.sqrt(3))])
    points -= points.mean(axis=0)
    _, axes = np.linalg.eigh(points.T @ points)
    return np.asarray(points @ axes[:, : -1 - _AXES : -1], np.float64)
