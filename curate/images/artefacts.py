"""What on a picture is neither skin nor lesion, and how good the picture is: plain, cheap numbers from 0 to 1."""

from __future__ import annotations

import cv2
import numpy as np

from curate.images import levels
from curate.images.codec import Pixels
from curate.images.lettering import lettering
from curate.images.scene import Mask, Scene, scene
from curate.vocabulary import ARTEFACTS

VERSION = 4
THRESHOLDS = ARTEFACTS
NAMES = tuple(THRESHOLDS)

# Sensitivity and specificity at those thresholds on the 324 given pictures that did not choose them, seen by eye:
# the last table of benchmarks/artefacts.py.
RIGHT = {
    "ruler": (0.63, 0.95), "ink": (0.26, 0.98), "vignette": (0.81, 0.98), "hair": (0.80, 0.79),
    "highlight": (0.88, 0.71), "border": (1.0, 0.98), "blur": (0.62, 0.94), "exposure": (0.75, 0.99),
    "text": (0.88, 0.91),
}  # fmt: skip

_CORNER = 0.03  # of the short side: the square at each corner that a lens leaves dark
_FULL = {
    "hair": 0.02,
    "highlight": 0.002,
    "ink": 0.01,
}  # share from which a measure is 1
_UNIT = 20.0  # grey levels by which a unit beside a ruler is darker than all beside it
_LETTERS = (1, 5)  # in a row: none of it is text, all of it is
_SHARP = 40.0  # grey levels: the 99th percentile of the Laplacian from which a picture is not blurred at all
_DARK, _LIGHT = 100.0, 215.0  # middle grey levels below and above which a picture is badly exposed


def artefacts(pixels: Pixels, seen: Scene | None = None) -> dict[str, float]:
    """Measure a picture, uint8 (h, w, 3); `seen` saves looking at the picture again.

    Returns, each 0..1: `ruler` how regular the marks along the best line are; `ink` and `hair` by the share of what
    lies beside the lesion that they cover, `highlight` (reflections and bubbles) by that of the picture; `vignette` how
    much darker the four corners are than the middle grey; `border` the share that is a plain black, grey or white band
    along an edge; `blur` how far fine detail is lacking; `exposure` how far the picture is too dark, too light or
    clipped; `text` by the letters in the longest row, or by the unit that stands beside a ruler.
    """
    seen = scene(pixels) if seen is None else seen
    inner = ~seen.frame
    rows, columns = np.flatnonzero(inner.any(axis=1)), np.flatnonzero(inner.any(axis=0))
    if not len(rows) or not len(columns):
        return dict.fromkeys(NAMES, 0.0) | {"border": 1.0, "blur": 1.0, "exposure": 1.0}
    window = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
    regular = seen.ruler.regular if seen.ruler is not None else 0.0
    measured = {
        "ruler": regular,
        "ink": _beside(seen, seen.ink) / _FULL["ink"],
        "vignette": _vignette(seen, window),
        "hair": _beside(seen, seen.hair) / _FULL["hair"],
        "highlight": float(seen.highlight.mean()) / _FULL["highlight"],
        "border": float(seen.frame.mean()),
        "blur": _blur(seen, window),
        "exposure": _exposure(seen, window),
        "text": _text(seen, regular),
    }
    return {name: round(float(np.clip(measured[name], 0, 1)), 4) for name in NAMES}


def _vignette(seen: Scene, window: tuple[slice, slice]) -> float:
    grey = seen.grey[window]
    side = max(2, round(min(grey.shape) * _CORNER))
    parts = (grey[:side, :side], grey[:side, -side:], grey[-side:, :side], grey[-side:, -side:])
    return 1 - float(np.mean([part.mean() for part in parts])) / max(1.0, levels.middle(grey))


def _beside(seen: Scene, strokes: Mask) -> float:
    # Beside the lesion: in it pigment nets and crusts look like hair, and blue-white structures, which are a sign of
    # melanoma, like ink.
    beside = ~(seen.frame | seen.corners | seen.lesion)
    return float((strokes & beside).sum()) / max(1.0, float(beside.sum()))


def _blur(seen: Scene, window: tuple[slice, slice]) -> float:
    outside = (seen.frame | seen.corners | seen.highlight).astype(np.uint8)
    usable = (cv2.dilate(outside, np.ones((9, 9), np.uint8)) == 0)[window]
    usable[:3], usable[-3:], usable[:, :3], usable[:, -3:] = False, False, False, False
    if usable.sum() < 100:
        return 1.0
    fine = np.abs(cv2.Laplacian(seen.grey[window], cv2.CV_16S, ksize=1)[usable]).astype(np.uint16)
    return 1 - levels.quantile(fine, 0.99) / _SHARP


def _exposure(seen: Scene, window: tuple[slice, slice]) -> float:
    grey = seen.grey[window]
    lit = grey[~seen.corners[window]]
    if not len(lit):
        return 1.0
    middle = levels.middle(lit)
    clipped = float(((lit >= 252) | (lit <= 4)).mean())
    return max((_DARK - middle) / _DARK, (middle - _LIGHT) / (255 - _LIGHT), clipped / 0.3)


def _text(seen: Scene, regular: float) -> float:
    red, green, _ = cv2.split(seen.pixels)
    letters = lettering(seen.lightest, seen.darkest, np.asarray(cv2.subtract(red, green), np.uint8))
    none, all_ = _LETTERS
    unit = seen.ruler.unit / _UNIT if seen.ruler is not None and regular >= 0.42 else 0.0
    return max((letters - none) / (all_ - none), unit)
