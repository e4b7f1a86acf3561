"""What a picture's header says, read without decoding a pixel."""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageCms, UnidentifiedImageError

_ORIENTATION = 0x0112  # EXIF 2.32, table 4
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, AttributeError)


def is_plain(data: bytes) -> bool:
    """Whether every decoder shows these bytes alike, so that they may be handed on as they are.

    True for a JPEG or an 8-bit PNG in RGB that is upright, without transparency, and in sRGB (no colour profile, or one
    that says so). False for everything else, also for bytes that are no picture. Only the header is read: that the
    picture is whole, a decode must say.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
                if image.format not in ("JPEG", "PNG") or image.mode != "RGB" or "transparency" in image.info:
                    return False
                if image.format == "PNG" and data[24] != 8:  # bit depth in IHDR: Pillow says RGB for 16 bits too
                    return False
                if image.getexif().get(_ORIENTATION, 1) != 1:
                    return False
                profile = image.info.get("icc_profile")
                return not profile or "sRGB" in ImageCms.getProfileDescription(
                    ImageCms.ImageCmsProfile(io.BytesIO(profile))
                )
    except (UnidentifiedImageError, Image.DecompressionBombError, ImageCms.PyCMSError, *_BROKEN):
        return False
