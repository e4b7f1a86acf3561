"""Drawn sheets of ASAN and Hallym, which come in one archive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from hypothesis import strategies as st

from curate.files import Files
from curate.records import Sheet
from drawers.drawing import PIXELS, Tree

NAMED = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=5)


def trees(wanted: Literal["asan", "hallym"]) -> st.SearchStrategy[Tree]:
    asan = st.builds(
        _asan, st.sampled_from(["train-asan90", "test-asan10"]), st.booleans(), st.lists(NAMED, min_size=1)
    )
    hallym = st.builds(_hallym, NAMED, st.lists(NAMED, min_size=1, max_size=2))
    sheets = st.lists(asan | hallym, unique_by=lambda sheet: sheet.name, max_size=5)
    # Both sources come in one archive, and each passes over the other's sheets.
    return sheets.map(
        lambda found: Tree(
            {sheet.file: PIXELS for sheet in found},
            [sheet for sheet in found if ("#hallym#" in sheet.file) == (wanted == "hallym")],
        )
    )


def _asan(subset: str, biopsy: bool, words: list[str]) -> Sheet:
    how, label = "biopsy" if biopsy else "non-biopsy", " ".join(words[:3])
    split: Literal["train", "test"] = "train" if subset.startswith("train") else "test"
    return Sheet(
        name=f"{split}-{how}-{label}".replace(" ", "-"),
        file=f"L#12dx#{subset}#{how}#{label}.png",
        layout="plain",
        source_label=label,
        published_split=split,
        modality="clinical",
        diagnosis_method=how,
    )


def _hallym(part: str, words: list[str]) -> Sheet:
    label = " ".join(words)
    return Sheet(
        name=f"{part}-{label}".replace(" ", "-"),
        file=f"L#12dx#hallym#{part} {label}.png",
        layout="plain",
        source_label=label,
        published_split="test",
        modality="clinical",
        claims={"part": part},
    )


def names(files: Files, wanted: Literal["asan", "hallym"]) -> Iterable[str]:
    """Name the sheets by their files: which source's a sheet is says a word of its name."""
    for path in files:
        if path.endswith(".png") and ("#hallym#" in path.rpartition("/")[2]) == (wanted == "hallym"):
            yield path
