"""Zips written by hand, header by header, so that each may say what no program that writes zips would say."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

STORED, DEFLATED = 0, 8
_NO_32_BITS = 0xFFFFFFFF


@dataclass(frozen=True)
class Entry:
    """A member: its bytes as they lie in the zip, and what the headers claim of it."""

    name: bytes
    packed: bytes = b""
    method: int = STORED
    size: int | None = None  # unpacked
    crc: int | None = None
    flags: int = 0
    mode: int = 0o100644
    local_name: bytes | None = None
    at: int | None = None  # the offset that the directory names, where it is not the true one


def deflated(name: bytes, data: bytes, size: int | None = None, crc: int | None = None) -> Entry:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    crc = zlib.crc32(data) if crc is None else crc
    return Entry(name, squeeze.compress(data) + squeeze.flush(), DEFLATED, len(data) if size is None else size, crc)


def zeros(size: int) -> bytes:
    """A deflate stream of that many zero bytes (a multiple of 16 MiB), made of one block over and over."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(16 << 20)
    first = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(block) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return first + again * (size // len(block) - 1) + squeeze.flush()


def zipped(entries: Iterable[Entry], *, entries_said: int | None = None, directory_said: int | None = None) -> bytes:
    """Return the zip; `entries_said` and `directory_said` (bytes) go into end records of the large form (zip64)."""
    body, directory, count = bytearray(), bytearray(), 0
    for entry in entries:
        at = len(body)
        local = entry.local_name if entry.local_name is not None else entry.name
        size = len(entry.packed) if entry.size is None else entry.size
        crc = zlib.crc32(entry.packed) if entry.crc is None else entry.crc
        if entry.at is None:
            body += struct.pack(
                "<4s5H3L2H", b"PK\x03\x04", 45, entry.flags, entry.method, 0, 33, crc, 0, 0, len(local), 0
            )
            body += local + entry.packed
        extra = b"" if size < _NO_32_BITS else struct.pack("<HHQ", 1, 8, size)
        directory += struct.pack("<4sBB5H3L5HLL", b"PK\x01\x02", 45, 3, 45, entry.flags, entry.method, 0, 33, crc,
            len(entry.packed), min(size, _NO_32_BITS), len(entry.name), len(extra), 0, 0, 0, entry.mode << 16,
            at if entry.at is None else entry.at)  # fmt: skip
        directory += entry.name + extra
        count += 1
    start = len(body)
    body += directory
    if entries_said is not None or directory_said is not None:
        said = count if entries_said is None else entries_said
        length = len(directory) if directory_said is None else directory_said
        end = len(body)
        body += struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, said, said, length, start)
        body += struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
        body += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, _NO_32_BITS, _NO_32_BITS, 0)
    else:
        body += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count % 65536, count % 65536, len(directory), start, 0)
    return bytes(body)


def overlapping(count: int, kernel: bytes) -> Iterator[Entry]:
    """Entries that all point at the first one's bytes."""
    squeezed = deflated(b"T_0.jpg", kernel)
    yield squeezed
    for number in range(1, count):
        yield Entry(b"T_%d.jpg" % number, squeezed.packed, DEFLATED, len(kernel), squeezed.crc, at=0)


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() or path.is_symlink()}
