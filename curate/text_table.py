"""Rows as a table of plain text, for eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WIDEST = 72  # characters of a cell, from which on it is cut; --format csv or json gives it whole


def text_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None) -> str:
    """Return the rows under their column names, numbers to the right, texts to the left; None is written as nothing.

    >>> print(text_table([{"split": "train", "pictures": 1200}]))
    split  pictures
    train      1200
    """
    names = list(columns if columns is not None else rows[0] if rows else [])
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    widths = [max([len(name), *(len(line[place]) for line in cells)]) for place, name in enumerate(names)]
    right = [
        all(isinstance(row.get(name), int | float) or row.get(name) is None for row in rows) and bool(rows)
        for name in names
    ]
    lines = []
    for line in [names, *cells]:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
