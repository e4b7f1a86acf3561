"""What lies where in one small picture: frame, dark corners, hair, highlights, lesion and skin, as masks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images import codec
from curate.images.codec import Pixels

SIDE = 256  # pixels of the short side at which everything is looked at; hair is 1 to 5 pixels wide there

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_BLACK = 70  # grey level (0..255) below which a corner is outside the lens, not dark skin
_GLARE = 238  # darkest channel from which light is reflected, not scattered
_HAIR = 15  # grey levels by which a hair is darker than what lies on both its sides
_SPREAD = (7.0, 22.0)  # colour differences between which lesion and skin are parted (CIE76)


@dataclass(frozen=True)
class Scene:
    """A picture of at most 256 pixels on its short side, `pixels` uint8 (h, w, 3), and bool masks (h, w) over it."""

    pixels: Pixels
    grey: npt.NDArray[np.uint8]
    frame: Mask
    corners: Mask
    hair: Mask
    highlight: Mask
    skin: Mask
    lesion: Mask


def scene(pixels: Pixels) -> Scene:
    """Find what lies where in a picture, uint8 (h, w, 3) of any size."""
    small = codec.scale(pixels, SIDE)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    frame = _frame(small)
    corners = _corners(grey, frame)
    hair = _hair(grey)
    darkest = small.min(axis=2)
    # A picture light all over is overexposed, which is another thing than a reflection on it.
    highlight = darkest >= max(_GLARE, float(np.median(darkest)) + 15)
    hidden = frame | corners | _wider(hair, 3) | _wider(highlight, 5)
    skin, lesion = _parted(small, ~hidden)
    return Scene(small, grey, frame, corners, hair & ~(frame | corners), highlight & ~frame, skin, lesion)


def _wider(mask: Mask, size: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)), dtype=np.bool_)


def _frame(small: Pixels) -> Mask:
    """Return the bands of one colour, black or white, that lie along an edge of the picture."""
    height, width = small.shape[:2]
    frame = np.zeros((height, width), dtype=np.bool_)
    for axis, length in ((0, height), (1, width)):
        if length < 8:
            continue
        lines = small if axis == 0 else small.swapaxes(0, 1)
        few = lines[:, ::4]
        low, high = np.quantile(few.min(axis=2), 0.03, axis=1), np.quantile(few.max(axis=2), 0.97, axis=1)
        plain = (high <= 36) | (low >= 248)
        if plain.all():
            # Plain all over: there is nothing that it frames.
            continue
        for step in (1, -1):
            inside = np.flatnonzero(~plain[::step])
            # One or two odd lines at the very edge are a scanner's, and still outside the picture.
            inside = inside[inside > 1] if plain[::step][2] else inside
            band = int(inside[0])
            chosen = slice(0, band) if step == 1 else slice(length - band, length)
            frame[(chosen, slice(None)) if axis == 0 else (slice(None), chosen)] = True
    return frame


def _corners(grey: npt.NDArray[np.uint8], frame: Mask) -> Mask:
    """Return what is black and hangs together with a corner of the picture inside its frame."""
    if frame.all():
        return np.zeros(grey.shape, dtype=np.bool_)
    # Half of the middle grey, so that dark skin in the corners of a dark picture is not a vignette.
    dark = ((grey < min(_BLACK, float(np.median(grey[~frame])) / 2)) & ~frame).astype(np.uint8)
    count, labels = cv2.connectedComponents(dark, connectivity=4)
    rows, columns = np.flatnonzero(~frame.all(axis=1)), np.flatnonzero(~frame.all(axis=0))
    if count == 1 or not len(rows) or not len(columns):
        return np.zeros(grey.shape, dtype=np.bool_)
    reach = max(2, min(grey.shape) // 40)
    ends = [(lines[:reach], lines[-reach:]) for lines in (rows, columns)]
    found = {int(label) for down in ends[0] for across in ends[1] for label in labels[np.ix_(down, across)].ravel()}
    found.discard(0)
    return np.asarray(np.isin(labels, sorted(found)), dtype=np.bool_)


def _hair(grey: npt.NDArray[np.uint8]) -> Mask:
    """Return thin dark lines: what a closing fills, as far as it hangs together in long narrow pieces."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    # Softened first: the grain of a sensor is thin and dark too.
    calm = cv2.GaussianBlur(grey, (3, 3), 0)
    thin = (cv2.morphologyEx(calm, cv2.MORPH_BLACKHAT, kernel) > _HAIR).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin, connectivity=8)
    reach = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    # Long, and narrow along its length: specks of pigment net are short, blotches are broad.
    long = (reach >= min(grey.shape) // 9) & (stats[:, cv2.CC_STAT_AREA] <= 6 * reach)
    long[0] = False
    return np.asarray(long[labels], dtype=np.bool_)


def _parted(small: Pixels, seen: Mask) -> tuple[Mask, Mask]:
    """Part what is seen into skin and lesion: skin is what looks like the outer part of the picture."""
    nothing = np.zeros(seen.shape, dtype=np.bool_)
    height, width = seen.shape
    soft = cv2.GaussianBlur(small, (0, 0), 1.5)
    lab = np.asarray(cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), dtype=np.float32)
    y, x = np.ogrid[:height, :width]
    outer = np.maximum(abs(2 * y + 1 - height) / height, abs(2 * x + 1 - width) / width) > 0.72
    ring = lab[outer & seen]
    if len(ring) < 50:
        return nothing, nothing
    differs = np.asarray(np.sqrt(((lab - np.median(ring, axis=0)) ** 2).sum(axis=2)), dtype=np.float32)
    level = _otsu(differs[seen])
    apart = differs > np.clip(level, *_SPREAD)
    lesion = np.asarray(
        cv2.morphologyEx((apart & seen).astype(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), dtype=np.bool_
    )
    return seen & ~apart & ~_wider(lesion, 7) & _skin_coloured(lab), lesion


def _skin_coloured(lab: Floats) -> Mask:
    """Leave out cloth, ink and gloves: strong colours that no skin has."""
    light, red, yellow = lab[..., 0], lab[..., 1], lab[..., 2]
    chroma = np.hypot(red, yellow)
    hue = np.degrees(np.arctan2(yellow, red))
    strange = (chroma > 12) & ((hue < -30) | (hue > 105))
    return np.asarray(~strange & (chroma < 60) & (light > 5), dtype=np.bool_)


def _otsu(values: Floats) -> float:
    level, _ = cv2.threshold(
        np.clip(values * 4, 0, 255).astype(np.uint8).reshape(-1, 1), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU
    )
    return float(level) / 4
