"""Rows as a table of plain text, for eyes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( ms|x| %)?")
_WIDEST = 110  # characters of a cell, from which on it is cut; --format csv or json gives it whole


def text_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, *, widest: int = _WIDEST
) -> str:
    """Return the rows under their column names, numbers to the right, texts to the left; None is written as nothing.

    A cell of more than `widest` characters is cut.

    >>> print(text_table([{"split": "train", "pictures": 1200}]))
    split  pictures
    train      1200
    """
    names = list(columns if columns is not None else rows[0] if rows else [])
    cells = [[_cell(row.get(name), widest) for name in names] for row in rows]
    widths = [max([len(name), *(len(line[place]) for line in cells)]) for place, name in enumerate(names)]
    right = [bool(rows) and all(_is_number(row.get(name)) for row in rows) for name in names]
    lines = []
    for line in [names, *cells]:
        padded = (
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        )
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _is_number(value: Any) -> bool:
    """Whether a value belongs to the right of its column: a number, its text with a unit, or nothing."""
    if value is None or isinstance(value, int | float):
        return True
    return isinstance(value, str) and _NUMBER.fullmatch(value) is not None


def _cell(value: Any, widest: int) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = " ".join(str(value).split())
    return text if len(text) <= widest else text[: widest - 1] + "…"
