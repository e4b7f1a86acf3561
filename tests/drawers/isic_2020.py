"""Drawn trees of ISIC 2020: a table in two versions, a test table, a list of copies."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from curate.records import ListedPair
from drawers.drawing import WORDS, Tree, column, filled, said, tables
from drawers.isic import Claims, finished, names_of_pictures, rows, written

V1, V2 = "ISIC_2020_Training_GroundTruth.csv", "ISIC_2020_Training_GroundTruth_v2.csv"
TEST_2020, PAIRS = "ISIC_2020_Test_Metadata.csv", "ISIC_2020_Training_Duplicates.csv"


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    listed, files = draw(names_of_pictures(8)), {}
    cut = draw(st.integers(0, len(listed)))
    words = ("patient_id", "sex", "age_approx", "anatom_site_general_challenge", "diagnosis", "benign_malignant")
    train = draw(rows(listed[:cut], **dict.fromkeys(words, WORDS), lesion_id=WORDS))
    test = draw(rows(listed[cut:], patient=WORDS, age_approx=WORDS, anatom_site_general=WORDS, sex=WORDS))
    later = draw(st.booleans())
    if train:
        old = {name: {word: cell for word, cell in row.items() if word != "lesion_id"} for name, row in train.items()}
        files[V1] = draw(written("image_name", old)) if draw(st.booleans()) or not later else b""
        files |= {V2: draw(written("image_name", train))} if later else {}
    if test or not train:
        header = b"image,patient,age_approx,anatom_site_general,sex\r\n"
        files[TEST_2020] = draw(written("image", test)) if test else header
    claims: Claims = {}
    for name, row in train.items():
        claims[name] = {
            "published_split": "train",
            "source_label": said(row["diagnosis"]),
            "lesion_id": said(row["lesion_id"]) if later else None,
            "patient_id": said(row["patient_id"]),
            "age": said(row["age_approx"]),
            "sex": said(row["sex"]),
            "site": said(row["anatom_site_general_challenge"]),
            "claims": filled({"benign_malignant": row["benign_malignant"]}),
        }
    for name, row in test.items():
        claims[name] = {
            "published_split": "test",
            "source_label": None,
            "patient_id": said(row["patient"]),
            "age": said(row["age_approx"]),
            "sex": said(row["sex"]),
            "site": said(row["anatom_site_general"]),
        }
    pairs = draw(st.lists(st.tuples(st.sampled_from(listed), st.sampled_from(listed)), max_size=2)) if listed else []
    files |= {PAIRS: draw(tables(["image_name_1", "image_name_2"], pairs))} if draw(st.booleans()) else {}
    tree = draw(finished(files, claims, masks=False))
    return Tree(tree.files, [*tree.claims, *(ListedPair(*pair, PAIRS) for pair in pairs if PAIRS in files)])


def names(files: Files) -> Iterable[str]:
    here = {path.rpartition("/")[2] for path in files}
    yield from column(files, V2 if V2 in here else V1, "image_name")
    yield from column(files, TEST_2020, "image")
