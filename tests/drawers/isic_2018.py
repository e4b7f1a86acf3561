"""Drawn trees of ISIC 2018: labels in three splits, HAM10000's table, the lesion groupings."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from drawers.drawing import WORDS, Tree, column, filled, said
from drawers.isic import finished, names_of_pictures, one_hot, rows, written

CLASSES_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
HAM = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"
HEADER_2018 = ",".join(("image", *CLASSES_2018)).encode()


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    listed, files, claims = draw(names_of_pictures(8)), {}, {}
    known = [name for name in listed if draw(st.booleans())]
    grouped = [name for name in listed if draw(st.booleans())]
    ham_words = ("lesion_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    ham = draw(rows(known, **dict.fromkeys(ham_words[: draw(st.sampled_from([6, 7]))], WORDS)))
    groups = draw(rows(grouped, lesion_id=WORDS, diagnosis_confirm_type=WORDS))
    if known:
        files[draw(st.sampled_from(HAM))] = draw(written("image_id", ham))
    if grouped:
        files[GROUPINGS] = draw(written("image", groups))
    for at, (split, word) in enumerate((("train", "Training"), ("validation", "Validation"), ("test", "Test"))):
        part = [name for place, name in enumerate(listed) if place % 4 == at]
        hot, label = draw(one_hot(part, CLASSES_2018))
        if part or draw(st.booleans()):
            files[f"ISIC2018_Task3_{word}_GroundTruth.csv"] = draw(written("image", hot)) if part else HEADER_2018
        claims |= {name: {"published_split": split, "source_label": label[name] or None} for name in part}
    for name in (*known, *grouped):
        claims.setdefault(name, {"published_split": "train", "source_label": None})
    for name, claim in claims.items():
        row, group = ham.get(name), groups.get(name, {})
        told = row if row is not None else group
        claim |= {
            "lesion_id": said(told.get("lesion_id", "")),
            "age": said(told.get("age", "")),
            "sex": said(told.get("sex", "")),
            "site": said(told.get("localization", "")),
            "diagnosis_method": said(told.get("dx_type", "")) or said(told.get("diagnosis_confirm_type", "")),
            "claims": filled({word: told[word] for word in ("dx", "dataset") if word in told}),
        }
    return draw(finished(files or {"ISIC2018_Task3_Test_GroundTruth.csv": HEADER_2018}, claims))


def names(files: Files) -> Iterable[str]:
    found = {name for file in HAM for name in column(files, file, "image_id")}
    for file in (GROUPINGS, *(f"ISIC2018_Task3_{word}_GroundTruth.csv" for word in ("Training", "Validation", "Test"))):
        found |= set(column(files, file, "image"))
    return found
