"""Drawn trees of ISIC 2016: two tables without a header, or with one."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from drawers.drawing import WORDS, Tree, column, said, tables
from drawers.isic import finished, names_of_pictures, rows

TRAINING_2016 = "ISBI2016_ISIC_Part3_Training_GroundTruth.csv"
TEST_2016 = "ISBI2016_ISIC_Part3_Test_GroundTruth.csv"

HEADER_WORDS = ("image", "image_id", "image_name", "isic_id", "id", "name")


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    listed = draw(names_of_pictures())
    cut = draw(st.integers(0, len(listed)))
    files, claims = {}, {}
    for split, file, part in (("train", TRAINING_2016, listed[:cut]), ("test", TEST_2016, listed[cut:])):
        labels = draw(rows(part, label=WORDS))
        header = draw(st.sampled_from([None, ["image_id", "label"], ["image", "x"]]))
        if part or header:
            files[file] = draw(tables(header, [[name, row["label"]] for name, row in labels.items()]))
        claims |= {n: {"source_label": said(row["label"]), "published_split": split} for n, row in labels.items()}
    return draw(finished(files or {TEST_2016: b"image,label\n"}, claims))


def names(files: Files) -> Iterable[str]:
    for file in (TRAINING_2016, TEST_2016):
        found = column(files, file, None)
        yield from found[1:] if found and found[0].lower() in HEADER_WORDS else found
