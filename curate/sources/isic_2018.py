"""ISIC 2018, task 3 (HAM10000): one-hot labels in three splits, and HAM10000's own table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from curate.files import Files
from curate.records import Claim, PublishedSplit, Record
from curate.sources import csv_table, isic_names
from curate.sources.csv_table import Row

CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
LABELS: tuple[tuple[PublishedSplit, str], ...] = (
    ("train", "ISIC2018_Task3_Training_GroundTruth.csv"),
    ("validation", "ISIC2018_Task3_Validation_GroundTruth.csv"),
    ("test", "ISIC2018_Task3_Test_GroundTruth.csv"),
)
GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"
# One table under several names; some copies lack its eighth column, `dataset`.
HAM = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
HAM_COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per row: the class that is set, and lesion, method, age, sex, site where HAM10000 tells them.

    A row of HAM10000's table (or of the lesion groupings) without a label row is a Record without a label.
    Raises ParseError for a malformed file, a row with two labels, a name twice, or no table at all.
    """
    lesions = _lesions(files)
    here = [(split, path) for split, name in LABELS if (path := files.named(name)) is not None]
    if not here and not lesions:
        raise csv_table.none_here("isic_2018", [name for _, name in LABELS])
    seen: dict[str, str] = {}
    for split, path in here:
        for name, row in csv_table.read(files, path, CLASSES, key="image").items():
            isic_id = isic_names.isic_id(row, csv_table.once(seen, name, row.where()))
            yield _record(files, name, isic_id, split, row, lesions.get(name))
    for name, lesion in lesions.items():
        if name not in seen:
            yield _record(files, name, isic_names.isic_id(lesion, name), "train", None, lesion)


def _lesions(files: Files) -> Mapping[str, Row]:
    """Return what is known of lesions by picture; a HAM10000 row goes before a row of the lesion groupings."""
    lesions: dict[str, Row] = {}
    groupings = files.named(GROUPINGS)
    if groupings is not None:
        lesions.update(csv_table.read(files, groupings, ("lesion_id", "diagnosis_confirm_type"), key="image"))
    for edition in reversed(HAM):
        path = files.named(edition)
        if path is None:
            continue
        for name, row in csv_table.read(files, path, HAM_COLUMNS, key="image_id").items():
            later = lesions.get(name)
            more = later.cells if later is not None and "image_id" in later.cells else {}
            lesions[name] = Row(row.file, row.line, {**more, **row.cells})
    return lesions


def _record(
    files: Files, name: str, isic_id: str, split: PublishedSplit, label: Row | None, lesion: Row | None
) -> Record:
    told = ("image", "image_id", "lesion_id", "dx_type", "diagnosis_confirm_type", "age", "sex", "localization")
    return Record(
        image_id=name,
        file=isic_names.picture(files, name),
        source_label=csv_table.one_hot(label, CLASSES) if label else None,
        published_split=split,
        isic_id=isic_id,
        lesion_id=lesion["lesion_id"] if lesion else None,
        age=lesion.get("age") if lesion else None,
        sex=lesion.get("sex") if lesion else None,
        site=lesion.get("localization") if lesion else None,
        diagnosis_method=(lesion.get("dx_type") or lesion.get("diagnosis_confirm_type")) if lesion else None,
        modality="dermoscopic",
        mask=isic_names.mask(files, name),
        claims={
            **(label.claims(("image", *CLASSES)) if label else {}),
            **(lesion.claims(told) if lesion else {}),
        },
    )
