"""Drawn trees of a steward's own pictures: a CSV of any headers, and pictures anywhere."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from curate.manifest import COLUMNS
from curate.records import Record
from drawers.drawing import PIXELS, WORDS, Tree, column, filled, said, tables

_VERBATIM = ("label", "lesion_id", "patient_id", "age", "sex", "site", "diagnosis_method", "tone_reported")
_SPLITS = {"train": "train", "Val": "validation", "validation": "validation", "test": "test", "": None}


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    listed = draw(st.lists(st.integers(1, 9999), unique=True, max_size=5))
    header = ["image", *draw(st.permutations([*_VERBATIM, "split", "modality", "camera"]))]
    header = header[: draw(st.integers(1, len(header)))]
    files, rows, claims = {}, [], []
    for number in listed:
        row = {word: draw(WORDS) for word in header}
        row["image"] = f"P{number}{draw(st.sampled_from(['.jpg', '.PNG', '.tiff']))}"
        row |= {"split": draw(st.sampled_from(sorted(_SPLITS)))} if "split" in header else {}
        row |= {"modality": draw(st.sampled_from(["", "clinical", "dermoscopic"]))} if "modality" in header else {}
        rows.append([row[word] for word in header])
        has_picture = draw(st.booleans())
        files |= {row["image"]: PIXELS} if has_picture else {}
        claims.append(
            Record(
                image_id=row["image"],
                file=row["image"] if has_picture else None,
                source_label=said(row.get("label", "")),
                published_split=_SPLITS[row.get("split", "")],  # type: ignore[arg-type]
                modality=row.get("modality") or None,  # type: ignore[arg-type]
                **{word: said(row.get(word, "")) for word in _VERBATIM if word != "label"},
                claims=filled({word: cell for word, cell in row.items() if word not in COLUMNS}),
            )
        )
    return Tree({**files, "lesions.csv": draw(tables(header, rows))}, claims)


def names(files: Files) -> Iterable[str]:
    listed = [name for path in files.matching("*.csv") for name in column(files, path.rpartition("/")[2], "image")]
    pictures = [path for path in files if path.lower().endswith((".jpg", ".png", ".tiff"))]
    return [*listed, *(path for path in pictures if path.rpartition("/")[2] not in listed)]
