"""PAD-UFES-20: one table of 26 columns; pictures in three zips inside a zip, named by the table."""

from __future__ import annotations

from collections.abc import Iterator

from curate.errors import ParseError
from curate.files import Files
from curate.records import Claim, Record
from curate.sources import csv_table

TABLE = "metadata.csv"

_TOLD = ("patient_id", "lesion_id", "age", "gender", "fitspatrick", "region", "diagnostic")
_METHODS = {"True": "biopsed", "False": "not biopsed"}


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per row; the lesion id is `patient/lesion`, since the table's own is unique only within a patient.

    `tone_reported` is the column `fitspatrick` verbatim; `diagnosis_method` is "biopsed" or "not biopsed" after the
    column `biopsed`; all other columns become claims.
    Raises ParseError for a malformed table, a picture twice, or no table.
    """
    path = files.named(TABLE)
    if path is None:
        raise csv_table.none_here("pad_ufes_20", (TABLE,))
    seen: dict[str, str] = {}
    for name, row in csv_table.read(files, path, (*_TOLD, "biopsed"), key="img_id").items():
        image_id = name.removesuffix(".png")
        if not image_id:
            raise csv_table.nameless(row.where("img_id"), "a name such as PAT_8_15_820.png")
        biopsed = row["biopsed"]
        if biopsed is not None and biopsed not in _METHODS:
            raise ParseError(
                "biopsed is neither True nor False",
                where=row.where("biopsed"),
                expected=" or ".join(_METHODS),
                found=biopsed,
                hint="put the official file there and fetch again",
            )
        patient, lesion = row["patient_id"], row["lesion_id"]
        yield Record(
            image_id=csv_table.once(seen, image_id, row.where()),
            file=files.named(name),
            source_label=row["diagnostic"],
            lesion_id=f"{patient}/{lesion}" if patient and lesion else None,
            patient_id=patient,
            age=row["age"],
            sex=row["gender"],
            site=row["region"],
            diagnosis_method=_METHODS[biopsed] if biopsed else None,
            tone_reported=row["fitspatrick"],
            modality="clinical",
            claims=row.claims((*_TOLD, "img_id")),
        )
