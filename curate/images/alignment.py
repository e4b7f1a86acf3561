"""Whether two pictures show one scene in one geometry: places that answer each other, and one affine map for all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.images.features import Features, Waves, mirrored

VERSION = 1

ALIKE = 40_000  # squared distance of descriptors above which two places do not answer each other
_LOOSE = 10.0  # pixels (of 192) off at a first guess from one pair of places, whose angle and size are rough
_CLOSE = 4.0  # pixels off at the map that is fitted to all
_SAME_SIZE = 0.75  # octaves by which a place may be larger or smaller than the map says
_SAME_ANGLE = 0.6  # radians by which a place may be turned otherwise than the map says
_STRETCH = 1.8  # of one axis against the other: more is no change of aspect
_DISTINCT = 3.0  # pixels: places nearer than that are one place
_GUESSES = 3
_FEWEST = 4

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Alignment:
    """How the first picture lies on the second.

    `matrix` float64 (2, 3) takes pixels of the first to pixels of the second, both at a longer side of 192. `inliers`
    counts distinct places that the map takes to their answers, `mirrored` says whether the second is seen in a mirror.
    """

    matrix: Floats
    inliers: int
    mirrored: bool

    @property
    def turned_deg(self) -> float:
        """By how much the second is turned against the first, or against its mirror image: degrees, -180 to 180."""
        return float(np.degrees(np.arctan2(self.matrix[1, 0], self.matrix[0, 0])))

    @property
    def grown(self) -> float:
        """How much larger the second shows the same thing, each picture brought to one longer side."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))


def align(first: Features, second: Features, mirror: bool) -> Alignment | None:
    """Find the affine map on which most places agree, the second seen in a mirror or not; None where fewer than 4 do.

    Every pair of places that answer each other gives one guess (a keypoint has a position, an angle and a size, which
    is a whole similarity: Philbin et al. 2007), so nothing is drawn at random and the answer is always the same.
    """
    i, j = _answers(mirrored(first.waves) if mirror else first.waves, second.waves)
    if len(i) < _FEWEST:
        return None
    flip = np.array([1.0, -1.0 if mirror else 1.0])
    here, there = first.places[i].astype(np.float64) * flip, second.places[j].astype(np.float64)
    grown = (second.sizes[j] - first.sizes[i]).astype(np.float64)
    turned = second.angles[j] - first.angles[i] * flip[1]
    best: Alignment | None = None
    for inside in _guesses(here, there, grown, turned):
        fitted = _fitted(here, there, grown, inside)
        if fitted is None:
            continue
        matrix, held = fitted
        count = min(_distinct(here[held]), _distinct(there[held]))
        if best is None or count > best.inliers:
            best = Alignment(matrix * np.array([1.0, flip[1], 1.0]), count, mirror)
    return best if best is not None and best.inliers >= _FEWEST else None


def _answers(a: Waves, b: Waves) -> tuple[Places, Places]:
    """Return the places of each picture that are the nearest of any to a place of the other, and alike."""
    if not len(a) or not len(b):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    left, right = a.astype(np.float32), b.astype(np.float32)
    away = (left**2).sum(axis=1)[:, None] + (right**2).sum(axis=1)[None] - 2 * left @ right.T
    i = np.concatenate([np.arange(len(a)), away.argmin(axis=0)])
    j = np.concatenate([away.argmin(axis=1), np.arange(len(b))])
    alike = away[i, j] < ALIKE
    both = np.zeros(away.shape, bool)
    both[i[alike], j[alike]] = True
    here, there = np.divmod(np.flatnonzero(both), len(b))
    return here, there


def _guesses(here: Floats, there: Floats, grown: Floats, turned: Floats) -> list[npt.NDArray[np.bool_]]:
    """Return for the best few guesses which pairs of places agree with it."""
    count = len(here)
    # Whole numbers first: few pairs of guesses agree in size and angle, and the rest is never worked out. A turn is
    # 2^16 steps, so that the difference of two comes round by itself.
    sizes = (grown * 256).round().astype(np.int16)
    turns = (turned * (32768 / np.pi)).round().astype(np.int64).astype(np.int16)
    alike = np.abs(sizes[:, None] - sizes) < _SAME_SIZE * 256
    apart = turns[:, None] - turns
    reach = np.int16(_SAME_ANGLE * 32768 / np.pi)
    alike &= (apart < reach) & (apart > -reach)
    i, j = np.divmod(np.flatnonzero(alike), count)
    one, other = here[:, 0] + 1j * here[:, 1], there[:, 0] + 1j * there[:, 1]
    similar = np.exp2(grown) * np.exp(1j * turned)
    loose = _LOOSE * np.sqrt(np.exp2(grown).clip(0.5, 2))
    near = np.abs(similar[i] * (one[j] - one[i]) - (other[j] - other[i])) < loose[i]
    i, j = i[near], j[near]
    counts = np.bincount(i, minlength=count)
    inside = np.zeros((count, count), bool)
    inside[i, j] = True
    order = np.argsort(-counts, kind="stable")[:_GUESSES]
    return [inside[place] for place in order if counts[place] >= _FEWEST]


def _fitted(
    here: Floats, there: Floats, grown: Floats, inside: npt.NDArray[np.bool_]
) -> tuple[Floats, npt.NDArray[np.bool_]] | None:
    """Fit an affine map to the pairs inside, take in what agrees, and again, until nothing changes."""
    flat = np.column_stack([here, np.ones(len(here))])
    matrix = np.zeros((2, 3))
    for _ in range(4):
        chosen = flat[inside]
        square = chosen.T @ chosen
        if len(chosen) < 3 or np.linalg.det(square) < 1:
            return None
        matrix = np.linalg.solve(square, chosen.T @ there[inside]).T
        area = matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0]
        # The ratio of the singular values of a 2 x 2 matrix, from its norm and determinant alone.
        spread = (matrix[:, :2] ** 2).sum() / 2
        if area <= 0 or spread / area > (_STRETCH + 1 / _STRETCH) / 2:
            return None
        off = np.hypot(*(flat @ matrix.T - there).T)
        share = np.sqrt(area)
        held = (off < _CLOSE * np.sqrt(share).clip(0.7, 1.5)) & (np.abs(grown - np.log2(share)) < _SAME_SIZE)
        if (held == inside).all():
            break
        inside = held
    return (matrix, inside) if inside.sum() >= _FEWEST else None


def _distinct(places: Floats) -> int:
    return len(set(map(tuple, (places / _DISTINCT).round().tolist())))
