"""The cells of a workbook as text, from a real .xls or .xlsx, whatever the file is called; no more than it can have."""

from __future__ import annotations

import io
import os
import re
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

import openpyxl
import xlrd
from openpyxl.utils import get_column_letter

from curate.errors import ParseError
from curate.files import Files

_LARGEST = 64 << 20  # bytes, packed or unpacked; Severance's workbook, the largest there is, has 3 MB
_MOST_PARTS = 10_000  # files in the zip that an .xlsx is
_MOST_CELLS = 2_000_000  # Severance has 72,982
_LONGEST_CELL = 32_767  # characters, of Excel's own
_HINT = "put the official file there and fetch again"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_LOCKED = "EncryptedPackage".encode("utf-16-le")  # the stream that an .xlsx with a password becomes
_ERROR = re.compile(r"#(NULL!|DIV/0!|VALUE!|REF!|NAME\?|NUM!|N/A)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DECLARATION = re.compile(b"<\x00?!\x00?(D\x00?O\x00?C\x00?T\x00?Y\x00?P\x00?E|E\x00?N\x00?T\x00?I\x00?T\x00?Y)")

Cell = object


class _NoValue:
    """Stands where a formula was never computed."""


def read(files: Files, path: str) -> list[list[str | None]]:
    """Return the rows of the first sheet that is not hidden, each as long as the widest; empty ones at the end go.

    A cell is stripped text, None where it is empty; of merged cells the first alone has the text. Whole numbers are
    written without a fraction ("60"), as the workbook's cells are numbers without a written form. A formula is never
    computed: its cell says what was computed when the workbook was saved.
    Raises ParseError where the file is no workbook, is locked or larger than any that a source has, and for a cell
    that has an error, a formula without a value, or a control character.
    """
    with files.open(path) as file:
        data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
        raise _too_large(path, f"more than {_LARGEST:,} bytes")
    _refuse_disguise(path, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and drawings, which say nothing here
            if data.startswith(_ZIP):
                _refuse_harm(path, data)
                return _rows(path, _xlsx(data))
            return _rows(path, _xls(data))
    except ParseError:
        raise
    except Exception as broken:  # two readers of others, on any bytes: what they raise has no list
        if isinstance(broken, xlrd.XLRDError) and "encrypted" in str(broken):
            raise _locked(path) from broken
        raise ParseError(
            "the workbook cannot be opened",
            where=path,
            expected="a whole .xls or .xlsx workbook",
            found=f"{type(broken).__name__}: {broken}" if str(broken) else type(broken).__name__,
            hint=_HINT,
        ) from broken


def _refuse_disguise(path: str, data: bytes) -> None:
    """Name what is called a workbook and is none: a web page, a text, nothing, or a workbook behind a password."""
    if data.startswith(_OLE):
        if _LOCKED in data:
            raise _locked(path)
        return
    if data.startswith(_ZIP):
        return
    head = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not data:
        what, hint = "the workbook is empty", _HINT
    elif head[:1] == b"<" and re.search(b"<(!doctype html|html|head|body|table|meta)", head, re.IGNORECASE):
        # What a bot check, a login or an "export to Excel" of a web site leaves.
        what = "that is a web page (HTML), not a workbook"
        hint = "put the official file there, or open it in a spreadsheet and save it as .xlsx, and fetch again"
    elif b"\0" not in data[:4096]:
        what = "that is a text, not a workbook"
        hint = "put the official file there, or open it in a spreadsheet and save it as .xlsx, and fetch again"
    else:
        what, hint = "that is no workbook", _HINT
    begins = ascii(head[:60].decode("latin-1"))
    raise ParseError(what, where=path, expected="an .xls or .xlsx workbook", found=begins, hint=hint)


def _refuse_harm(path: str, data: bytes) -> None:
    """Refuse, by the zip's directory, what unpacks to more than a workbook has, then what declares XML entities.

    `zipfile` gives no more bytes of a part than its directory says, so a directory that lies ends in BadZipFile.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > _LARGEST or len(parts) > _MOST_PARTS:
            raise _too_large(path, f"{len(parts):,} parts that unpack to {unpacked:,} bytes")
        for part in parts:
            if part.flag_bits & 0x1:
                raise _locked(path)
            declared = _DECLARATION.search(archive.read(part)) if part.filename.endswith((".xml", ".rels")) else None
            if declared is not None:
                raise ParseError(
                    "the workbook declares XML entities, which no spreadsheet writes",
                    where=f"{path}, {part.filename}",
                    expected="XML without a document type",
                    found=declared[0].replace(b"\0", b"").decode("ascii"),
                    hint=_HINT,
                )


def _xlsx(data: bytes) -> Iterator[Sequence[Cell]]:
    # Read-only, so that neither the size that a sheet claims nor a merged million of cells is laid out in memory.
    values, formulas = (openpyxl.load_workbook(io.BytesIO(data), True, data_only=only) for only in (True, False))
    shown = [at for at, sheet in enumerate(values.worksheets) if sheet.sheet_state == "visible"] or [0]
    rows = []
    for book in (values, formulas):
        sheet = book.worksheets[shown[0]]
        sheet.reset_dimensions()
        rows.append(sheet.iter_rows(values_only=True))
    for row, computed in zip_longest(*rows, fillvalue=()):
        yield [
            _NoValue if value is None and formula is not None else value
            for value, formula in zip_longest(row, computed)
        ]


def _xls(data: bytes) -> Iterator[Sequence[Cell]]:
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # else what xlrd mutters stands between the results
        book = xlrd.open_workbook(file_contents=data, logfile=nowhere, on_demand=True, ragged_rows=True)
        sheets = (book.sheet_by_index(at) for at in range(book.nsheets))
        sheet = next((sheet for sheet in sheets if sheet.visibility == 0), None) or book.sheet_by_index(0)
        for row in range(sheet.nrows):
            yield [_xls_value(cell, book.datemode) for cell in sheet.row(row)]


def _xls_value(cell: xlrd.sheet.Cell, datemode: int) -> Cell:
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate.xldate_as_datetime(cell.value, datemode)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return bool(cell.value)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#N/A")
    return None if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK) else cell.value


def _rows(path: str, given: Iterable[Sequence[Cell]]) -> list[list[str | None]]:
    rows: list[list[str | None]] = []
    seen, width, last = 0, 0, 0
    for number, cells in enumerate(given, start=1):
        row = [_text(cell, path, number, column) for column, cell in enumerate(cells, start=1)]
        while row and row[-1] is None:
            row.pop()
        if row:
            width, last = max(width, len(row)), number
        rows.append(row)
        seen += max(1, len(cells))
        if max(seen, width * last) > _MOST_CELLS:
            # One cell in the last corner makes a table of 17 thousand million cells of a file of 5 kB.
            raise _too_large(path, f"more than {_MOST_CELLS:,} cells, up to row {number:,}")
    return [row + [None] * (width - len(row)) for row in rows[:last]]


def _text(cell: Cell, path: str, row: int, column: int) -> str | None:
    if cell is None or cell != cell:  # a missing number is not equal to itself
        return None
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    if cell is _NoValue:
        problem, found = "a formula of the workbook has no value", "a formula that was never computed"
    elif _ERROR.fullmatch(text):
        problem, found = "a formula of the workbook failed", text
    elif len(text) > _LONGEST_CELL:
        problem, found = "a cell of the workbook is longer than a cell can be", f"{len(text):,} characters"
    elif _CONTROL.search(text):
        problem, found = "a cell of the workbook holds a control character", text
    else:
        return text or None
    raise ParseError(
        problem,
        where=f"{path}, row {row}, cell {get_column_letter(column)}{row}",
        expected="a text or a number",
        found=found,
        hint="open it in a spreadsheet, write the value there, save it and fetch again; or put the official file there",
    )


def _locked(path: str) -> ParseError:
    return ParseError(
        "the workbook is locked with a password",
        where=path,
        expected="a workbook that opens without one",
        found="an encrypted workbook",
        hint="open it in a spreadsheet, save it without a password, and fetch again",
    )


def _too_large(path: str, found: str) -> ParseError:
    return ParseError(
        "the workbook is larger than any label table",
        where=path,
        expected=f"at most {_LARGEST:,} bytes unpacked and {_MOST_CELLS:,} cells",
        found=found,
        hint=_HINT,
    )
