"""Drawn trees of PAD-UFES-20: one table of 26 columns."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.demo import pad_ufes_20
from curate.files import Files
from curate.records import Record
from drawers.drawing import PIXELS, WORDS, Tree, column, filled, said, tables


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    numbers = st.tuples(*[st.integers(1, 30)] * 3)
    listed = draw(st.lists(numbers.map(lambda three: "PAT_{}_{}_{}".format(*three)), unique=True, max_size=5))
    files, rows, claims = {}, [], []
    told = ("patient_id", "lesion_id", "age", "gender", "fitspatrick", "region", "diagnostic", "img_id")
    for name in listed:
        row = {word: draw(WORDS) for word in pad_ufes_20.COLUMNS}
        row |= {"img_id": f"{name}.png", "biopsed": draw(st.sampled_from(["True", "False", ""]))}
        rows.append([row[word] for word in pad_ufes_20.COLUMNS])
        has_picture = draw(st.booleans())
        files |= {f"{name}.png": PIXELS} if has_picture else {}
        patient, lesion = said(row["patient_id"]), said(row["lesion_id"])
        claims.append(
            Record(
                image_id=name,
                file=f"{name}.png" if has_picture else None,
                source_label=said(row["diagnostic"]),
                lesion_id=f"{patient}/{lesion}" if patient and lesion else None,
                patient_id=patient,
                age=said(row["age"]),
                sex=said(row["gender"]),
                site=said(row["region"]),
                diagnosis_method={"True": "biopsed", "False": "not biopsed", "": None}[row["biopsed"]],
                tone_reported=said(row["fitspatrick"]),
                modality="clinical",
                claims=filled({word: cell for word, cell in row.items() if word not in told}),
            )
        )
    return Tree({**files, "metadata.csv": draw(tables(pad_ufes_20.COLUMNS, rows))}, claims)


def names(files: Files) -> Iterable[str]:
    return [name.removesuffix(".png") for name in column(files, "metadata.csv", "img_id")]
