"""A deflated archive inside an archive: read at any place, with no copy of it on the disk or in memory."""

from __future__ import annotations

import io
import random
import tempfile
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.archive import members_of, read_member
from curate.errors import FetchError
from curate.inflated import Inflated

MB = 1 << 20


def content(size: int) -> bytes:
    """Bytes that deflate makes smaller, but not much: noise in six bits."""
    return random.Random(size).randbytes(size).translate(bytes(byte & 63 for byte in range(256)))


def packed(data: bytes) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return deflate.compress(data) + deflate.flush()


@pytest.fixture(scope="module")
def large() -> tuple[bytes, Inflated]:
    data = content(11 * MB)
    return data, Inflated(io.BytesIO(packed(data)), len(data), zlib.crc32(data))


@settings(max_examples=25, deadline=None)
@given(places=st.lists(st.tuples(st.integers(0, 11 * MB + 10), st.integers(0, 200_000)), max_size=4))
def test_any_place_is_read_as_it_was_packed(large: tuple[bytes, Inflated], places: list[tuple[int, int]]) -> None:
    data, file = large
    for start, length in places:
        file.seek(start)
        found = b""
        while len(found) < length and (more := file.read(length - len(found))):
            found += more
        assert found == data[start : start + length]


@given(st.binary(max_size=300))
def test_small_ones_too(data: bytes) -> None:
    with Inflated(io.BytesIO(packed(data)), len(data), zlib.crc32(data)) as file:
        assert file.read() == data
        assert file.seek(0, io.SEEK_END) == len(data)


def test_what_is_not_what_its_list_says_is_refused() -> None:
    data = content(100_000)
    whole, crc = packed(data), zlib.crc32(data)
    for size, wrong in ((len(data), crc ^ 1), (len(data) - 1, crc)):
        with pytest.raises(zipfile.BadZipFile, match="not what the list of members says"):
            Inflated(io.BytesIO(whole), size, wrong)
    for cut, size in ((whole[:-200], len(data)), (whole, len(data) + 1), (b"", 1)):
        with pytest.raises(EOFError, match="the packed bytes end after"):
            Inflated(io.BytesIO(cut), size, crc)
    with pytest.raises(zlib.error):
        Inflated(io.BytesIO(b"\xff" * 100), 10, crc)


def test_a_zip_in_a_zip_is_read_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))  # whoever makes a temporary file fails
    names = [f"{number}.png" for number in range(12)]
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_STORED) as archive:
        for name in names:
            archive.writestr(name, content(MB) + name.encode())
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("part.zip", inner.getvalue())
    assert [member.members for member in members_of(outer)] == [("part.zip", name) for name in names]
    shown = content(MB)
    tracemalloc.start()
    for name in [*names, *names[::-1]]:
        assert read_member(outer, ("part.zip", name), name) == shown + name.encode()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * MB, "a member and the marks, not the 12 MB of the archive"


def test_a_damaged_zip_in_a_zip_is_told(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.png", content(50_000))
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("part.zip", inner.getvalue())
    data = bytearray(outer.read_bytes())
    data[10_000] ^= 1
    outer.write_bytes(bytes(data))
    with pytest.raises(FetchError, match="the zip cannot be read"):
        members_of(outer)
