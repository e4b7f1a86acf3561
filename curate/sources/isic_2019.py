"""ISIC 2019: one-hot labels of nine classes, one of them UNK; 2,074 training names end in `_downsampled`."""

from __future__ import annotations

from collections.abc import Iterator

from curate.files import Files
from curate.records import Claim, PublishedSplit, Record
from curate.sources import csv_table, isic_names

CLASSES = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
PEOPLE = ("age_approx", "anatom_site_general", "sex")
TABLES: tuple[tuple[PublishedSplit, str, str], ...] = (
    ("train", "ISIC_2019_Training_GroundTruth.csv", "ISIC_2019_Training_Metadata.csv"),
    ("test", "ISIC_2019_Test_GroundTruth.csv", "ISIC_2019_Test_Metadata.csv"),
)


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per row: the class that is set, UNK included; `isic_id` is the name without `_downsampled`.

    The test file's `score_weight` and `validation_weight`, where it has them, become claims.
    A metadata row without a label row is a Record without a label.
    Raises ParseError for a malformed file, a row with two labels, a name twice, or no table at all.
    """
    seen: dict[str, str] = {}
    empty = True
    for split, label_name, metadata_name in TABLES:
        label_path, metadata_path = files.named(label_name), files.named(metadata_name)
        labels = csv_table.read(files, label_path, CLASSES, key="image") if label_path else {}
        people = csv_table.read(files, metadata_path, PEOPLE, key="image") if metadata_path else {}
        empty = empty and label_path is None and metadata_path is None
        for name in dict.fromkeys((*labels, *people)):
            label, person = labels.get(name), people.get(name)
            row = label or people[name]
            yield Record(
                image_id=csv_table.once(seen, name, row.where()),
                file=isic_names.picture(files, name),
                source_label=csv_table.one_hot(label, CLASSES) if label else None,
                published_split=split,
                isic_id=isic_names.isic_id(row, name),
                lesion_id=person.get("lesion_id") if person else None,
                age=person["age_approx"] if person else None,
                sex=person["sex"] if person else None,
                site=person["anatom_site_general"] if person else None,
                modality="dermoscopic",
                claims={
                    **(label.claims(("image", *CLASSES)) if label else {}),
                    **(person.claims(("image", "lesion_id", *PEOPLE)) if person else {}),
                },
            )
    if empty:
        raise csv_table.none_here("isic_2019", [name for _, name, _ in TABLES])
