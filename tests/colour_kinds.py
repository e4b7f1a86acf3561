"""One picture of known colours, saved in every kind of file that is not upright 8-bit sRGB."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from curate.images.codec import Pixels

COLOURS = ((224, 178, 150), (90, 60, 50), (200, 70, 80), (250, 245, 240))
GREYS = ((210, 210, 210), (120, 120, 120), (30, 30, 30), (250, 250, 250))
SIDE = 64  # pixels: a field of one colour is a quarter of the picture

# Adobe RGB (1998) 4.3.1.1 and its ICC profile: the colorants adapted to D50, and the exponent.
_ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
_ADOBE_GAMMA = 563 / 256
# IEC 61966-2-1 adapted to D50, as in the sRGB profile of the ICC.
_SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def fields(colours: tuple[tuple[int, int, int], ...] = COLOURS) -> Pixels:
    """Return the four colours in the four quarters, in reading order."""
    half = SIDE // 2
    rows = [np.hstack([np.full((half, half, 3), colour, np.uint8) for colour in colours[at : at + 2]]) for at in (0, 2)]
    return np.vstack(rows)


def kinds() -> dict[str, tuple[bytes, Pixels]]:
    """Return for each kind its file, and the pixels that it shows."""
    shown, image, grey = fields(), Image.fromarray(fields()), fields(GREYS)
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: the first row is the right side
    seen = np.dstack([shown, np.full((SIDE, SIDE), 255, np.uint8)])
    seen[:, SIDE // 2 :, 3] = 0
    on_white = shown.copy()
    on_white[:, SIDE // 2 :] = 255
    deep = Image.fromarray(grey[..., 0].astype(np.uint16) * 257)
    return {
        "orientation": (_saved(Image.fromarray(np.rot90(shown)), "JPEG", exif=turned, quality=95), shown),
        "wide gamut": (_saved(Image.fromarray(to_adobe(shown)), "JPEG", icc_profile=adobe_rgb(), quality=98), shown),
        "wide gamut PNG": (_saved(Image.fromarray(to_adobe(shown)), "PNG", icc_profile=adobe_rgb()), shown),
        "16-bit grey": (_saved(deep, "PNG"), grey),
        "16-bit TIFF": (_saved(deep, "TIFF"), grey),
        "16-bit colour": (deep_png(shown), shown),
        "palette": (_saved(image.quantize(8), "PNG"), shown),
        "palette GIF": (_saved(image.quantize(8), "GIF"), shown),
        "CMYK": (_saved(image.convert("CMYK"), "JPEG", quality=98), shown),
        "CMYK TIFF": (_saved(image.convert("CMYK"), "TIFF"), shown),
        "grey": (_saved(Image.fromarray(grey).convert("L"), "JPEG", quality=98), grey),
        "alpha": (_saved(Image.fromarray(seen), "PNG"), on_white),
        "grey alpha": (_saved(Image.fromarray(np.dstack([grey[..., 0], seen[..., 3]])), "PNG"),
                       np.where(seen[..., 3:] == 255, grey, 255).astype(np.uint8)),
    }  # fmt: skip


def to_adobe(pixels: Pixels) -> Pixels:
    """Return the same colours in the numbers of Adobe RGB (1998)."""
    part = pixels / 255
    light = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    wide = light @ (np.linalg.inv(_ADOBE) @ _SRGB).T
    return (np.clip(wide, 0, 1) ** (1 / _ADOBE_GAMMA) * 255).round().astype(np.uint8)


def adobe_rgb() -> bytes:
    """Return a profile with the primaries and the exponent of Adobe RGB (1998), as ICC.1:2001-04 lays it out."""
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 11) + b"Wide gamut\0" + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
    }
    tags |= {name: _xyz(*column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), _ADOBE.T, strict=True)}
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563)  # u8Fixed8
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", *_fixed(0.9642, 1.0, 0.8249))
    return head.ljust(128, b"\0") + table + body


def deep_png(pixels: Pixels) -> bytes:
    """Return a PNG of 16 bits in each of three channels, which Pillow reads and does not write."""
    high, wide = pixels.shape[:2]
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", wide, high, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)),
              (b"IEND", b"")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *_fixed(*values))


def _fixed(*values: float) -> list[int]:
    return [round(value * 65536) for value in values]


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
