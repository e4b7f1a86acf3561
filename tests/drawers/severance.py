"""Drawn trees of Severance: a workbook of cases, and captioned sheets."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.demo.archive import Cell, workbook
from curate.files import Files
from curate.records import Case, Claim, Sheet
from drawers import books
from drawers.drawing import PIXELS, Tree, filled, said


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    filled_cell = books.TYPED.filter(str.strip)
    files: dict[str, bytes] = {}
    rows: list[tuple[Cell, ...]] = []
    claims: list[Claim] = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        label, group, sex = draw(filled_cell), draw(filled_cell), draw(st.sampled_from("MF"))
        age = draw(st.integers(0, 104) | st.sampled_from([1.5, 61.0]))
        impression, mapped, site = draw(books.TYPED), draw(books.TYPED), draw(books.TYPED)
        rows.append((label, age, sex, impression or None, mapped or None, site or None, group))
        claims.append(
            Case(
                number=number,
                source_label=said(label),
                age="1.5" if age == 1.5 else str(int(age)),
                sex=sex,
                site=said(group),
                diagnosis_method="biopsy",
                modality="clinical",
                claims=filled({"clinical_impression": impression, "mapped_impressions": mapped, "site": site}),
            )
        )
    files[draw(st.sampled_from(["SeveranceA.xls", "SeveranceA.xlsx"]))] = workbook("Sheet1", rows)
    for sheet in sorted(draw(st.sets(st.integers(1, 380), max_size=4))):
        name = f"{sheet:03}"
        files[f"{name}.jpg"] = PIXELS
        claims.append(Sheet(name=name, file=f"{name}.jpg", layout="captioned", position=sheet, modality="clinical"))
    return Tree(files, claims)


def names(files: Files) -> Iterable[str]:
    rows = books.read(files, ("SeveranceA.xls", "SeveranceA.xlsx"))
    last = max((at for at, row in enumerate(rows, 1) if any(cell is not None for cell in row)), default=0)
    yield from (str(number) for number in range(1, last + 1))
    yield from (path.rpartition("/")[2].removesuffix(".jpg") for path in files if path.endswith(".jpg"))
