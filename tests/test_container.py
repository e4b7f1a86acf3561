"""A file without its metadata: the same pixels for every decoder, and nothing that was said beside them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import drawn_shards
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from curate.images.container import without_metadata

SECRET = b"Jane Doe"
PIXELS = drawn_shards.lesion(2, 5)


def saved(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(PIXELS).save(out, kind, **options)
    return out.getvalue()


FILES = {
    "baseline": saved("JPEG", quality=90),
    "progressive": saved("JPEG", quality=90, progressive=True),
    "restarts": saved("JPEG", quality=90, restart_marker_rows=1),
    "no subsampling": saved("JPEG", quality=90, subsampling="4:4:4"),
    "stored as RGB": saved("JPEG", quality=90, keep_rgb=True),
    "PNG": saved("PNG"),
}


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def shown(data: bytes) -> list[np.ndarray]:
    """Return the pixels as Pillow and as OpenCV show them."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    with Image.open(io.BytesIO(data)) as image:
        return [np.asarray(image.convert("RGB")), cv2.imdecode(np.frombuffer(data, np.uint8), flags)]


def same_pixels(one: bytes, other: bytes) -> bool:
    return all(np.array_equal(here, there) for here, there in zip(shown(one), shown(other), strict=True))


segments = st.builds(
    lambda marker, head, more: segment(marker, head + SECRET + more),
    st.integers(0xE1, 0xED) | st.sampled_from([0xE0, 0xEF, 0xFE]),
    st.sampled_from([b"", b"JFXX\0\x13", b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0\x01\x01"]),
    st.binary(max_size=300),
)
chunks = st.builds(
    lambda name, more: chunk(name, SECRET + more),
    st.sampled_from([b"tEXt", b"eXIf", b"tIME", b"prVt"]),
    st.binary(max_size=300),
)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from([name for name in FILES if name != "PNG"]), st.lists(segments, max_size=4), st.binary())
def test_a_jpeg_keeps_its_pixels_and_nothing_else(name: str, said: list[bytes], behind: bytes) -> None:
    plain = FILES[name]
    start = 2 + (18 if b"JFIF" in plain[:20] else 0)
    told = plain[:start] + b"".join(said) + plain[start:-2] + b"\xff\xff" + plain[-2:] + behind + SECRET
    bare = without_metadata(told)
    assert bare == without_metadata(plain)
    assert bare is not None
    assert SECRET not in bare
    assert same_pixels(bare, plain)


@settings(max_examples=60, deadline=None)
@given(st.lists(chunks, max_size=4), st.lists(chunks, max_size=3), st.binary())
def test_a_png_keeps_its_pixels_and_nothing_else(before: list[bytes], after: list[bytes], behind: bytes) -> None:
    plain = FILES["PNG"]
    told = plain[:33] + b"".join(before) + plain[33:-12] + b"".join(after) + plain[-12:] + behind + SECRET
    assert without_metadata(told) == plain


@pytest.mark.parametrize("name", FILES)
def test_what_has_none_keeps_every_byte(name: str) -> None:
    assert without_metadata(FILES[name]) == FILES[name]


def test_a_thumbnail_in_the_header_goes_and_what_tells_the_colours_stays() -> None:
    plain = FILES["baseline"]
    thumbnail = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x02" + SECRET + bytes(4))
    assert without_metadata(plain[:2] + thumbnail + plain[20:]) == plain
    stored_as_rgb = FILES["stored as RGB"]
    assert b"Adobe" in stored_as_rgb
    bare = without_metadata(stored_as_rgb)
    assert bare is not None
    assert np.abs(shown(bare)[0].astype(int) - PIXELS).mean() < 5


def test_of_several_pictures_in_one_file_the_first_is_left() -> None:
    out = io.BytesIO()
    first, second = Image.fromarray(PIXELS), Image.fromarray(PIXELS[::-1])
    first.save(out, "MPO", save_all=True, append_images=[second], quality=90)
    bare = without_metadata(out.getvalue())
    assert bare is not None
    assert bare.count(b"\xff\xd8\xff") == 1
    assert same_pixels(bare, out.getvalue())
    with Image.open(io.BytesIO(bare)) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("name", FILES)
@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30, deadline=None)
def test_a_file_cut_short_is_refused(name: str, share: float) -> None:
    data = FILES[name]
    assert without_metadata(data[: int(len(data) * share)]) is None


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(FILES)), st.data())
def test_broken_bytes_are_refused_or_come_to_rest(name: str, data: st.DataObject) -> None:
    broken = bytearray(FILES[name])
    for place in data.draw(st.lists(st.integers(0, len(broken) - 1), min_size=1, max_size=6)):
        broken[place] = data.draw(st.integers(0, 255))
    bare = without_metadata(bytes(broken))
    assert bare is None or (len(bare) <= len(broken) and without_metadata(bare) == bare)


PNG, JPEG = FILES["PNG"], FILES["baseline"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"BM" + bytes(60),
        saved("GIF"),
        JPEG[:2] + b"between" + JPEG[2:],
        JPEG[:2] + segment(0xDC, b"\0\x60") + JPEG[2:],  # DNL
        JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),  # 12 bits
        JPEG.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc9\0\x11\x08"),  # arithmetic coding
        JPEG[:2] + b"\xff\xd9",
        PNG[:33] + b"\0\0\0\0tEXt\0\0\0\0" + PNG[33:],  # its sum is wrong
        PNG[:8] + chunk(b"tEXt", b"first") + PNG[8:],
        PNG[:33] + chunk(b"IDAT", b"") + chunk(b"tEXt", b"between") + PNG[33:],
        PNG[:33] + PNG[-12:],
    ],
)
def test_a_file_that_is_not_built_as_its_standard_says_is_refused(data: bytes) -> None:
    assert data not in (PNG, JPEG)
    assert without_metadata(data) is None
