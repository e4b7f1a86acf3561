"""The two tables of PH2, read into one form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from curate.errors import ParseError
from curate.files import Files
from curate.sources import csv_table, workbook

FEATURES = ("asymmetry", "pigment_network", "dots_globules", "streaks", "regression_areas", "blue_whitish_veil")
COLOURS = ("white", "red", "light_brown", "dark_brown", "blue_gray", "black")  # numbered from 1 in the text
CLASSES = ("common_nevus", "atypical_nevus", "melanoma")  # numbered from 0 in the text

_LONGEST = 10_000  # characters of a line; the real ones have 170
_NAME = "a name such as IMD003"
_TEXT_HEADER = ("name", "histological_diagnosis", "clinical_diagnosis", *FEATURES, "colors")
_BOOK_HEADER = ("image_name", "histological_diagnosis", *CLASSES, *FEATURES, *COLOURS)


@dataclass(frozen=True, slots=True)
class Lesion:
    """One row of either table: where it stands, the clinical diagnosis in the text's digits, all else by name."""

    where: str
    diagnosis: str | None
    claims: Mapping[str, str]


def read_text(files: Files, path: str) -> dict[str, Lesion]:
    """Read `PH2_dataset.txt`: the lines between `||` and `||`, the first of them the header; legends, which have no
    bar, are passed over.

    Raises ParseError for another or a second header, a row that lacks a cell or an end, or a name twice.
    """
    lesions: dict[str, Lesion] = {}
    seen: dict[str, str] = {}
    header: tuple[str, ...] | None = None
    for number, line in enumerate(re.split("\r\n|\r|\n", files.text(path)), start=1):
        line = line.strip()
        if "|" not in line:
            continue
        where = f"{path}, line {number}"
        if not 4 <= len(line) <= _LONGEST or not (line.startswith("||") and line.endswith("||")):
            # Cut short, a row still has ten cells when the last one is begun: colours would be lost without a word.
            raise _shape(where, _TEXT_HEADER, [line])
        cells = _cells(line)
        if "|" in "".join(cells):  # a bar too many would be a part of the name
            raise _shape(where, _TEXT_HEADER, cells)
        if header is None:
            header = tuple(_word(cell) for cell in cells)
            if header != _TEXT_HEADER:
                raise _shape(where, _TEXT_HEADER, header)
            continue
        if len(cells) != len(_TEXT_HEADER) or tuple(_word(cell) for cell in cells) == _TEXT_HEADER:
            raise _shape(where, _TEXT_HEADER, cells)
        row = dict(zip(_TEXT_HEADER, cells, strict=True))
        row["colors"] = " ".join(row["colors"].split())
        name, diagnosis = row.pop("name"), row.pop("clinical_diagnosis") or None
        if not name:
            raise csv_table.nameless(where, _NAME)
        csv_table.once(seen, name, where)
        lesions[name] = Lesion(where, diagnosis, {word: cell for word, cell in row.items() if cell})
    if header is None:
        raise _shape(path, _TEXT_HEADER, ())
    return lesions


def read_workbook(files: Files, path: str) -> dict[str, Lesion]:
    """Read `PH2_dataset.xlsx` into the text's form: the header is the row that begins with "Image Name".

    Raises ParseError for a missing column, a row with no or two clinical diagnoses, or a name twice.
    """
    rows = workbook.read(files, path)
    start = next((at for at, row in enumerate(rows) if row and _word(row[0] or "") == "image_name"), None)
    if start is None:
        raise _shape(path, _BOOK_HEADER, ())
    header = tuple(_word(cell or "") for cell in rows[start])
    missing = [word for word in _BOOK_HEADER if word not in header]
    if missing:
        raise ParseError(
            f"the column {missing[0]!r} is missing",
            where=f"{path}, row {start + 1}",
            expected=", ".join(_BOOK_HEADER),
            found=", ".join(header),
            hint="put the official file there and fetch again",
        )
    lesions: dict[str, Lesion] = {}
    seen: dict[str, str] = {}
    for number, cells in enumerate(rows[start + 1 :], start=start + 2):
        if not any(cells):
            continue
        row = dict(zip(header, cells, strict=True))
        where = f"{path}, row {number}"
        name = row["image_name"]
        if name is None:
            raise csv_table.nameless(where, _NAME)
        chosen = [str(code) for code, word in enumerate(CLASSES) if row[word]]
        if len(chosen) != 1:
            raise ParseError(
                f"{name} has {'two clinical diagnoses' if chosen else 'no clinical diagnosis'}",
                where=where,
                expected=f"an X under one of {', '.join(CLASSES)}",
                found=f"{len(chosen)} of them",
                hint="put the official file there and fetch again",
            )
        colours = " ".join(str(code) for code, word in enumerate(COLOURS, start=1) if row[word])
        claims = {word: row[word] for word in ("histological_diagnosis", *FEATURES)} | {"colors": colours or None}
        csv_table.once(seen, name, where)
        lesions[name] = Lesion(where, chosen[0], {word: cell for word, cell in claims.items() if cell})
    return lesions


def _cells(line: str) -> list[str]:
    """Split on `||`, then the cell of features, which is the fourth, on `|`; the two outer cells are empty."""
    cells = [part.strip() for part in line.split("||")][1:-1]
    if len(cells) > 3:
        cells[3:4] = [part.strip() for part in cells[3].split("|")]
    return cells


def _word(cell: str) -> str:
    return re.sub(r"[^a-z]+", "_", re.sub(r"\(.*?\)", "", cell).lower()).strip("_")


def _shape(where: str, expected: tuple[str, ...], found: tuple[str, ...] | list[str]) -> ParseError:
    return ParseError(
        "the table is not in PH2's form",
        where=where,
        expected=f"{len(expected)} columns: {', '.join(expected)}",
        found=f"{len(found)}: {', '.join(found)}" if found else "no header",
        hint="put the official file there and fetch again",
    )
