"""ISIC 2017, part 3: two columns, melanoma and seborrheic_keratosis; neither means nevus."""

from __future__ import annotations

from collections.abc import Iterator

from curate.files import Files
from curate.records import Claim, PublishedSplit, Record
from curate.sources import csv_table, isic_names

COLUMNS = ("melanoma", "seborrheic_keratosis")
NEITHER = "neither"
TABLES: tuple[tuple[PublishedSplit, str, str], ...] = (
    ("train", "ISIC-2017_Training_Part3_GroundTruth.csv", "ISIC-2017_Training_Data_metadata.csv"),
    ("validation", "ISIC-2017_Validation_Part3_GroundTruth.csv", "ISIC-2017_Validation_Data_metadata.csv"),
    ("test", "ISIC-2017_Test_v2_Part3_GroundTruth.csv", "ISIC-2017_Test_v2_Data_metadata.csv"),
)


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per row: the column that is set, or "neither"; age and sex where the metadata file is here.

    A metadata row without a label row is a Record without a label.
    Raises ParseError for a malformed file, a row with both columns set, a name twice, or no table at all.
    """
    seen: dict[str, str] = {}
    empty = True
    for split, label_name, metadata_name in TABLES:
        label_path, metadata_path = files.named(label_name), files.named(metadata_name)
        labels = csv_table.read(files, label_path, COLUMNS, key="image_id") if label_path else {}
        people = (
            csv_table.read(files, metadata_path, ("age_approximate", "sex"), key="image_id") if metadata_path else {}
        )
        empty = empty and label_path is None and metadata_path is None
        for name in dict.fromkeys((*labels, *people)):
            label, person = labels.get(name), people.get(name)
            row = label or people[name]
            yield Record(
                image_id=csv_table.once(seen, name, row.where()),
                file=isic_names.picture(files, name),
                source_label=None if label is None else csv_table.one_hot(label, COLUMNS) or NEITHER,
                published_split=split,
                isic_id=isic_names.isic_id(row, name),
                age=person["age_approximate"] if person else None,
                sex=person["sex"] if person else None,
                modality="dermoscopic",
                mask=isic_names.mask(files, name),
                claims={
                    **(label.claims(("image_id", *COLUMNS)) if label else {}),
                    **(person.claims(("image_id", "age_approximate", "sex")) if person else {}),
                },
            )
    if empty:
        raise csv_table.none_here("isic_2017", [name for _, name, _ in TABLES])
