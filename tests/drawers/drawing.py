"""What the drawers of all sources share: a tree, cells of any words, a table as any program writes it, and reads it."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from curate.files import Files
from curate.records import Claim

PIXELS = b"\xff\xd8"  # no parser opens a picture


@dataclass(frozen=True)
class Tree:
    """The files of a source by final name, and its claims, whose pictures are final names too."""

    files: Mapping[str, bytes]
    claims: Sequence[Claim]


# What people write into cells: any letters of any script, marks of CSVs and formulas; no control characters.
LETTER = st.characters(exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff")
WORDS = st.text(LETTER, max_size=12) | st.sampled_from(
    ['a "b" c', "a, b", "=1+1", "-2", "@x", "a;b", "a\tb", "UNK", "#N/A", "naïve", "黑色素瘤", "None", "0.0", " ", "'x"]
)
NUMBER = st.sampled_from(["", "0", "5", "35", "85.0", "unknown"])


def said(cell: str) -> str | None:
    """Return what is to be claimed of a cell."""
    return cell.strip() or None


def filled(cells: Mapping[str, str]) -> dict[str, str]:
    """Return what is to be claimed of the cells that are not told elsewhere."""
    return {column: cell.strip() for column, cell in cells.items() if cell.strip()}


@st.composite
def tables(draw: st.DrawFn, header: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> bytes:
    """Draw how a program writes these rows: marks, quotes, line ends, encoding."""
    mark = draw(st.sampled_from(",,,\t;" if header else ","))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=mark, lineterminator=end, quoting=quoting).writerows(
        [*([header] if header else []), *rows]
    )
    written = text.getvalue() + draw(st.sampled_from(["", end, "\x1a"]))
    return written.encode(draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16"])))


def lines(files: Files, name: str) -> list[str]:
    """Return the lines of the first file of that final name that are not blank, [] where there is none."""
    path = next((path for path in files if path.rpartition("/")[2] == name), None)
    if path is None:
        return []
    data = files.read(path)
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8").strip("\ufeff").rstrip("\x1a")
    return [line for line in re.split("\r\n|\r|\n", text) if line.strip(' \t,;"')]


def column(files: Files, name: str, wanted: str | None) -> list[str]:
    """Return the cells of a column of a CSV, each line read alone; of the first column where it has no header."""
    read = lines(files, name)
    mark = next((mark for mark in ",\t;" if read and mark in read[0]), ",")
    rows = [[cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True))] for line in read]
    if wanted is None:
        return numbered(row[0] for row in rows)
    return numbered(row[rows[0].index(wanted)] for row in rows[1:]) if rows else []


def numbered(names: Iterable[str]) -> list[str]:
    """Return the names, those that come again with a number: one claim for two rows of a name would lose a row."""
    counts: Counter[str] = Counter()
    found = []
    for name in names:
        counts[name] += 1
        found.append(name if counts[name] == 1 else f"{name}, again ({counts[name]})")
    return found
