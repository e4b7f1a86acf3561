"""The Severance sheets of the demo: 120 cells each, label cells between the tiles, cases over row and sheet ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from curate.demo.archive import pack, workbook
from curate.demo.asan import paste
from curate.demo.noise import generator
from curate.demo.photographs import Shot
from curate.demo.skin import Pixels
from curate.demo.truth import Part, Planted, category
from curate.images import codec, glyphs

COLUMNS, ROWS, PITCH, SIDE, FIRST = 15, 8, 105, 100, 5
CELLS = COLUMNS * ROWS
WIDTH, HEIGHT = 1580, 850  # pixels
ABSENT = 3  # the sheet that is not there
QUALITY = 94  # as the real sheets

# The workbook is nearly sorted by label, but not wholly: actinickeratosis comes a second time.
LABELS: tuple[tuple[str, str, int], ...] = (
    ("actinickeratosis", "actinic_keratosis", 9),
    ("angiokeratoma", "angiokeratoma", 2),
    ("basalcellcarcinoma", "basal_cell_carcinoma", 5),
    ("bowendisease", "bowen_disease", 3),
    ("dermatofibroma", "dermatofibroma", 2),
    ("epidermalcyst", "epidermal_cyst", 3),
    ("hemangioma", "hemangioma", 2),
    ("kaposisarcoma", "kaposi_sarcoma", 2),
    ("malignantmelanoma", "melanoma", 4),
    ("melanocyticnevus", "melanocytic_nevus", 4),
    ("neurofibroma", "neurofibroma", 2),
    ("seborrheickeratosis", "seborrheic_keratosis", 3),
    ("squamouscellcarcinoma", "squamous_cell_carcinoma", 3),
    ("wart", "wart", 2),
    ("actinickeratosis", "actinic_keratosis", 4),
)
SITES = (("Lt. cheek", "Head&Neck"), ("back", "Trunk"), ("Rt. lower leg", "Leg"), ("dorsum of hand", "Arm"))
MOST_TILES = {"tiny": 4, "small": 4, "demo": 6}
LAST_SHEET_CELLS = {"tiny": 20, "small": 20, "demo": 112}  # the case that stands there is finished, the rest is blank


@dataclass(frozen=True)
class Case:
    """One row of the workbook: `start` is the place of its label cell among all cells of all sheets, from 0."""

    number: int
    label: str
    subtype: str
    age: int
    sex: str
    start: int
    tiles: int

    @property
    def text(self) -> str:
        """What the label cell prints."""
        return f"{self.number}, {self.sex}/{self.age}, {self.label}"


def make(seed: int, size: str) -> Part:
    """Return the zip of sheets 1, 2 and 4 and the workbook; sheet 3 is absent, the last sheet ends in blank cells."""
    cases = plan(seed, size)
    sheets: dict[int, Pixels] = {}
    records = []
    for case in cases:
        _put(sheets, case.start, glyphs.draw(case.text))
        for number in range(1, case.tiles + 1):
            place = case.start + number
            if place // CELLS + 1 == ABSENT:
                continue
            shot = Shot(case.subtype, f"{seed}/severance/{case.number}", str(number), SIDE, SIDE, clinical=True)
            _put(sheets, place, shot.draw())
            records.append(_record(case, number, shot))
    members = [
        (f"SeveranceA_Thumbnails/{number:03}.jpg", codec.encode(sheet, "JPEG", QUALITY))
        for number, sheet in sorted(sheets.items())
        if number != ABSENT
    ]
    rows = [
        (
            *(case.label, case.age, case.sex, "R/O AK\nR/O SCC", "actinickeratosis;squamouscellcarcinoma;"),
            *SITES[case.number % len(SITES)],
        )
        for case in cases
    ]
    files = {"SeveranceA.xlsx": workbook("Severance", rows), "SeveranceA_Thumbnails.zip": pack(members)}
    counts = {"records": len(records), "pictures": len(records), "cases": len(cases), "sheets": len(members)}
    return Part({"severance": files}, records, {"severance": counts})


def plan(seed: int, size: str) -> list[Case]:
    """Return the cases, so that each end of a sheet but the last falls between two tiles of one case."""
    source = generator(f"{seed}/severance")
    lengths: list[tuple[int, int]] = []
    place, end = 0, 3 * CELLS + LAST_SHEET_CELLS[size]
    while place < end:
        tiles = int(source.integers(1, MOST_TILES[size] + 1))
        border = (place // CELLS + 1) * CELLS
        if place + tiles >= border - MOST_TILES[size] - 1 and border < end:
            tiles = border - place + 1
        lengths.append((place, tiles))
        place += tiles + 1
    whole = sum(share for _, _, share in LABELS)
    kinds = [(label, subtype) for label, subtype, share in LABELS for _ in range(share)]
    cases = []
    for number, (start, tiles) in enumerate(lengths, 1):
        label, subtype = kinds[(number - 1) * whole // len(lengths)]
        age, sex = int(source.integers(3, 99)), "MF"[int(source.integers(0, 2))]
        cases.append(Case(number, label, subtype, age, sex, start, tiles))
    return cases


def _record(case: Case, number: int, shot: Shot) -> Planted:
    sheet = (case.start + number) // CELLS + 1
    if case.start // CELLS + 1 == ABSENT:
        # Nobody can say whose tile this is: its label cell stands on the absent sheet.
        place = case.start + number - (sheet - 1) * CELLS + 1
        return Planted(
            id=f"severance:{sheet:03}.jpg/{place}",
            source="severance",
            source_label=None,
            subtype=None,
            category=None,
            photograph=shot.name,
            reason="no label cell",
            side=SIDE,
            trap="no label cell",
        )
    return Planted(
        id=f"severance:{case.number}/{number}",
        source="severance",
        source_label=case.label,
        subtype=case.subtype,
        category=category(case.subtype),
        photograph=shot.name,
        lesion=f"severance/{case.number}",
        side=SIDE,
        trap="over the end of a sheet" if case.start // CELLS + 1 != sheet else None,
    )


def _put(sheets: dict[int, Pixels], place: int, cell: Pixels) -> None:
    sheet, cell_number = divmod(place, CELLS)
    row, column = divmod(cell_number, COLUMNS)
    if sheet + 1 not in sheets:
        sheets[sheet + 1] = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    paste(sheets[sheet + 1], cell, FIRST + PITCH * column, FIRST + PITCH * row)
