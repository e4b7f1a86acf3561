"""Pictures as files, in the forms that `curate.images.codec` has no need to write: PNG with alpha, BMP, 1-bit BMP."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a PNG of uint8 (h, w, 3) RGB or (h, w, 4) RGBA; each row is coded as differences to its left.

    Source: PNG specification (third edition), 9.2 and 11.2.
    """
    height, width, channels = pixels.shape
    rows = np.empty((height, 1 + width * channels), np.uint8)
    rows[:, 0] = 1
    rows[:, 1 : 1 + channels] = pixels[:, 0]
    rows[:, 1 + channels :] = (pixels[:, 1:] - pixels[:, :-1]).reshape(height, -1)
    head = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes(), 3)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def opaque(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return uint8 (h, w, 4): the pixels with alpha 255 everywhere."""
    return np.dstack((pixels, np.full(pixels.shape[:2], 255, np.uint8)))


def bmp(pixels: npt.NDArray[np.uint8]) -> bytes:
    """Return a 24-bit BMP of uint8 (h, w, 3) RGB: rows from the bottom, blue first, each padded to four bytes."""
    height, width = pixels.shape[:2]
    stride = (width * 3 + 3) // 4 * 4
    rows = np.zeros((height, stride), np.uint8)
    rows[:, : width * 3] = pixels[::-1, :, ::-1].reshape(height, -1)
    return _bmp(width, height, 24, b"", rows.tobytes())


def bmp_mask(mask: npt.NDArray[np.bool_]) -> bytes:
    """Return a 1-bit BMP of bool (h, w): white where true."""
    height, width = mask.shape
    packed = np.packbits(mask[::-1], axis=1)
    rows = np.zeros((height, (packed.shape[1] + 3) // 4 * 4), np.uint8)
    rows[:, : packed.shape[1]] = packed
    return _bmp(width, height, 1, b"\x00\x00\x00\x00\xff\xff\xff\x00", rows.tobytes())


def _bmp(width: int, height: int, bits: int, palette: bytes, data: bytes) -> bytes:
    start = 14 + 40 + len(palette)
    head = struct.pack("<2sIHHI", b"BM", start + len(data), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(data), 2835, 2835, len(palette) // 4, 0)
    return head + info + palette + data
