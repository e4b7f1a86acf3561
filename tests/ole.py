"""Writes the small container in which old workbooks, and locked ones, lie; and the records of an old workbook."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

_SECTOR = 512
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SMALLEST = 4096  # bytes; a stream below it would have to lie in the small sectors, which are not written here


def container(streams: Mapping[str, bytes]) -> bytes:
    """Return an OLE2 compound document that holds the streams, each padded to 4096 bytes or more with zeros."""
    sectors: list[bytes] = []
    chain: list[int] = []
    starts: dict[str, tuple[int, int]] = {}
    for name, data in streams.items():
        size = max(_SMALLEST, -(-len(data) // _SECTOR) * _SECTOR)
        starts[name] = (len(sectors), size)
        count = size // _SECTOR
        chain += [*range(len(sectors) + 1, len(sectors) + count), _END]
        padded = data.ljust(size, b"\0")
        sectors += [padded[at : at + _SECTOR] for at in range(0, size, _SECTOR)]
    entries = [_entry("Root Entry", 5, _END, 0, child=1)]
    entries += [
        _entry(name, 2, start, size, right=at + 2 if at + 1 < len(starts) else _FREE)
        for at, (name, (start, size)) in enumerate(starts.items())
    ]
    entries += [bytes(128)] * (-len(entries) % 4)
    directory = len(sectors)
    listed = b"".join(entries)
    sectors += [listed[at : at + _SECTOR] for at in range(0, len(listed), _SECTOR)]
    chain += [*range(directory + 1, len(sectors)), _END]
    fat = len(sectors)
    chain.append(_FAT)
    assert len(chain) <= _SECTOR // 4, "one sector of the table is enough for what is written here"
    sectors.append(struct.pack("<128I", *chain, *[_FREE] * (128 - len(chain))))
    header = struct.pack(
        "<8s16s5H6x9I",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        bytes(16),
        *(0x3E, 3, 0xFFFE, 9, 6),
        *(0, 1, directory, 0, _SMALLEST, _END, 0, _END, 0),
    )
    return header + struct.pack("<109I", fat, *[_FREE] * 108) + b"".join(sectors)


def _entry(name: str, kind: int, start: int, size: int, *, child: int = _FREE, right: int = _FREE) -> bytes:
    letters = name.encode("utf-16-le") + b"\0\0"
    known = struct.pack("<64sHBB3I", letters, len(letters), kind, 1, _FREE, right, child)
    return known + bytes(36) + struct.pack("<3I", start, size, 0)


def biff5(rows: Sequence[Sequence[str | float | None]]) -> bytes:
    """Return an .xls as Excel 5 and 95 wrote it: one sheet, texts in the code page 1252."""
    sheet = _record(0x0809, struct.pack("<4H", 0x0500, 0x0010, 0, 0))
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if isinstance(cell, str):
                text = cell.encode("cp1252")
                sheet += _record(0x0204, struct.pack("<4H", row, column, 0, len(text)) + text)
            elif cell is not None:
                sheet += _record(0x0203, struct.pack("<3Hd", row, column, 0, cell))
    sheet += _record(0x000A)
    before = _record(0x0809, struct.pack("<4H", 0x0500, 0x0005, 0, 0)) + _record(0x0042, struct.pack("<H", 1252))
    name = b"Sheet1"
    length = len(before) + 4 + 7 + len(name) + 4
    bound = _record(0x0085, struct.pack("<IBBB", length, 0, 0, len(name)) + name)
    return container({"Book": before + bound + _record(0x000A) + sheet})


def _record(kind: int, data: bytes = b"") -> bytes:
    return struct.pack("<2H", kind, len(data)) + data
