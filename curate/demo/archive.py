"""Zips and workbooks whose bytes depend on their content alone."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Sequence

import openpyxl

_STAMP = (2016, 1, 1, 0, 0, 0)

Cell = str | int | float | None


def pack(members: Iterable[tuple[str, bytes]], *, deflate: bool = False) -> bytes:
    """Return a zip of the members in the order given, stored or, with `deflate`, compressed. Its dates are fixed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            info = zipfile.ZipInfo(name, _STAMP)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
            archive.writestr(info, data, compresslevel=3 if deflate else None)
    return out.getvalue()


def workbook(sheet: str, rows: Iterable[Sequence[Cell]]) -> bytes:
    """Return an .xlsx of one sheet without the time at which it was made."""
    book = openpyxl.Workbook()
    table = book.active
    assert table is not None
    table.title = sheet
    for row in rows:
        table.append(list(row))
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:
        members = [(info.filename, archive.read(info)) for info in archive.infolist()]
    dated = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    return pack(
        (
            (name, dated.sub(b"2016-01-01T00:00:00Z", data) if name == "docProps/core.xml" else data)
            for name, data in members
        ),
        deflate=True,
    )


def table(rows: Iterable[Sequence[object]], *, end: str = "\r\n", final: bool = True) -> bytes:
    """Return rows as comma-separated lines without quoting; `final` says whether the last line has its end."""
    text = end.join(",".join("" if value is None else str(value) for value in row) for row in rows)
    return (text + (end if final else "")).encode("utf-8")
