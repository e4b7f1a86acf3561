"""Lesion and skin told apart: by a mask where the source has one, else by colour."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels
from curate.images.lighting import evenly_lit

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_OUTER = 0.72  # of the way from the middle to the edges: beyond it the picture is taken to show skin
_SOFT = 1.0  # pixels, at half size: pigment net and grain shall not tear a lesion
_LOWER = 0.8  # of Otsu's threshold, since the rim of a lesion is paler than its middle
_SPREAD = (6.0, 22.0)  # colour differences (CIE76) between which lesion and skin are parted
_SMALLER = 0.1  # of the weight of the heaviest part: parts lighter than that are no lesion
_MIDDLE = 0.08  # how fast a part's weight falls with its distance from the middle, as a share of the sides squared
_LEAST_RING = 12  # pixels at half size
_COLOUR = 5.0  # CIE chroma: with less, b* is next to 0 and the angle (ITA) is near 90 or -90 whatever the skin is


@dataclass(frozen=True)
class Parts:
    """Skin, lesion, and what has the place of skin but tells nothing of its tone; bool (h, w) each.

    `untold` is without colour (paper, cloth, grey hair, skin in a light that left it none), or lies in a soft shade.
    """

    skin: Mask
    lesion: Mask
    untold: Mask


def parted(small: Pixels, outside: Mask, hidden: Mask, mask: Mask | None = None) -> Parts:
    """Part a picture, uint8 (h, w, 3) some 256 pixels high, into skin and lesion.

    `outside` is what is not of the picture (frame, dark corners), `hidden` what lies on it (hair, highlights), both
    bool (h, w); `mask` tells the lesion where it is known.

    Without a mask: the colour of the skin is the median (CIE Lab) of the outer part of the picture, and the lesion
    is what differs from it by more than 0.8 of Otsu's threshold (1979), the heaviest parts near the middle, holes
    filled. Hair is bridged by the colours beside it, and pixels lighter than the skin count by their hue alone.
    """
    nothing = np.zeros(outside.shape, dtype=np.bool_)
    if not (~(outside | hidden)).any():
        return Parts(nothing, nothing, nothing)
    half = ((outside.shape[1] + 1) // 2, (outside.shape[0] + 1) // 2)
    lab, seen = _softened(small, outside, hidden, half)
    known = None if mask is None else _resized(mask, half)
    coloured = np.hypot(lab[..., 1], lab[..., 2]) >= _COLOUR
    around = seen & (_outer(seen.shape) if known is None else ~known)
    # Paper or a grey band is not what skin looks like, unless the whole picture has no colour.
    ring = lab[around & coloured] if (around & coloured).sum() >= _LEAST_RING else lab[around]
    if len(ring) < _LEAST_RING:
        return Parts(nothing, nothing if mask is None else mask, nothing)
    middle = np.median(ring, axis=0)
    apart = _differs(lab, middle)
    level = float(np.clip(_LOWER * _otsu(apart[seen]), *_SPREAD))
    other = seen & (apart > level)
    lesion = _heaviest(other & (coloured | (lab[..., 0] <= middle[0]))) if known is None else known
    flat = seen & ~other & ~_wider(lesion, 5) & _skin_coloured(lab)
    skin = evenly_lit(lab[..., 0], flat & coloured)
    size, inside = outside.shape[::-1], ~(outside | hidden)
    return Parts(
        _resized(skin, size) & inside,
        mask if mask is not None else _resized(lesion, size),
        _resized(flat & ~skin, size) & inside,
    )


def _softened(small: Pixels, outside: Mask, hidden: Mask, half: tuple[int, int]) -> tuple[Floats, Mask]:
    """Return CIE Lab at half size, what is hidden filled from beside it, and what of it is seen."""
    seen = ~(outside | hidden)
    weight = cv2.resize(seen.astype(np.float32), half, interpolation=cv2.INTER_AREA)
    colours = cv2.resize(small * seen[..., None].astype(np.uint8), half, interpolation=cv2.INTER_AREA)
    weight = cv2.GaussianBlur(weight, (0, 0), _SOFT)
    colours = cv2.GaussianBlur(colours.astype(np.float32), (0, 0), _SOFT)
    rgb = np.clip(colours / np.maximum(weight, 1e-3)[..., None] / 255, 0, 1)
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32), cv2.COLOR_RGB2LAB), dtype=np.float32)
    return lab, np.asarray((weight > 0.05) & ~_resized(outside, half), dtype=np.bool_)


def _outer(shape: tuple[int, int]) -> Mask:
    height, width = shape
    y, x = np.ogrid[:height, :width]
    away = np.maximum(abs(2 * y + 1 - height) / height, abs(2 * x + 1 - width) / width)
    return np.asarray(away > _OUTER, dtype=np.bool_)


def _differs(lab: Floats, skin: Floats) -> Floats:
    light, red, yellow = (lab[..., channel] - skin[channel] for channel in range(3))
    hue = red**2 + yellow**2
    # What is lighter than the skin is lit, not pigmented.
    return np.asarray(np.sqrt(np.where(light > 0, hue, hue + light**2)), dtype=np.float32)


def _heaviest(other: Mask) -> Mask:
    """Return the parts that are large and near the middle, with their holes filled."""
    height, width = other.shape
    size = max(1, round(min(other.shape) / 26)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    whole = cv2.morphologyEx(other.astype(np.uint8), cv2.MORPH_OPEN, disc)
    whole = cv2.morphologyEx(whole, cv2.MORPH_CLOSE, disc)
    count, labels, stats, middles = cv2.connectedComponentsWithStats(whole, connectivity=4)
    if count == 1:
        return np.zeros(other.shape, dtype=np.bool_)
    away = (middles[:, 0] / width - 0.5) ** 2 + (middles[:, 1] / height - 0.5) ** 2
    weight = stats[:, cv2.CC_STAT_AREA] * np.exp(-away / _MIDDLE)
    weight[0] = 0
    kept = (weight >= _SMALLER * weight.max())[labels].astype(np.uint8)
    outlines, _ = cv2.findContours(kept, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(kept), outlines, -1, 1, -1), dtype=np.bool_)


def _skin_coloured(lab: Floats) -> Mask:
    """Leave out cloth, ink and gloves: strong colours that no skin has."""
    light, red, yellow = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(red, yellow)
    hue = np.degrees(np.arctan2(yellow, red))
    strange = (chroma > 12) & ((hue < -30) | (hue > 105))
    return np.asarray(~strange & (chroma < 60) & (light > 5), dtype=np.bool_)


def _wider(mask: Mask, size: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)), dtype=np.bool_)


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), dtype=np.bool_)


def _otsu(values: Floats) -> float:
    level, _ = cv2.threshold(
        np.clip(values * 4, 0, 255).astype(np.uint8).reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU
    )
    return float(level) / 4
