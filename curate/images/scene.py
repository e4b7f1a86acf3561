"""What lies where in one small picture: frame, dark corners, hair, ink, ruler, highlights, lesion and skin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images import codec, parting
from curate.images import ruler as rulers
from curate.images import strokes as lines
from curate.images.codec import Pixels
from curate.images.levels import middle
from curate.images.ruler import Ruler
from curate.images.strokes import Strokes

SIDE = 256  # pixels of the short side at which everything is looked at; hair is 1 to 5 pixels wide there
DECODED = (
    2 * SIDE
)  # pixels of the short side to decode a JPEG at, at least: a decoder shrinks more sharply than the mean
# of an area does, and where it does most of the shrinking, reflections, letters and blur are told less well

Mask = npt.NDArray[np.bool_]
Greys = npt.NDArray[np.uint8]

_BLACK = 70  # grey level (0..255) below which a corner is outside the lens, not dark skin
_PLAIN = 0.97  # of a line along an edge that is of one colour where it belongs to a frame
_RIM = 2  # lines at the very edge that may be a scanner's
_SAME = 4  # grey levels within which all channels of a grey band are
_GLARE = 238  # darkest channel from which light is reflected, not scattered
_SPARK = (60, 120, 70)  # a small reflection: so much lighter than around it, so light, and at most so colourful
_SPARK_WIDTH = 11  # pixels: what is broader is no small reflection
_INK_WIDTH = 21  # pixels: what is broader is no stroke of a pen
_BLUER = 6  # CIE b* by which ink is bluer than what lies around it, and than the picture's middle
_RULER = 11  # pixels on both sides of a ruler's line that its marks and letters take
_REGULAR = 0.5  # from which the marks of a ruler are kept out of the skin


@dataclass(frozen=True)
class Scene:
    """A picture of at most 256 pixels on its short side, and what lies where on it.

    `pixels` is uint8 (h, w, 3), sRGB; `grey`, `lightest` and `darkest` (the greatest and the least channel) are uint8
    (h, w); all masks are bool (h, w). `barred` is where no stroke is a hair: the frame, the dark corners, the ruler.
    `ink` is that beside the lesion. `untold` has the place of skin and tells nothing of its tone: it is without colour
    or lies in a soft shade. `strokes` are thin dark lines, `ruler` the best candidate for one. `masked`: the lesion was
    told by a mask, not by its colour.
    """

    pixels: Pixels
    grey: Greys
    lightest: Greys
    darkest: Greys
    frame: Mask
    corners: Mask
    barred: Mask
    hair: Mask
    ink: Mask
    highlight: Mask
    skin: Mask
    lesion: Mask
    untold: Mask
    strokes: Strokes
    ruler: Ruler | None
    masked: bool


def scene(pixels: Pixels, mask: Mask | None = None) -> Scene:
    """Find what lies where in a picture, uint8 (h, w, 3) of any size; `mask`, bool (h, w), is the lesion if known."""
    small = codec.scale(pixels, SIDE)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    red, green, blue = cv2.split(small)
    lightest = np.asarray(cv2.max(cv2.max(red, green), blue), dtype=np.uint8)
    darkest = np.asarray(cv2.min(cv2.min(red, green), blue), dtype=np.uint8)
    frame = _frame(lightest, darkest)
    corners = _corners(grey, frame)
    outside = frame | corners
    found = lines.strokes(grey)
    ruler = rulers.ruler(grey, found)
    highlight = _highlight(lightest, darkest) & ~outside
    beside = barred = _wider(outside, 9)
    ink = _ink(small, ~beside)
    hair = lines.hair(grey, found) & ~barred
    hidden = _wider(hair, 3) | _wider(highlight, 5)
    if ruler is not None and ruler.regular >= _REGULAR:
        strip = _strip(ruler, grey.shape)
        hair &= ~strip
        hidden |= strip
        barred = barred | strip
    known = None if mask is None else _fitted(mask, grey.shape)
    parts = parting.parted(small, beside, hidden | _wider(ink, 5), known)
    if ink.any():
        # Blue in a lesion is the lesion's own, and a sign of melanoma. A pen's stroke is too thin to be taken for one.
        ink &= ~(parting.parted(small, beside, hidden).lesion if known is None else known)
    return Scene(
        small,
        grey,
        lightest,
        darkest,
        frame,
        corners,
        barred,
        hair,
        ink,
        highlight,
        parts.skin,
        parts.lesion,
        parts.untold,
        found,
        ruler,
        known is not None,
    )


def _wider(mask: Mask, size: int) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((size, size), np.uint8)), dtype=np.bool_)


def _fitted(mask: Mask, shape: tuple[int, ...]) -> Mask:
    small = cv2.resize(mask.astype(np.uint8) * 255, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
    return np.asarray(small > 127, dtype=np.bool_)


def _frame(lightest: Greys, darkest: Greys) -> Mask:
    """Return the bands of one colour, black, grey or white, that lie along an edge of the picture."""
    height, width = lightest.shape
    frame = np.zeros((height, width), dtype=np.bool_)
    for axis, length in ((1, height), (0, width)):
        if length < 8:
            continue
        extreme = ((lightest <= 36).mean(axis=axis) >= _PLAIN) | ((darkest >= 248).mean(axis=axis) >= _PLAIN)
        for step in (1, -1):
            edge = -1 - _RIM if step == -1 else _RIM
            plain = extreme | (
                _grey(lightest, darkest, np.take(darkest, edge, axis=1 - axis)).mean(axis=axis) >= _PLAIN
            )
            if plain.all():
                # Plain all over: there is nothing that it frames.
                continue
            inside = np.flatnonzero(~plain[::step])
            # One or two odd lines at the very edge are a scanner's, and still outside the picture.
            inside = inside[inside > 1] if plain[::step][2] else inside
            band = int(inside[0])
            chosen = slice(0, band) if step == 1 else slice(length - band, length)
            frame[(chosen, slice(None)) if axis == 1 else (slice(None), chosen)] = True
    return frame


def _grey(lightest: Greys, darkest: Greys, line: Greys) -> Mask:
    """Return what has the one grey of that line, as a band has that a program put round a picture; skin is never so."""
    level = middle(line)
    return np.asarray((darkest >= level - _SAME) & (lightest <= level + _SAME), dtype=np.bool_)


def _corners(grey: Greys, frame: Mask) -> Mask:
    """Return what is black and hangs together with a corner of the picture inside its frame."""
    if frame.all():
        return np.zeros(grey.shape, dtype=np.bool_)
    # Half of the middle grey, so that dark skin in the corners of a dark picture is not a vignette.
    dark = ((grey < min(_BLACK, middle(grey[~frame]) / 2)) & ~frame).astype(np.uint8)
    count, labels = cv2.connectedComponents(dark, connectivity=4)
    rows, columns = np.flatnonzero(~frame.all(axis=1)), np.flatnonzero(~frame.all(axis=0))
    if count == 1 or not len(rows) or not len(columns):
        return np.zeros(grey.shape, dtype=np.bool_)
    reach = max(2, min(grey.shape) // 40)
    ends = [(strip[:reach], strip[-reach:]) for strip in (rows, columns)]
    found = {int(label) for down in ends[0] for across in ends[1] for label in labels[np.ix_(down, across)].ravel()}
    found.discard(0)
    black = np.zeros(count, dtype=np.bool_)
    black[sorted(found)] = True
    return np.asarray(black[labels], dtype=np.bool_)


def _highlight(lightest: Greys, darkest: Greys) -> Mask:
    """Return reflected light: spots much lighter than the skin around them and without its colour, and glare."""
    lighter, light, colourful = _SPARK
    around = lines.disc(max(3, round(_SPARK_WIDTH * _share(darkest)) | 1))
    spark = cv2.morphologyEx(darkest, cv2.MORPH_TOPHAT, around) > lighter
    spark &= (darkest > light) & (cv2.subtract(lightest, darkest) < colourful)
    # A picture light all over is overexposed, which is another thing than a reflection on it.
    return np.asarray(spark | (darkest >= max(_GLARE, middle(darkest) + 15)), dtype=np.bool_)


def _ink(small: Pixels, seen: Mask) -> Mask:
    """Return the strokes of a blue or violet pen: narrow, bluer than what lies around them, and darker than skin."""
    nothing = np.zeros(seen.shape, dtype=np.bool_)
    rim = max(2, round(4 * _share(small)))
    inner = seen.copy()
    inner[:rim], inner[-rim:], inner[:, :rim], inner[:, -rim:] = False, False, False, False
    if not inner.any():
        return nothing
    lab = cv2.cvtColor(cv2.GaussianBlur(small, (3, 3), 0), cv2.COLOR_RGB2LAB)
    light, yellow = (np.asarray(lab[..., channel], dtype=np.uint8) for channel in (0, 2))
    around = lines.disc(max(7, round(_INK_WIDTH * _share(small)) | 1))
    bluer = cv2.morphologyEx(yellow, cv2.MORPH_BLACKHAT, around) > _BLUER
    blue = (yellow < 128) & (yellow < middle(yellow[inner]) - _BLUER) & (light < middle(light[inner]) - 5)
    narrow = cv2.morphologyEx((bluer & blue & inner).astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    return np.asarray(narrow, dtype=np.bool_)


def _strip(ruler: Ruler, shape: tuple[int, ...]) -> Mask:
    x, y, to_x, to_y = (round(value) for value in ruler.segment)
    strip = np.zeros(shape, np.uint8)
    return np.asarray(cv2.line(strip, (x, y), (to_x, to_y), 1, 2 * _RULER + 1), dtype=np.bool_)


def _share(image: npt.NDArray[np.uint8]) -> float:
    return min(1.0, float(min(image.shape[:2])) / SIDE)
