"""The cells of a workbook as text, from a real .xls or .xlsx, whatever the file is called."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from typing import Literal

import pandas as pd
from xlrd.biffh import XLRDError
from xlrd.compdoc import CompDocError

from curate.errors import ParseError
from curate.files import Files

_BIFF = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# What the two readers raise on bytes that are no workbook, or half of one; an XML error is a SyntaxError.
_BROKEN = (
    *(XLRDError, CompDocError, struct.error, zlib.error, zipfile.BadZipFile, SyntaxError),
    *(ValueError, LookupError, TypeError, AssertionError, OSError, EOFError),
)


def read(files: Files, path: str) -> list[list[str | None]]:
    """Return the first sheet's rows, each as long as the widest; a cell is stripped text, None where it is empty.

    Whole numbers are written without a fraction ("60"), as the workbook's cells are numbers without a written form.
    Raises ParseError where the file is no workbook.
    """
    data = files.read(path)
    engine: Literal["xlrd", "openpyxl"] = "xlrd" if data.startswith(_BIFF) else "openpyxl"
    try:
        with warnings.catch_warnings():
            # pandas announces another reader of BIFF; until that is there for every platform, xlrd reads it.
            warnings.simplefilter("ignore", DeprecationWarning)
            frame = pd.read_excel(io.BytesIO(data), header=None, engine=engine, dtype=object, na_filter=False)
    except _BROKEN as broken:
        raise ParseError(
            "the workbook cannot be opened",
            where=path,
            expected="an .xls or .xlsx workbook",
            found=str(broken) or type(broken).__name__,
            hint="put the official file there and fetch again",
        ) from broken
    return [[_text(cell) for cell in row] for row in frame.itertuples(index=False, name=None)]


def _text(cell: object) -> str | None:
    if cell is None or cell != cell:  # a missing number is not equal to itself
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip() or None
