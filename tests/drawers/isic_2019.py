"""Drawn trees of ISIC 2019: labels and persons in two splits."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from drawers.drawing import Tree, column
from drawers.isic import finished, labels_and_people

CLASSES_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
FILES_2019 = {
    split: (f"ISIC_2019_{word}_GroundTruth.csv", f"ISIC_2019_{word}_Metadata.csv")
    for split, word in (("train", "Training"), ("test", "Test"))
}


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    people = {"age": "age_approx", "sex": "sex", "site": "anatom_site_general", "lesion_id": "lesion_id"}
    files, claims = draw(labels_and_people(FILES_2019, "image", CLASSES_2019, people, "score_weight"))
    return draw(
        finished(files or {FILES_2019["test"][1]: b"image,sex,age_approx,anatom_site_general"}, claims, masks=False)
    )


def names(files: Files) -> Iterable[str]:
    return {name for pair in FILES_2019.values() for file in pair for name in column(files, file, "image")}
