"""ISIC 2020: one table in two versions (v2 has lesion ids), a test table without labels, a list of copies."""

from __future__ import annotations

from collections.abc import Iterator

from curate.errors import ParseError
from curate.files import Files
from curate.records import Claim, ListedPair, Record
from curate.sources import csv_table, isic_names

# Both versions list the same pictures: the later one is read, the earlier one only where it is alone.
TRAINING = ("ISIC_2020_Training_GroundTruth_v2.csv", "ISIC_2020_Training_GroundTruth.csv")
TEST = "ISIC_2020_Test_Metadata.csv"
DUPLICATES = "ISIC_2020_Training_Duplicates.csv"

_TRAINING_COLUMNS = ("patient_id", "sex", "age_approx", "anatom_site_general_challenge", "diagnosis")
_TEST_COLUMNS = ("patient", "age_approx", "anatom_site_general", "sex")


def parse(files: Files) -> Iterator[Claim]:
    """Yield a Record per training and test row, then a ListedPair (image ids) per row of the list of copies.

    The label is `diagnosis`, "unknown" included; `benign_malignant` and `target` become claims;
    test rows have no label.
    Raises ParseError for a malformed file, a name twice, or neither table.
    """
    training = next((path for name in TRAINING if (path := files.named(name)) is not None), None)
    test, duplicates = files.named(TEST), files.named(DUPLICATES)
    if training is None and test is None:
        raise csv_table.none_here("isic_2020", (*TRAINING, TEST))
    seen: dict[str, str] = {}
    if training is not None:
        for name, row in csv_table.read(files, training, _TRAINING_COLUMNS, key="image_name").items():
            yield Record(
                image_id=csv_table.once(seen, name, row.where()),
                file=isic_names.picture(files, name),
                source_label=row["diagnosis"],
                published_split="train",
                isic_id=isic_names.isic_id(row, name),
                lesion_id=row.get("lesion_id"),
                patient_id=row["patient_id"],
                age=row["age_approx"],
                sex=row["sex"],
                site=row["anatom_site_general_challenge"],
                modality="dermoscopic",
                claims=row.claims(("image_name", "lesion_id", *_TRAINING_COLUMNS)),
            )
    if test is not None:
        for name, row in csv_table.read(files, test, _TEST_COLUMNS, key="image").items():
            yield Record(
                image_id=csv_table.once(seen, name, row.where()),
                file=isic_names.picture(files, name),
                source_label=None,
                published_split="test",
                isic_id=isic_names.isic_id(row, name),
                patient_id=row["patient"],
                age=row["age_approx"],
                sex=row["sex"],
                site=row["anatom_site_general"],
                modality="dermoscopic",
                claims=row.claims(("image", *_TEST_COLUMNS)),
            )
    if duplicates is not None:
        for row in csv_table.read_all(files, duplicates, ("image_name_1", "image_name_2")):
            first, second = row["image_name_1"], row["image_name_2"]
            if first is None or second is None:
                raise ParseError(
                    "a pair lacks a name",
                    where=row.where(),
                    expected="two names",
                    found=first or second or "none",
                    hint="put the official file there and fetch again",
                )
            isic_names.isic_id(row, first)
            isic_names.isic_id(row, second)
            yield ListedPair(first, second, origin=DUPLICATES)
