"""Tables with a caption, row and column heads, numbers set to the right, and a frame that scrolls on a narrow page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from curate.html.markup import Content, Markup, breakable, element, number


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its head, whether its cells are words, numbers or bars, and what a filter shows in them.

    `show` is what the script of the page counts again: `pictures`, `category:share benign`, `split:count train`,
    `category:both benign`, for a bar `categories`, `splits` or `length`; `whole` stands for the whole corpus alone.
    """

    head: str
    kind: str = "words"
    show: str | None = None


def words(*heads: str) -> list[Column]:
    """Return columns of words."""
    return [Column(head) for head in heads]


def numbers(*heads: str) -> list[Column]:
    """Return columns of numbers."""
    return [Column(head, "number") for head in heads]


def long(*heads: str) -> list[Column]:
    """Return columns of sentences, which need room."""
    return [Column(head, "words long") for head in heads]


def bars(head: str, *, show: str | None = None) -> list[Column]:
    """Return one column of bars."""
    return [Column(head, "bars", show)]


def each(heads: Iterable[str], show: str) -> list[Column]:
    """Return a column of numbers for each head, which a filter counts again: `show` and the head say what."""
    return [Column(head, "number", f"{show} {head}") for head in heads]


def recounted(show: str = "pictures", *heads: str) -> list[Column]:
    """Return columns of numbers that a filter all counts in one way: of pictures, if nothing else is said."""
    return [Column(head, "number", show) for head in heads or ("pictures",)]


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Sequence[Sequence[Content]],
    *,
    total: bool = False,
    trait: str | None = None,
    keys: Sequence[str] | None = None,
) -> Markup:
    """Return a table; the first cell of a row is its head, a whole number gets commas; `total`: the last row is a sum.

    A table of a `trait` of `report_cube.sql` is counted again for what is chosen; `keys` are the trait's values, row by
    row, where they are not the first cells. In any other table whose first column is `source`, rows of other sources
    give way. What a choice leaves as it is, there or in a table of neither kind, says so in its caption. A table
    without rows is a sentence instead.
    """
    if not rows:
        return element("p", f"{caption}: nothing to show.", class_="none")
    heads = (
        element("th", column.head, scope="col", class_=column.kind, data_show=column.show if trait else None)
        for column in columns
    )
    head = element("tr", *heads)
    word = "data-value" if trait else "data-source" if columns[0].head == "source" else None
    lines = []
    for place, row in enumerate(rows):
        of_all = total and place == len(rows) - 1
        key = str(row[0] if keys is None or of_all else keys[place])
        lines.append(_row(columns, row, {word: key} if word and not of_all else {}))
    body = [element("tbody", *(lines[:-1] if total else lines))]
    if total:
        body.append(element("tfoot", lines[-1]))
    whole = element(
        "table", element("caption", element("span", caption)), element("thead", head), *body, data_trait=trait
    )
    # A frame that scrolls must be within reach of the keyboard, and then needs a name.
    return element("div", whole, class_="frame", tabindex=0, role="region", aria_label=caption)


def _row(columns: Sequence[Column], cells: Sequence[Content], attributes: Mapping[str, str]) -> Markup:
    made = []
    for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        shown: Content = number(cell) if isinstance(cell, int) else cell
        if place == 0:
            made.append(element("th", breakable(shown), scope="row"))
        else:
            made.append(element("td", "–" if shown is None else shown, class_=column.kind))
    return element("tr", *made, **attributes)
