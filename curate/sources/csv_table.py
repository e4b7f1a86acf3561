"""A CSV as its source wrote it: required columns, one row per name, verbatim cells, one-hot labels."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from curate.errors import ParseError
from curate.files import Files

_ONE_HOT = {"0": False, "1": True, "0.0": False, "1.0": True}
_HINT = "put the official file there and fetch again"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its file, the line on which it ends (from 1), and its cells by column, '' already None."""

    file: str
    line: int
    cells: Mapping[str, str | None]

    def __getitem__(self, column: str) -> str | None:
        return self.cells[column]

    def get(self, column: str) -> str | None:
        """Return the cell, None where the file has no such column or the cell is empty."""
        return self.cells.get(column)

    def where(self, column: str | None = None) -> str:
        """Return the place of the row, or of one of its cells, for a message."""
        return f"{self.file}, line {self.line}" + (f", column {column}" if column else "")

    def claims(self, told: Collection[str] = ()) -> dict[str, str]:
        """Return every filled cell but those of the columns `told` elsewhere."""
        return {column: cell for column, cell in self.cells.items() if cell is not None and column not in told}


def read(files: Files, path: str, required: Sequence[str], *, key: str) -> dict[str, Row]:
    """Read a CSV with a header; return its rows by the cell of the column `key`, in file order.

    Raises ParseError as `read_all` does, and for an empty or doubled key.
    """
    return _by_key(read_all(files, path, (key, *required)), key)


def read_all(files: Files, path: str, required: Sequence[str], *, hint: str = _HINT) -> Iterator[Row]:
    """Yield the rows of a CSV with a header, in file order; columns beyond the `required` ones are kept.

    Commas (or tabs, or semicolons, where the header has no comma), optional quotes, any line ends, with or without
    a byte order mark; a line of nothing but marks is no row. Cells are copied: what begins with `=` is text here.
    Raises ParseError for a missing or doubled column, a second header, a ragged row, a cell over several lines, or
    broken quotes.
    """
    lines = _lines(files, path)
    number, header = next(lines, (1, []))
    names = [name.strip() for name in header]
    missing = [name for name in required if name not in names]
    if missing:
        raise ParseError(
            f"the column {missing[0]!r} is missing" if names else "the file is empty",
            where=f"{path}, line {number}",
            expected=", ".join(required),
            found=", ".join(names) or "nothing",
            hint=hint,
        )
    doubled = [name for name, count in Counter(names).items() if count > 1]
    if doubled:
        raise ParseError(
            f"the column {doubled[0]!r} stands there twice",
            where=f"{path}, line {number}",
            expected="each column once",
            found=", ".join(names),
            hint="take one of the two columns out and fetch again",
        )
    for line, cells in lines:
        if cells[0].strip(" \ufeff") == names[0] and [cell.strip(" \ufeff") for cell in cells] == names:
            raise ParseError(
                "the header stands there twice",
                where=f"{path}, line {line}",
                expected="a row: two files may have been put together",
                found=", ".join(names),
                hint=_HINT,
            )
        yield _row(path, line, names, cells)


def read_bare(
    files: Files, path: str, columns: Sequence[str], *, key: str, header_words: Collection[str]
) -> dict[str, Row]:
    """Read a CSV that has no header; a first row whose first cell is one of `header_words` is passed over.

    Raises ParseError as `read` does, for each row that has not as many cells as there are `columns`, and for no line.
    """
    lines = list(_lines(files, path))
    if not lines:
        raise ParseError(
            "the file is empty", where=f"{path}, line 1", expected=", ".join(columns), found="nothing", hint=_HINT
        )
    rows = []
    for place, (line, cells) in enumerate(lines):
        row = _row(path, line, columns, cells)
        if place > 0 or cells[0].strip().lower() not in header_words:
            rows.append(row)
    return _by_key(rows, key)


