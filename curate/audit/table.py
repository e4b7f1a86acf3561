"""Tables with a caption, row and column heads, numbers set to the right, and a frame that scrolls on a narrow page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.audit.markup import Content, Markup, breakable, element, number


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, and whether its cells are words, numbers or bars."""

    head: str
    kind: str = "words"


def words(*heads: str) -> list[Column]:
    """Return columns of words."""
    return [Column(head) for head in heads]


def numbers(*heads: str) -> list[Column]:
    """Return columns of numbers."""
    return [Column(head, "number") for head in heads]


def long(*heads: str) -> list[Column]:
    """Return columns of sentences, which need room."""
    return [Column(head, "words long") for head in heads]


def bars(head: str, *, wide: bool = False) -> list[Column]:
    """Return one column of bars; `wide`: most of the table."""
    return [Column(head, "bars wide" if wide else "bars")]


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[Content]], *, total: bool = False) -> Markup:
    """Return a table; the first cell of a row is its head, a whole number gets commas; `total`: the last row is a sum.

    A table without rows is a sentence instead.
    """
    if not rows:
        return element("p", f"{caption}: nothing to show.", class_="none")
    head = element("tr", *(element("th", column.head, scope="col", class_=column.kind) for column in columns))
    lines = [_row(columns, row) for row in rows]
    body = [element("tbody", *(lines[:-1] if total else lines))]
    if total:
        body.append(element("tfoot", lines[-1]))
    whole = element("table", element("caption", element("span", caption)), element("thead", head), *body)
    # A frame that scrolls must be within reach of the keyboard, and then needs a name.
    return element("div", whole, class_="frame", tabindex=0, role="region", aria_label=caption)


def _row(columns: Sequence[Column], cells: Sequence[Content]) -> Markup:
    made = []
    for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        shown: Content = number(cell) if isinstance(cell, int) else cell
        if place == 0:
            made.append(element("th", breakable(shown), scope="row"))
        else:
            made.append(element("td", "–" if shown is None else shown, class_=column.kind))
    return element("tr", *made)
