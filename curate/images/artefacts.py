"""What on a picture is neither skin nor lesion, and how good the picture is: plain, cheap numbers from 0 to 1."""

from __future__ import annotations

import cv2
import numpy as np

from curate.images.codec import Pixels
from curate.images.scene import Scene, scene

VERSION = 1
NAMES = ("vignette", "hair", "highlight", "border", "blur", "exposure")

# The value at which each measure counts as present; chosen by looking at real pictures on both sides of it.
THRESHOLDS = {"vignette": 0.2, "hair": 0.2, "highlight": 0.2, "border": 0.1, "blur": 0.6, "exposure": 0.5}

_CORNER = 0.12  # of a side: the square at each corner in which a dark corner is looked for
_FULL = {"hair": 0.12, "highlight": 0.05}  # share of the picture from which a measure is 1
_SHARP = 0.30  # Laplacian over grey, both as standard deviations, from which a picture is not blurred at all


def artefacts(pixels: Pixels, seen: Scene | None = None) -> dict[str, float]:
    """Measure a picture, uint8 (h, w, 3); `seen` saves looking at the picture again.

    Returns, each 0..1 and 0 where there is none: `vignette` the share of the four corners that is black, `hair` and
    `highlight` by the share of the picture they cover, `border` the share that is a plain black or white band along an
    edge, `blur` how far fine detail is lacking, `exposure` how far the picture is too dark, too light or clipped.
    """
    seen = scene(pixels) if seen is None else seen
    inner = ~seen.frame
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows) or not len(columns):
        return dict.fromkeys(NAMES, 0.0) | {"border": 1.0, "blur": 1.0, "exposure": 1.0}
    window = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    measured = {
        "vignette": _in_corners(seen, window),
        "hair": float(seen.hair.mean()) / _FULL["hair"],
        "highlight": float(seen.highlight.mean()) / _FULL["highlight"],
        "border": float(seen.frame.mean()),
        "blur": _blur(seen, window),
        "exposure": _exposure(seen, window),
    }
    return {name: round(float(np.clip(measured[name], 0, 1)), 4) for name in NAMES}


def _in_corners(seen: Scene, window: tuple[slice, slice]) -> float:
    black = seen.corners[window]
    high, wide = max(1, round(black.shape[0] * _CORNER)), max(1, round(black.shape[1] * _CORNER))
    parts = (black[:high, :wide], black[:high, -wide:], black[-high:, :wide], black[-high:, -wide:])
    # A disc that just touches the sides leaves a little of these squares uncovered, hence more than the plain mean.
    return 1.15 * float(np.mean([part.mean() for part in parts]))


def _blur(seen: Scene, window: tuple[slice, slice]) -> float:
    grey = seen.grey[window]
    usable = ~(seen.corners | seen.highlight)[window]
    if usable.sum() < 100:
        return 1.0
    # Against the rest of the picture's own contrast, so that pale skin is not called blurred.
    fine = cv2.Laplacian(grey, cv2.CV_32F, ksize=1)[usable]
    spread = float(grey[usable].std())
    return 1 - float(fine.std()) / (_SHARP * max(spread, 4.0))


def _exposure(seen: Scene, window: tuple[slice, slice]) -> float:
    grey = seen.grey[window]
    lit = grey[~seen.corners[window]]
    if not len(lit):
        return 1.0
    middle = float(np.median(lit))
    clipped = float(((lit >= 252) | (lit <= 4)).mean())
    away = max(0.0, (70 - middle) / 70, (middle - 215) / 40)
    return max(away, clipped / 0.3)
