"""Severance dataset A: captioned sheets, and a workbook whose row i is the case i that the label cells print."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curate.errors import ParseError
from curate.files import Files
from curate.records import Case, Claim, Sheet
from curate.sources import csv_table, workbook

WORKBOOKS = ("SeveranceA.xls", "SeveranceA.xlsx")
COLUMNS = ("label", "age", "sex", "clinical_impression", "mapped_impressions", "site", "site_group")

_SHEET = re.compile(r"([0-9]{3})\.jpg")
_SEXES = ("M", "F")


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Case per workbook row, numbered from 1, then a captioned Sheet per `NNN.jpg`, in the order of NNN.

    A Case's label is the first column (the biopsy's), its site the group; the site in free text and the impressions,
    which are no labels, become claims.
    Raises ParseError for a workbook that is not there or not in its form, and for a JPEG of another name.
    """
    path = next((path for name in WORKBOOKS if (path := files.named(name)) is not None), None)
    if path is None:
        raise csv_table.none_here("severance", WORKBOOKS)
    rows = workbook.read(files, path)
    if not rows:
        raise ParseError(
            "the workbook has no rows",
            where=path,
            expected=f"a case in each row: {', '.join(COLUMNS)}",
            found="a sheet without a cell",
            hint="put the official workbook there and fetch again",
        )
    for number, row in enumerate(rows, start=1):
        yield _case(path, number, row)
    seen: dict[str, str] = {}
    for sheet in files.matching("*.jpg"):
        name = sheet.rsplit("/", 1)[-1]
        match = _SHEET.fullmatch(name)
        if match is None:
            raise ParseError(
                "a sheet's name is not its number",
                where=sheet,
                expected="001.jpg to 380.jpg",
                found=name,
                hint="give the sheet its official name and fetch again",
            )
        yield Sheet(
            name=csv_table.once(seen, match[1], sheet),
            file=sheet,
            layout="captioned",
            position=int(match[1]),
            modality="clinical",
        )


def _case(path: str, number: int, row: list[str | None]) -> Case:
    where = f"{path}, row {number}"
    if len(row) != len(COLUMNS):
        raise ParseError(
            "the workbook has the wrong number of columns",
            where=where,
            expected=f"{len(COLUMNS)}: {', '.join(COLUMNS)}, without a header",
            found=str(len(row)),
            hint="put the official workbook there and fetch again",
        )
    label, age, sex, impression, mapped, site, group = row
    # A row that is no case shifts all that follow: the number of a case is nothing but its row.
    if label is None or sex not in _SEXES or age is None or re.fullmatch(r"[0-9]+(\.[0-9]+)?", age) is None:
        raise ParseError(
            "a row of the workbook is no case",
            where=where,
            expected="a label, an age in years, M or F; no header and no empty row",
            found=", ".join(cell or "nothing" for cell in row[:3]),
            hint="put the official workbook there and fetch again",
        )
    told = {"clinical_impression": impression, "mapped_impressions": mapped, "site": site}
    return Case(
        number=number,
        source_label=label,
        age=age,
        sex=sex,
        site=group,
        diagnosis_method="biopsy",
        modality="clinical",
        claims={word: cell for word, cell in told.items() if cell is not None},
    )
