"""PH2: one table in two files (text and workbook) that must agree; the clinical diagnosis decides, 0, 1 or 2."""

from __future__ import annotations

from collections.abc import Iterator

from curate.errors import ParseError
from curate.files import Files
from curate.records import Claim, Record
from curate.sources import csv_table, ph2_tables
from curate.sources.ph2_tables import Lesion

TEXT = "PH2_dataset.txt"
WORKBOOK = "PH2_dataset.xlsx"


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per lesion: label "0" (common nevus), "1" (atypical nevus) or "2" (melanoma), all else as claims.

    `diagnosis_method` is "clinical diagnosis" of every one, since that is what the label is; the histology that 41 of
    the 200 lesions have too is the claim `histological_diagnosis`.
    The text is read first; a lesion that only the workbook has follows.
    Raises ParseError for a malformed table, for two tables that give one lesion two diagnoses, or for no table.
    """
    text, book = files.named(TEXT), files.named(WORKBOOK)
    if text is None and book is None:
        raise csv_table.none_here("ph2", (TEXT, WORKBOOK))
    lesions = ph2_tables.read_text(files, text) if text else {}
    for name, lesion in (ph2_tables.read_workbook(files, book) if book else {}).items():
        known = lesions.setdefault(name, lesion)
        if known.diagnosis != lesion.diagnosis:
            raise ParseError(
                f"the two tables give {name} two clinical diagnoses",
                where=known.where,
                expected=f"{lesion.diagnosis}, as in {lesion.where}",
                found=str(known.diagnosis),
                hint="put the official files there and fetch again",
            )
    for name, lesion in lesions.items():
        yield _record(files, name, lesion)


def _record(files: Files, name: str, lesion: Lesion) -> Record:
    return Record(
        image_id=name,
        file=files.named(f"{name}.bmp"),
        source_label=lesion.diagnosis,
        diagnosis_method="clinical diagnosis",
        modality="dermoscopic",
        mask=files.named(f"{name}_lesion.bmp"),
        claims=lesion.claims,
    )
