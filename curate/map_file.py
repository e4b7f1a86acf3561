"""A file of the label maps: rows of named columns, each with the line on which it stands."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.errors import LabelMapError

DONE = "nothing was changed"


@dataclass(frozen=True, slots=True)
class MapRow:
    """One row: its cells by column, stripped, and `where` it stands (`FILE, line N`)."""

    cells: dict[str, str]
    where: str

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def get(self, column: str) -> str:
        """Return a cell, empty where the file has no such column."""
        return self.cells.get(column, "")

    def words(self, column: str) -> list[str]:
        """Return the words of a cell that lists some, parted by semicolons."""
        return [word.strip() for word in self.get(column).split(";") if word.strip()]

    def whole(self, column: str) -> int:
        """Return a cell as a whole number from 0. Raises LabelMapError where it is none."""
        text = self[column]
        if not (text.isascii() and text.isdigit() and len(text) < 5):
            raise LabelMapError(
                f"the {column} is no small whole number",
                where=self.where,
                expected="0, 1, 2 and so on",
                found=repr(text),
                done=DONE,
                hint="mend that row",
            )
        return int(text)


def read(path: Path, *columns: str) -> Iterator[MapRow]:
    """Yield the rows of a CSV in UTF-8 that has at least these columns; below the header, a line that begins with #
    is a comment (a label that does stands in quotes).

    Raises LabelMapError for a missing column, a row with more or fewer fields than the header, another encoding.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(map(_uncommented, lines), strict=True)
            lacking = [name for name in columns if name not in (reader.fieldnames or ())]
            if lacking:
                raise LabelMapError(
                    "a label map lacks a column",
                    where=str(path),
                    expected=",".join(columns),
                    found=",".join(reader.fieldnames or ()) or "an empty file",
                    done=DONE,
                    hint=f"add to the first line: {','.join(lacking)}",
                )
            for row in reader:
                if None in row or None in row.values():
                    raise LabelMapError(
                        "a row of a label map has more or fewer fields than the header",
                        where=f"{path}, line {reader.line_num}",
                        expected=",".join(reader.fieldnames or ()),
                        done=DONE,
                        hint="mend that line; a text with a comma stands in quotes",
                    )
                yield MapRow({name: value.strip() for name, value in row.items()}, f"{path}, line {reader.line_num}")
    except (UnicodeDecodeError, csv.Error) as broken:
        raise LabelMapError(
            "a label map is not a CSV in UTF-8",
            where=str(path),
            found=str(broken),
            done=DONE,
            hint="save it as UTF-8",
        ) from broken


def columns(path: Path) -> list[str]:
    """Return the header of a file of the maps."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines), [])


def _uncommented(line: str) -> str:
    """Blank a comment, so that the lines keep their numbers; the reader passes empty lines over."""
    return "\n" if line.startswith("#") else line


def once(rows: Sequence[MapRow], column: str, what: str, hint: str) -> None:
    """Raise LabelMapError where two rows have the same cell in `column`; `what` names the thing: "the index"."""
    seen: dict[str, MapRow] = {}
    for row in rows:
        before = seen.setdefault(row[column], row)
        if before is not row:
            line, said = before.where.rpartition(" ")[2], ",".join(before.cells.values())[:120]
            raise LabelMapError(
                f"{what} {row[column]!r} stands twice",
                where=row.where,
                expected=f"each {column} once",
                found=f"it stands in line {line} too: {said}",
                done=DONE,
                hint=hint,
            )
