"""Rows written as CSV that every reader gives back: cells verbatim, quoted where they must be."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from typing import Any, TextIO


class CsvRows:
    """Writes rows to an open text file, lines ended by a line feed; None is an empty cell.

    A cell that begins with `=`, `+`, `-` or `@` is written as it is, though a spreadsheet will take it for a formula:
    the labels are verbatim, `-2` may be a number, and what is put before such a cell to calm a spreadsheet is a part
    of the cell for every other reader. Who opens a stranger's words in a spreadsheet should import them as text.
    """

    def __init__(self, file: TextIO) -> None:
        self._plain = csv.writer(file, lineterminator="\n")
        self._quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)

    def row(self, cells: Sequence[Any]) -> None:
        """Write one row."""
        # Before Python 3.13 a carriage return alone is not quoted, and then ends the row for who reads it.
        torn = any(isinstance(cell, str) and "\r" in cell for cell in cells)
        (self._quoted if torn else self._plain).writerow(cells)

    def rows(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write many rows."""
        for cells in rows:
            self.row(cells)