def one_hot(row: Row, columns: Sequence[str]) -> str | None:
    """Return the one of `columns` that is set (1 or 1.0), None where all are 0.

    Raises ParseError for two that are set and for a cell that is neither 0 nor 1.
    """
    chosen = []
    for column in columns:
        cell = row[column]
        if cell not in _ONE_HOT:
            raise ParseError(
                "a one-hot label is neither 0 nor 1",
                where=row.where(column),
                expected="0, 1, 0.0 or 1.0",
                found=repr(cell or ""),
                hint=_HINT,
            )
        if _ONE_HOT[cell]:
            chosen.append(column)
    if len(chosen) > 1:
        raise ParseError(
            "a row has two labels",
            where=row.where(),
            expected=f"one of {', '.join(columns)}",
            found=" and ".join(chosen),
            hint=_HINT,
        )
    return chosen[0] if chosen else None


def once(seen: dict[str, str], name: str, where: str) -> str:
    """Return `name` and remember `where` it stands.

    Raises ParseError, naming both places, when it was `seen` before: a name stands for one picture of its source.
    """
    if name in seen:
        raise ParseError(
            f"{name} is there twice",
            where=where,
            expected="each name once in a source",
            found=f"also at {seen[name]}",
            hint="put the official files there and fetch again",
        )
    seen[name] = where
    return name


def none_here(source: str, names: Sequence[str]) -> ParseError:
    """Return the error for a source none of whose label files is here."""
    return ParseError(
        f"{source} has no label file",
        where=f"the files of {source}",
        expected=" or ".join(names),
        found="none of them",
        hint=f"curate fetch {source}",
    )


def nameless(where: str, expected: str = "a name") -> ParseError:
    """Return the error for a row that names no picture."""
    return ParseError("a row has no name", where=where, expected=expected, found="nothing", hint=_HINT)


def _lines(files: Files, path: str) -> Iterator[tuple[int, list[str]]]:
    text = io.StringIO(files.text(path), newline="")
    first = next((line for line in text if line.strip()), "")
    text.seek(0)
    # Dataverse hands its tables out with tabs unless it is asked for the original; a spreadsheet writes semicolons
    # where a comma stands before decimals.
    mark = next((mark for mark in ",\t;" if mark in first), ",")
    reader = csv.reader(text, delimiter=mark, skipinitialspace=True, strict=True)
    end = 0
    while True:
        start = end + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:
            raise _torn(path, start, reader.line_num, str(broken)) from broken
        end = reader.line_num
        if end > start:
            # No source breaks a line inside a cell. A quote too many does, and joins rows, at times without a
            # trace: the cells of two rows cut in the same column number as many as those of one.
            raise _torn(path, start, end, ",".join(cells)[:120])
        if any(cell.strip() for cell in cells):
            yield end, cells


def _torn(path: str, start: int, end: int, found: str) -> ParseError:
    what = "a cell runs over several lines" if end > start else "the file is not a CSV"
    if end == start and found.startswith("field larger"):
        what = f"a cell is longer than {csv.field_size_limit():,} characters"
    return ParseError(
        what,
        where=f"{path}, line {start}" + (f" to {end}" if end > start else ""),
        expected="each row in a line of its own, quotes in pairs",
        found=found,
        hint=_HINT,
    )


def _row(path: str, line: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise ParseError(
            "a row has the wrong number of cells",
            where=f"{path}, line {line}",
            expected=f"{len(names)} ({', '.join(names)})",
            found=f"{len(cells)}: {','.join(cells)[:120]}",
            hint=_HINT,
        )
    return Row(path, line, {name: cell.strip() or None for name, cell in zip(names, cells, strict=True)})


def _by_key(rows: Iterable[Row], key: str) -> dict[str, Row]:
    seen: dict[str, str] = {}
    found: dict[str, Row] = {}
    for row in rows:
        name = row[key]
        if name is None:
            raise nameless(row.where(key))
        found[once(seen, name, row.where())] = row
    return found
