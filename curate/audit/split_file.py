"""A split that somebody published: a CSV with a row per picture, read in bulk whatever its dialect."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from curate.errors import UsageError

ID_COLUMNS = (
    "image",
    "image_id",
    "id",
    "isic_id",
    "image_name",
    "img_id",
    "file",
    "filename",
    "file_name",
    "name",
    "path",
)
SPLIT_COLUMNS = ("split", "fold", "set", "subset", "partition")

_HEAD = 1 << 16  # bytes in which the header must end
_LOOKS_LIKE_A_PICTURE = re.compile(r"(?i)(.*[/\\:])?(isic_\d{7}.*|pat_\d+_\d+.*|imd\d{3}|.+\.(jpe?g|png|bmp|tiff?))")
_SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation", "dev"})
_SPLIT = re.compile(r"(?i).*(train|test|val|dev).*")


def is_split(word: str) -> bool:
    """Tell whether a word names a split, as `audit_places` orders them: train, validation, test, however it is written.

    >>> is_split("Training"), is_split("test_2"), is_split("3")
    (True, True, False)
    """
    return _SPLIT.fullmatch(word) is not None


@dataclass(frozen=True)
class SplitFile:
    """A CSV whose header was read: its columns in order, and how its text is written."""

    path: Path
    columns: tuple[str, ...]
    encoding: str
    delimiter: str

    @classmethod
    def open(cls, path: Path) -> SplitFile:
        """Read the header. UsageError where the file is empty or no text."""
        with path.open("rb") as file:
            head = file.read(_HEAD)
        encoding = "utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
        if encoding != "utf-16" and b"\0" in head:
            raise UsageError(
                "that is no text", where=str(path), expected="a CSV file", hint="save the table as CSV, then name that"
            )
        if encoding == "utf-16":
            text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
        else:
            line = head.splitlines()[0] if head.strip() else b""
            encoding = "utf-8-sig" if _is_utf8(line) else "latin-1"
            text = line.decode(encoding)
        line_ = next(iter(text.splitlines()), "").strip("\ufeff")
        if not line_.strip():
            raise UsageError(
                "the file is empty" if not head.strip() else "the first line is empty",
                where=str(path),
                expected="a header line, and a row per picture: image,split",
                hint="curate audit --help",
            )
        delimiter = max(",;\t|", key=line_.count)  # of several equally many, the first
        columns = next(csv.reader([line_], delimiter=delimiter))
        return cls(path, tuple(column.strip() for column in columns), encoding, delimiter)

    def find(self, wanted: str | None, likely: Sequence[str], what: str, option: str) -> list[str]:
        """Return the column named `wanted`; without it, the columns whose names are `likely`, most likely first.

        Raises UsageError, listing the columns, where there is none, where the name stands twice, or where the first
        line is no header.
        """
        if wanted is not None:
            if self.columns.count(wanted) == 1:
                return [wanted]
            problem = "stands twice in the header" if wanted in self.columns else "is not in the header"
            raise self._wrong(f"the column {wanted!r} {problem}", f"one column of this name for the {what}", option)
        folded = [column.lower() for column in self.columns]
        found = [self.columns[folded.index(name)] for name in likely if folded.count(name) == 1]
        if found:
            return found
        looks_like_a_row = any(_LOOKS_LIKE_A_PICTURE.fullmatch(column) for column in self.columns)
        if looks_like_a_row or any(column.lower() in _SPLITS for column in self.columns):
            raise UsageError(
                "the file has no header line",
                where=str(self.path),
                expected="a first line that names the columns, such as image,split",
                found=", ".join(self.columns),
                hint="write image,split above the first row",
            )
        raise self._wrong(f"no column looks like the {what}", ", ".join(likely), option)

    def read(self, columns: Sequence[str]) -> tuple[pa.Table, str]:
        """Return these columns, whole, as trimmed text, and the encoding that they were read in.

        Raises UsageError where the file is not one table, or has no rows.
        """
        encoding = {"utf-8-sig": "utf8"}.get(self.encoding, self.encoding)
        try:
            table = self._table(columns, encoding)
        except pa.ArrowInvalid as refused:
            if encoding != "utf8" or "UTF8" not in str(refused):
                raise self._torn(str(refused)) from refused
            encoding = "latin-1"
            try:
                table = self._table(columns, encoding)
            except pa.ArrowInvalid as again:
                raise self._torn(str(again)) from again
        except UnicodeError as refused:
            raise self._torn(str(refused)) from refused
        if table.num_rows == 0:
            raise UsageError(
                "the file has a header and no rows", where=str(self.path), found=", ".join(self.columns),
                hint="curate audit --help",
            )  # fmt: skip
        trimmed = [pc.utf8_trim_whitespace(column) for column in table.columns]
        return pa.table(trimmed, names=list(columns)), encoding

    def _table(self, columns: Sequence[str], encoding: str) -> pa.Table:
        # Columns are numbered: names may be doubled, or end in spaces.
        numbers = [str(number) for number in range(len(self.columns))]
        wanted = [numbers[self.columns.index(column)] for column in columns]
        return pyarrow.csv.read_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(column_names=numbers, skip_rows=1, encoding=encoding),
            parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())
            ),
        )

    def _wrong(self, what: str, expected: str, option: str) -> UsageError:
        return UsageError(
            what,
            where=str(self.path),
            expected=expected,
            found="the columns " + ", ".join(self.columns),
            hint=f"curate audit {self.path} {option} NAME",
        )

    def _torn(self, words: str) -> UsageError:
        return UsageError(
            "the file is not one table",
            where=str(self.path),
            expected=f"{len(self.columns)} columns in every row",
            found=words,
            hint="mend that row, or save the table again as CSV",
        )


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return True
