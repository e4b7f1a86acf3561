"""What a picture's header says, read without decoding a pixel."""

from __future__ import annotations

import io
import struct
import warnings

from PIL import Image, UnidentifiedImageError

from curate.images.codec import FORMATS
from curate.images.colours import meaning

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, AttributeError)


def extent(data: bytes) -> tuple[int, int, int] | None:
    """Return width, height and the number of frames or pages; None for bytes that are no picture that can be read.

    A JPEG is one picture, whatever a camera hung behind it (a preview, a map of depth).
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                frames = 1 if image.format in ("JPEG", "MPO") else int(getattr(image, "n_frames", 1))
                return image.width, image.height, frames
    except (UnidentifiedImageError, Image.DecompressionBombError, struct.error, *_BROKEN):
        return None


def is_plain(data: bytes) -> bool:
    """Whether every decoder shows the pixels of these bytes alike, without a word beside them.

    True for a JPEG or an 8-bit PNG in RGB that is upright, without transparency, and in sRGB (nothing says otherwise).
    False for everything else, also for bytes that are no picture, and for a grey JPEG: some decoders give one channel,
    others three. That the picture is whole, a decode must say.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
                if image.mode != "RGB" or "transparency" in image.info or meaning(image) is not None:
                    return False
                if image.format == "PNG" and data[24] != 8:  # bit depth in IHDR: Pillow says RGB for 16 bits too
                    return False
                return not 2 <= image.getexif().get(_ORIENTATION, 1) <= 8
    except (UnidentifiedImageError, Image.DecompressionBombError, *_BROKEN):
        return False
