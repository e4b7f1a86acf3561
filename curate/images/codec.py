"""Bytes to pixels and back: every picture ends as 8-bit sRGB, upright, without transparency."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from PIL import Image, UnidentifiedImageError

from curate.errors import UnreadablePicture
from curate.images.colours import Meaning, as_srgb, meaning
from curate.records import Box

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3) of sRGB, red first."""

MOST_PIXELS = 200_000_000
FORMATS = ("JPEG", "PNG", "BMP", "DIB", "TIFF", "GIF", "WEBP", "PPM")

# What Pillow is known to raise for bytes that are not the picture they claim to be; it has no one error class for it.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    zlib.error,
)
_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    `pixels` is uint8 (h, w, 3), sRGB. `width` and `height` are the full size of the upright picture: larger than
    `pixels` where a JPEG was decoded at a fraction. `format` and `mode` are those of the file ("JPEG", "CMYK").
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    mode: str


def decode(data: bytes, *, min_side: int | None = None) -> Picture:
    """Decode a whole picture: EXIF orientation applied, colours brought to sRGB, transparency laid on white.

    Colours: by the profile, or by what a PNG says of its gamma and primaries, where these are other than sRGB's.

    With `min_side` a JPEG may come at 1/2, 1/4 or 1/8 of its size as long as its short side stays at least that many
    pixels, which is several times faster. Raises UnreadablePicture for bytes that are no picture of a known format, are
    cut short, or hold more than 200 megapixels.
    """
    if not data:
        raise UnreadablePicture("the picture has no bytes", expected="a picture", found="0 bytes")
    with warnings.catch_warnings():
        # Pillow warns of odd metadata, which changes no pixel, and of size, for which our own limit stands below.
        warnings.simplefilter("ignore")
        return _decode(_opened(data), data, min_side)


def scale(pixels: Pixels, short_side: int) -> Pixels:
    """Shrink so that the short side has `short_side` pixels, each the mean of the area it covers; never enlarge."""
    height, width = pixels.shape[:2]
    if min(height, width) <= short_side:
        return pixels
    factor = short_side / min(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def crop(pixels: Pixels, box: Box) -> Pixels:
    """Return a copy of the pixels inside `box`. Raises ValueError where the box does not lie within the picture."""
    height, width = pixels.shape[:2]
    right, bottom = box.left + box.width, box.top + box.height
    if min(box.left, box.top) < 0 or min(box.width, box.height) < 1 or right > width or bottom > height:
        raise ValueError(f"{box} does not lie within {width} x {height} pixels")
    return np.ascontiguousarray(pixels[box.top : bottom, box.left : right])


def encode(pixels: Pixels, format: Literal["JPEG", "PNG"], quality: int = 92) -> bytes:  # noqa: A002 - Pillow's word
    """Encode uint8 (h, w, 3) sRGB; the same pixels give the same bytes. `quality` (1-95) is for JPEG alone."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    out = io.BytesIO()
    if format == "JPEG":
        image.save(out, "JPEG", quality=quality, subsampling="4:2:0", optimize=True)
    else:
        image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _opened(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as unknown:
        raise UnreadablePicture(
            "the bytes are no picture", expected=", ".join(FORMATS), found=f"bytes that start {data[:8]!r}"
        ) from unknown
    except Image.DecompressionBombError as bomb:
        raise _too_large(str(bomb)) from bomb
    except _BROKEN as broken:
        raise _cut_short(data, broken) from broken
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(f"{image.width} x {image.height}")
    return image


def _decode(image: Image.Image, data: bytes, min_side: int | None) -> Picture:
    name = "JPEG" if image.format == "MPO" else str(image.format)
    mode, (width, height) = image.mode, image.size
    try:
        if min_side is not None and name == "JPEG" and min(width, height) > min_side:
            # Rounded up, so that the decoder's own rounding never falls below the side asked for.
            share = min_side / min(width, height)
            image.draft(None, (int(np.ceil(width * share)), int(np.ceil(height * share))))
        means = meaning(image)
        image.load()
        turn = _turn(image)
        upright = image.transpose(turn) if turn is not None else image
        pixels = _pixels(_srgb(upright, means))
    except Image.DecompressionBombError as bomb:
        raise _too_large(str(bomb)) from bomb
    except _BROKEN as broken:
        raise _cut_short(data, broken) from broken
    if turn in (_TURNS[5], _TURNS[6], _TURNS[7], _TURNS[8]):
        width, height = height, width
    return Picture(pixels, width, height, name, mode)


def _pixels(image: Image.Image) -> Pixels:
    """Return the pixels of an RGB picture, in memory of their own."""
    try:
        # Pillow holds four bytes a pixel. Seen where they are, they are copied once; its own way copies them thrice.
        padded = pa.array(image).flatten().to_numpy().reshape(image.height, image.width, 4)
    except (ValueError, AttributeError, TypeError):  # a large picture is in pieces; a Pillow before 11.3 hands none out
        return np.array(image, dtype=np.uint8)
    return np.asarray(cv2.cvtColor(padded, cv2.COLOR_RGBA2RGB), dtype=np.uint8)


def _turn(image: Image.Image) -> Image.Transpose | None:
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except _BROKEN:
        # A broken EXIF block says nothing about orientation; the pixels beside it are still whole.
        return None


def _srgb(image: Image.Image, means: Meaning) -> Image.Image:
    if image.mode.startswith("I"):
        # Pillow clips where 16 bits become 8; the high byte is what a viewer shows.
        image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
    elif image.mode == "F":
        raise ValueError("floating-point samples have no agreed black and white")
    elif image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        grey = Image.getmodebase(image.mode) == "L"
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if grey else "RGB")
    image = as_srgb(image, means)
    if image.mode != "RGB":
        image = image.convert("RGB")
    if alpha is not None and alpha.getextrema() != (255, 255):
        image = Image.composite(image, Image.new("RGB", image.size, (255, 255, 255)), alpha)
    return image


def _cut_short(data: bytes, cause: Exception) -> UnreadablePicture:
    return UnreadablePicture(
        "the picture cannot be decoded whole", expected="a whole picture", found=f"{len(data)} bytes: {cause}"
    )


def _too_large(found: str) -> UnreadablePicture:
    return UnreadablePicture("the picture is too large", expected=f"at most {MOST_PIXELS:,} pixels", found=found)
