"""The taxonomy and the small vocabularies contradict neither themselves nor the ISIC diagnosis hierarchy."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAPS = ROOT / "label_maps"
_SHARED = Path(os.environ.get("CURATE_SHARED", ROOT.parent / "shared"))
REAL = _SHARED / "data" if (_SHARED / "data").is_dir() else _SHARED

LEVEL = {"Benign": "benign", "Malignant": "malignant", "Indeterminate": "precancerous"}
# Where "precancerous" is said of what ISIC calls Indeterminate, which is not the same thing.
DEVIATIONS = {"actinic_keratosis", "aimp", "atypical_melanocytic_proliferation"}
# The second level of the path says of which tissue a lesion is.
LINEAGE = {
    "Benign adnexal epithelial proliferations - Apocrine or Eccrine": "adnexal",
    "Benign adnexal epithelial proliferations - Sebaceous": "adnexal",
    "Benign epidermal proliferations": "epidermal",
    "Benign melanocytic proliferations": "melanocytic",
    "Benign soft tissue proliferations - Fibro-histiocytic": "fibrohistiocytic",
    "Benign soft tissue proliferations - Neural": "neural",
    "Benign soft tissue proliferations - Vascular": "vascular",
    "Cysts": "cyst",
    "Flat melanotic pigmentations - not melanocytic nevus": "melanotic_macule",
    "Indeterminate epidermal proliferations": "epidermal",
    "Indeterminate melanocytic proliferations": "melanocytic",
    "Inflammatory or infectious diseases": "infectious",
    "Malignant adnexal epithelial proliferations - Follicular": "adnexal",
    "Malignant epidermal proliferations": "epidermal",
    "Malignant melanocytic proliferations (Melanoma)": "melanocytic",
    "Malignant soft tissue proliferations - Fibro-histiocytic": "fibrohistiocytic",
    "Malignant soft tissue proliferations - Vascular": "vascular",
    "Merkel cell proliferation": "merkel_cell",
}
# Umbrellas of what stands beside them in the hierarchy, not under them.
BESIDE = {
    "benign_keratosis": {"seborrheic_keratosis", "lichenoid_keratosis", "solar_lentigo"},
    "lentigo": {"lentigo_simplex", "solar_lentigo"},
}
# A source: who, what is said there in brackets, and where it can be read.
SOURCE = re.compile(r"[^()]{5,} \([^()]{5,}\), (doi:10\.\d{4,9}/\S+|https://\S+\.\S+)")
WITHOUT_TERM = {"becker_nevus", "mucocele", "xanthelasma"}


def rows(name: str) -> list[dict[str, str]]:
    with (MAPS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


TAXONOMY = rows("taxonomy")
BY_NAME = {row["subtype"]: row for row in TAXONOMY}


def test_52_subtypes_numbered_in_order() -> None:
    assert [int(row["index"]) for row in TAXONOMY] == list(range(52))
    assert len(BY_NAME) == 52
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in BY_NAME)


def test_categories() -> None:
    declared = [(row["index"], row["category"]) for row in rows("categories")]
    assert declared == [("0", "benign"), ("1", "precancerous"), ("2", "malignant")]
    assert {row["category"] for row in TAXONOMY} == {name for _, name in declared}
    assert all(row["note"] and not row["includes"] for row in rows("categories"))


def test_lineage_is_that_of_the_hierarchy() -> None:
    for name, row in BY_NAME.items():
        if name in WITHOUT_TERM:
            assert row["lineage"] in LINEAGE.values()
        else:
            assert row["lineage"] == LINEAGE[row["isic_path"].split(":")[1]]


def test_the_isic_hierarchy_decides() -> None:
    for name, row in BY_NAME.items():
        if name in WITHOUT_TERM:
            assert row["isic_term"] == row["isic_path"] == ""
            assert "no ISIC term" in row["note"]
            continue
        assert row["isic_path"].split(":")[-1] == row["isic_term"]
        assert row["category"] == LEVEL[row["isic_path"].split(":")[0]]


def test_every_deviation_is_named_with_its_source() -> None:
    assert {row["subtype"] for row in TAXONOMY if row["isic_path"].startswith("Indeterminate")} == DEVIATIONS
    for name in DEVIATIONS:
        assert "named deviation" in BY_NAME[name]["note"]
        assert BY_NAME[name]["disputed"]


def test_each_dispute_has_sources_that_can_be_looked_up() -> None:
    for row in TAXONOMY:
        assert bool(row["disputed"]) == bool(row["source"]), "a dispute has a source"
        for source in filter(None, row["source"].split("; ")):
            assert SOURCE.fullmatch(source), source


def test_definitions_are_one_sentence_without_codes() -> None:
    for row in TAXONOMY:
        text = row["definition"]
        assert text.endswith(".")
        assert text.count(".") == 1
        assert text[0].isupper()
        assert not re.search(r"\d", text), "a code of some nomenclature"
    assert len({row["definition"] for row in TAXONOMY}) == 52


def test_an_umbrella_covers_what_stands_under_it_in_the_hierarchy_and_the_named_deviations() -> None:
    for name, row in BY_NAME.items():
        covered = set(filter(None, row["umbrella_of"].split("; ")))
        under = {
            below
            for below, other in BY_NAME.items()
            if row["isic_path"] and is_under(other["isic_path"], row["isic_path"])
        }
        assert under <= covered, "nothing that stands under it is left out"
        assert covered - under == BESIDE.get(name, set())
        if name in BESIDE:
            assert "named deviation" in row["note"]
            assert row["disputed"]


def is_under(path: str, above: str) -> bool:
    return path.startswith(f"{above}:")


def test_an_umbrella_covers_known_subtypes_of_its_own_category() -> None:
    for row in TAXONOMY:
        for below in filter(None, row["umbrella_of"].split("; ")):
            assert below in BY_NAME
            assert below != row["subtype"]
            assert BY_NAME[below]["category"] == row["category"]
            assert BY_NAME[below]["umbrella_of"] == "", "one level is enough for all"


@pytest.mark.parametrize(
    ("name", "column", "allowed"),
    [
        (
            "sites",
            "site",
            "head_neck anterior_torso posterior_torso lateral_torso torso upper_extremity lower_extremity palms_soles "
            "oral_genital",
        ),
        ("sexes", "sex", "female male"),
        ("diagnosis_methods", "diagnosis_method", "histopathology confocal follow_up consensus clinical"),
    ],
)
def test_vocabulary(name: str, column: str, allowed: str) -> None:
    values = [row["source_value"] for row in rows(name)]
    assert len(set(values)) == len(values)
    assert all(value == value.strip().lower() for value in values), "compared without regard to case"
    assert {row[column] for row in rows(name)} - {""} == set(allowed.split())
    for row in rows(name):
        assert row[column] or row["note"], "unknown says so"


def test_ambiguous_labels_are_out_of_scope_until_decided() -> None:
    for row in rows("ambiguous"):
        (mapped,) = [line for line in rows(row["source"]) if line["source_label"] == row["source_label"]]
        assert mapped["subtype"] == mapped["category"] == ""
        assert "ambiguous.csv" in mapped["note"]
        assert row["subtype"] in BY_NAME
        assert row["decided_label"] in {line["source_label"] for line in rows(row["decided_by"])}


@pytest.mark.real
def test_terms_stand_in_the_hierarchy() -> None:
    path = REAL / "taxonomy" / "isic_diagnosis_hierarchy.csv"
    if not path.exists():
        pytest.skip("the hierarchy is not beside the project")
    with path.open(encoding="utf-8", newline="") as lines:
        terms = {row["path"]: row["term"] for row in csv.DictReader(lines)}
    assert len(terms) == 418
    levels = [path.split(":")[0] for path in terms]
    assert (levels.count("Benign"), levels.count("Malignant"), levels.count("Indeterminate")) == (233, 165, 20)
    for name, row in BY_NAME.items():
        assert name in WITHOUT_TERM or terms[row["isic_path"]] == row["isic_term"]
