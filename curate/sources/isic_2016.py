"""ISIC 2016, part 3: two CSVs without a header; one says benign or malignant, the other 0.0 or 1.0."""

from __future__ import annotations

from collections.abc import Iterator

from curate.files import Files
from curate.records import Claim, PublishedSplit, Record
from curate.sources import csv_table, isic_names

LABELS: tuple[tuple[PublishedSplit, str], ...] = (
    ("train", "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"),
    ("test", "ISBI2016_ISIC_Part3_Test_GroundTruth.csv"),
)


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per label row, the label verbatim: benign, malignant, 0.0 or 1.0.

    Raises ParseError for a malformed file, a name twice, or no label file at all.
    """
    here = [(split, path) for split, name in LABELS if (path := files.named(name)) is not None]
    if not here:
        raise csv_table.none_here("isic_2016", [name for _, name in LABELS])
    seen: dict[str, str] = {}
    for split, path in here:
        rows = csv_table.read_bare(files, path, ("image", "label"), key="image", header_words=isic_names.HEADER_WORDS)
        for name, row in rows.items():
            yield Record(
                image_id=csv_table.once(seen, name, row.where()),
                file=isic_names.picture(files, name),
                source_label=row["label"],
                published_split=split,
                isic_id=isic_names.isic_id(row, name),
                modality="dermoscopic",
                mask=isic_names.mask(files, name),
            )
