"""Drawn trees of ISIC 2017: labels and persons in three splits."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from drawers.drawing import Tree, column
from drawers.isic import finished, labels_and_people

YEARS_2017 = {"train": "Training", "validation": "Validation", "test": "Test_v2"}
CLASSES_2017 = ("melanoma", "seborrheic_keratosis")
FILES_2017 = {
    split: (f"ISIC-2017_{word}_Part3_GroundTruth.csv", f"ISIC-2017_{word}_Data_metadata.csv")
    for split, word in YEARS_2017.items()
}


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    people = {"age": "age_approximate", "sex": "sex"}
    files, claims = draw(labels_and_people(FILES_2017, "image_id", CLASSES_2017, people, "neither"))
    return draw(finished(files or {FILES_2017["test"][0]: b"image_id,melanoma,seborrheic_keratosis"}, claims))


def names(files: Files) -> Iterable[str]:
    return {name for pair in FILES_2017.values() for file in pair for name in column(files, file, "image_id")}
