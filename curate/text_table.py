"""Rows as a table of plain text, for eyes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?( ms|x| %)?")
_NARROWEST = 16  # characters to which a cell may be cut so that a table fits
_WIDEST = 110  # characters of a cell, from which on it is cut; --format csv or json gives it whole


def text_table(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] | None = None, *, widest: int | None = None
) -> str:
    """Return the rows under their column names, numbers to the right, texts to the left; None is written as nothing.

    A cell of more than `widest` characters is cut.

    >>> print(text_table([{"split": "train", "pictures": 1200}]))
    split  pictures
    train      1200
    """
    names = list(columns if columns is not None else rows[0] if rows else [])
    most = widest if widest is not None else _WIDEST
    cells = [[_cell(row.get(name), most) for name in names] for row in rows]
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


def fitting(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], width: int) -> tuple[list[str], int]:
    """Return the columns that fit into so many characters, and how wide a cell may be there.

    Long cells are cut first, to no less than 16 characters; only then are columns left out, the last ones first.

    >>> fitting([{"id": "a" * 60, "note": "b" * 60}], ["id", "note"], 80)
    (['id', 'note'], 39)
    """
    needs = {name: max([len(name), *(len(_cell(row.get(name), _WIDEST)) for row in rows)]) for name in columns}

    def taken(names: Sequence[str], most: int) -> int:
        return sum(max(len(name), min(needs[name], most)) for name in names) + 2 * (len(names) - 1)

    names = list(columns)
    while len(names) > 1 and taken(names, _NARROWEST) > width:
        names.pop()
    widest = _WIDEST
    while widest > _NARROWEST and taken(names, widest) > width:
        widest -= 1
    return names, widest


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
