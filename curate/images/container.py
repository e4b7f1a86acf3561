"""The file around the pixels: what of it decoding needs, without what else was written into it."""

from __future__ import annotations

import re
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"IDAT", b"IEND")

# ISO/IEC 10918-1, table B.1
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_FRAMES = (0xC0, 0xC1, 0xC2)  # Huffman-coded: baseline, extended, progressive; what other kinds there are few can read
_TABLES = (0xC4, 0xDB, 0xDD)  # DHT, DQT, DRI
_APPLICATION = range(0xE0, 0xF0)
_JFIF, _ADOBE = (0xE0, b"JFIF\0"), (0xEE, b"Adobe")
_AFTER_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # a marker that neither is a stuffed 0xFF nor restarts


def without_metadata(data: bytes) -> bytes | None:
    """Return a JPEG or an 8-bit PNG without transparency as these bytes have it, without a word beside its pixels.

    No pixel is encoded anew. Of a JPEG there remain tables, frame, scans, the JFIF header without its thumbnail, and
    Adobe's word on the colour model, each as it stands; of a PNG header and pixels. EXIF, XMP, IPTC, comments, texts,
    times, thumbnails, colour profiles, further pictures and whatever follows the end are gone. What colours and which
    way up, the caller must know. None where the file is not built as the standards say, or is neither.
    """
    if data.startswith(_SIGNATURE):
        return _png(data)
    if data.startswith(bytes([0xFF, _SOI])):
        return _jpeg(data)
    return None


def _png(data: bytes) -> bytes | None:
    names: list[bytes] = []
    kept, at = [_SIGNATURE], len(_SIGNATURE)
    while not names or names[-1] != b"IEND":
        length, name = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data) or zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end]):
            return None
        names.append(name)
        if name in _PNG_KEPT:
            kept.append(data[at:end])
        at = end
    pixels = [place for place, name in enumerate(names) if name == b"IDAT"]
    together = bool(pixels) and pixels[-1] - pixels[0] + 1 == len(pixels)
    return b"".join(kept) if together and names[0] == b"IHDR" and names.count(b"IHDR") == 1 else None


def _jpeg(data: bytes) -> bytes | None:
    markers: list[int] = []
    kept, at = [data[:2]], 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff":  # any number of them may stand before a marker
            at += 1
        marker = data[at : at + 1]
        if at == start or not marker:
            return None
        markers.append(marker[0])
        if marker[0] == _EOI:
            whole = sum(markers.count(frame) for frame in _FRAMES) == 1 and _SOS in markers
            return b"".join([*kept, b"\xff\xd9"]) if whole else None
        length = int.from_bytes(data[at + 1 : at + 3])
        body, at = data[at + 3 : at + 1 + length], at + 1 + length
        if length < 2 or at > len(data) or not _known(marker[0], body):
            return None
        needed = _needed(marker[0], body)
        if needed is not None:
            kept.append(b"\xff" + marker + (len(needed) + 2).to_bytes(2) + needed)
        if marker[0] == _SOS:
            following = _AFTER_SCAN.search(data, at)
            if following is None:
                return None
            kept.append(data[at : following.start()])
            at = following.start()


def _known(marker: int, body: bytes) -> bool:
    if marker in _FRAMES:
        return body[:1] == b"\x08"  # bits of a sample
    return marker in (*_TABLES, _SOS, _COM) or marker in _APPLICATION


def _needed(marker: int, body: bytes) -> bytes | None:
    """Return what stays of a segment; None where nothing does."""
    if marker == _COM:
        return None
    if marker not in _APPLICATION:
        return body
    if marker == _ADOBE[0] and body.startswith(_ADOBE[1]) and len(body) >= 12:
        return body[:12]
    if marker == _JFIF[0] and body.startswith(_JFIF[1]) and len(body) >= 14:
        return body[:12] + b"\0\0"  # width and height of a thumbnail
    return None
