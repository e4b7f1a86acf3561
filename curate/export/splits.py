"""splits: one plain CSV, the form in which people cite who trained on what."""

from __future__ import annotations

from pathlib import Path

from curate.csv_rows import CsvRows
from curate.export.selection import Selection

NEEDS_PICTURES = False
COLUMNS = ("id", "split", "fold", "family", "subtype", "category", "source")


def write(chosen: Selection, folder: Path) -> None:
    """Write `splits.csv`: one row per picture, sorted by id; an unknown subtype, or no fold, is empty."""
    with (folder / "splits.csv").open("w", encoding="utf-8", newline="") as file:
        out = CsvRows(file)
        out.row(COLUMNS)
        out.rows([row[name] for name in COLUMNS] for row in chosen.rows.ordered("id"))
