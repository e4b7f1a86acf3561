"""One picture of known colours, saved in every kind of file that is not upright 8-bit RGB in sRGB."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from curate.images.codec import Pixels

COLOURS = ((224, 178, 150), (90, 60, 50), (200, 70, 80), (250, 245, 240))
GREYS = ((210, 210, 210), (120, 120, 120), (30, 30, 30), (250, 250, 250))
SIDE = 64  # pixels: a field of one colour is a quarter of the picture

# Adobe RGB (1998) 4.3.1.1 and its ICC profile: the colorants adapted to D50, and the exponent.
_ADOBE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
_ADOBE_GAMMA = 563 / 256
_ADOBE_XY = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)  # 4.3.1.1: white, red, green, blue
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
    opaque, light = np.dstack([shown, np.full((SIDE, SIDE), 255, np.uint8)]), Image.fromarray(linear(shown))
    grey_alpha = Image.fromarray(np.dstack([linear(grey)[..., 0], seen[..., 3]]))
    grey_on_white = np.where(seen[..., 3:] == 255, grey, 255).astype(np.uint8)
    return {
        "orientation": (_saved(Image.fromarray(np.rot90(shown)), "JPEG", exif=turned, quality=95), shown),
        "wide gamut": (_saved(Image.fromarray(to_adobe(shown)), "JPEG", icc_profile=adobe_rgb(), quality=98), shown),
        "wide gamut PNG": (_saved(Image.fromarray(to_adobe(shown)), "PNG", icc_profile=adobe_rgb()), shown),
        "wide gamut in cHRM": (png_that_says(to_adobe(shown), 1 / _ADOBE_GAMMA, _ADOBE_XY), shown),
        "linear in gAMA": (png_that_says(linear(shown), 1.0), shown),
        "linear grey in gAMA": (png_that_says(linear(grey)[..., 0], 1.0), grey),
        "linear, called sRGB": (_saved(light, "PNG", icc_profile=profile("sRGB, linear", _SRGB, 1)), shown),
        "swapped, called sRGB": (_saved(Image.fromarray(shown[..., [1, 0, 2]]), "PNG", icc_profile=swapped()), shown),
        "linear grey": (_saved(light_grey(grey), "PNG", icc_profile=profile("Grey", None, 1)), grey),
        "linear grey alpha": (_saved(grey_alpha, "PNG", icc_profile=profile("Grey", None, 1)), grey_on_white),
        "16-bit grey": (_saved(deep, "PNG"), grey),
        "16-bit TIFF": (_saved(deep, "TIFF"), grey),
        "16-bit colour": (deep_png(shown), shown),
        "palette": (_saved(image.quantize(8), "PNG"), shown),
        "palette GIF": (_saved(image.quantize(8), "GIF"), shown),
        "CMYK": (_saved(image.convert("CMYK"), "JPEG", quality=98), shown),
        "CMYK TIFF": (_saved(image.convert("CMYK"), "TIFF"), shown),
        "grey": (_saved(Image.fromarray(grey).convert("L"), "JPEG", quality=98), grey),
        "grey PNG": (_saved(Image.fromarray(grey).convert("L"), "PNG"), grey),
        "BMP": (_saved(image, "BMP"), shown),
        "WebP": (_saved(image, "WEBP", lossless=True), shown),
        "opaque alpha": (_saved(Image.fromarray(opaque), "PNG"), shown),
        "alpha": (_saved(Image.fromarray(seen), "PNG"), on_white),
        "grey alpha": (_saved(Image.fromarray(np.dstack([grey[..., 0], seen[..., 3]])), "PNG"), grey_on_white),
    }  # fmt: skip


def to_adobe(pixels: Pixels) -> Pixels:
    """Return the same colours in the numbers of Adobe RGB (1998)."""
    wide = _light(pixels) @ (np.linalg.inv(_ADOBE) @ _SRGB).T
    return (np.clip(wide, 0, 1) ** (1 / _ADOBE_GAMMA) * 255).round().astype(np.uint8)


def linear(pixels: Pixels) -> Pixels:
    """Return the same colours with numbers that are in proportion to light."""
    return (_light(pixels) * 255).round().astype(np.uint8)


def light_grey(grey: Pixels) -> Image.Image:
    """Return one channel of a grey picture, in proportion to light."""
    return Image.fromarray(linear(grey)[..., 0])


def adobe_rgb() -> bytes:
    """Return a profile with the primaries and the exponent of Adobe RGB (1998)."""
    return profile("Wide gamut", _ADOBE, _ADOBE_GAMMA)


def swapped() -> bytes:
    """Return a profile that is called sRGB, in which red is green and green is red."""
    return profile("sRGB built-in", _SRGB[:, [1, 0, 2]], 0)


def srgb_by_another_name() -> bytes:
    """Return a profile that is sRGB, and does not say so."""
    return profile("Display", _SRGB, 0)


def profile(name: str, colorants: np.ndarray | None, exponent: float) -> bytes:
    """Return a profile as ICC.1:2001-04 lays it out: of RGB with these colorants (columns, adapted to D50), or of grey.

    `exponent` 0 means the curve of sRGB.
    """
    said = name.encode() + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(said)) + said + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))  # u8Fixed8
    if not exponent:
        levels = (_light(np.arange(1024) / 1023 * 255) * 65535).round().astype(">u2")
        curve = b"curv\0\0\0\0" + struct.pack(">I", len(levels)) + levels.tobytes()
    if colorants is None:
        tags[b"kTRC"] = curve
    else:
        tags |= {key: _xyz(*column) for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants.T, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for key, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += key + struct.pack(">II", at + len(body), len(data))
        body += padded
    space = b"GRAY" if colorants is None else b"RGB "
    head = struct.pack(">I4sI4s4s4s", 128 + len(table) + len(body), bytes(4), 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + struct.pack(">iii", *_fixed(0.9642, 1.0, 0.8249))
    return head.ljust(128, b"\0") + table + body


def png_that_says(pixels: Pixels, gamma: float | None, primaries: tuple[float, ...] = ()) -> bytes:
    """Return a PNG with gAMA and cHRM (white, red, green, blue: x and y)."""
    said = PngImagePlugin.PngInfo()
    if gamma is not None:
        said.add(b"gAMA", struct.pack(">I", round(gamma * 100_000)))
    if primaries:
        said.add(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in primaries)))
    return _saved(Image.fromarray(pixels), "PNG", pnginfo=said)


def deep_png(pixels: Pixels) -> bytes:
    """Return a PNG of 16 bits in each of three channels, which Pillow reads and does not write."""
    high, wide = pixels.shape[:2]
    rows = b"".join(b"\0" + (row.astype(">u2") * 257).astype(">u2").tobytes() for row in pixels)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", wide, high, 16, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)),
              (b"IEND", b"")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def _light(pixels: np.ndarray) -> np.ndarray:
    part = pixels / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


def _xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">iii", *_fixed(*values))


def _fixed(*values: float) -> list[int]:
    return [round(value * 65536) for value in values]


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
