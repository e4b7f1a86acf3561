"""The label maps are read whole or refused with the line; own categories are declared, and all that is said follows."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import small_corpus
from conftest import Curate
from hypothesis import given, settings
from hypothesis import strategies as st

from curate import Workspace
from curate.errors import LabelMapError
from curate.labelmaps import LabelMaps

SHIPPED = LabelMaps.read(Workspace(Path("/nowhere")).label_maps, ["isic_2019"])
USUAL = SHIPPED.categories.names
TAXONOMY = (small_corpus.MAPS / "taxonomy.csv").read_text(encoding="utf-8")


def read(folder: Path, *sources: str, **files: str) -> LabelMaps:
    """Return the maps of a root with these files, by name without `.csv`, in place of those that ship."""
    (folder / "label_maps").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "label_maps" / f"{name}.csv").write_text(text, encoding="utf-8")
    return LabelMaps.read(Workspace(folder).label_maps, sources)


def test_as_they_ship() -> None:
    assert USUAL == ("benign", "precancerous", "malignant")
    assert len(SHIPPED.taxonomy) == 52
    assert {each.category for each in SHIPPED.taxonomy.values()} == set(USUAL)
    assert all(each.category == each.usual and not each.changed for each in SHIPPED.taxonomy.values())
    assert len(SHIPPED.version) == 12


def taxonomy_with_a_doubled_index(_: str) -> dict[str, str]:
    return {"taxonomy": TAXONOMY.replace("\n51,xanthelasma", "\n50,xanthelasma")}


def taxonomy_with_a_doubled_subtype(_: str) -> dict[str, str]:
    return {"taxonomy": TAXONOMY.replace("\n51,xanthelasma", "\n51,wart")}


def taxonomy_with_a_gap(_: str) -> dict[str, str]:
    return {"taxonomy": TAXONOMY.replace("\n51,xanthelasma", "\n60,xanthelasma")}


def taxonomy_with_a_fourth_category(_: str) -> dict[str, str]:
    return {"taxonomy": TAXONOMY.replace("\n51,xanthelasma,benign", "\n51,xanthelasma,harmless")}


def map_with_an_unknown_subtype(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text.replace("melanoma", "melanomma")}


def map_with_a_fourth_category(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text + "XX,,perhaps,\n"}


def map_with_a_label_twice(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text + "NEV,blue_nevus,,\n"}


def map_with_a_contradiction(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text + "XX,melanoma,benign,\n"}


def map_without_a_meaning_or_a_note(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text + "XX,,,\n"}


def map_without_a_column(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text.replace(",note", ",why", 1)}


def map_with_too_many_fields(text: str) -> dict[str, str]:
    return {"pad_ufes_20": text + "XX,melanoma,,a, b\n"}


def map_with_a_method_nobody_knows(text: str) -> dict[str, str]:
    lines = [f"{line}," for line in text.splitlines()]
    return {"pad_ufes_20": "\n".join([f"{lines[0]}diagnosis_method", *lines[1:], "XX,melanoma,,,a look"]) + "\n"}


def changes_without_a_reason(_: str) -> dict[str, str]:
    return {"subtype_categories": "subtype,category,note\nactinic_keratosis,malignant,\n"}


def changes_to_a_fourth_category(_: str) -> dict[str, str]:
    return {"subtype_categories": "subtype,category,note\nactinic_keratosis,bad,so\n"}


def changes_of_an_unknown_subtype(_: str) -> dict[str, str]:
    return {"subtype_categories": "subtype,category,note\nkeratosis,malignant,so\n"}


def one_category(_: str) -> dict[str, str]:
    return {"categories": "index,category,includes,note\n0,all,benign;precancerous;malignant,\n"}


def categories_that_leave_one_out(_: str) -> dict[str, str]:
    return {"categories": "index,category,includes,note\n0,benign,,\n1,malignant,,\n"}


def categories_with_a_doubled_index(_: str) -> dict[str, str]:
    return {"categories": "index,category,includes,note\n0,benign,,\n0,malignant,precancerous,\n"}


def categories_that_quarrel(_: str) -> dict[str, str]:
    return {"categories": "index,category,includes,note\n0,benign,precancerous,\n1,malignant,precancerous,\n"}


def a_category_that_no_folder_can_have(_: str) -> dict[str, str]:
    return {"categories": "index,category,includes,note\n0,benign,,\n1,../malignant,precancerous;malignant,\n"}


SPOILT = [
    (taxonomy_with_a_doubled_index, "the index '50' stands twice", "taxonomy.csv, line 53"),
    (taxonomy_with_a_doubled_subtype, "the subtype 'wart' stands twice", "taxonomy.csv, line 53"),
    (taxonomy_with_a_gap, "no subtype with the index 51", "taxonomy.csv, line 53"),
    (taxonomy_with_a_fourth_category, "there is no category 'harmless'", "taxonomy.csv, line 53"),
    (map_with_an_unknown_subtype, "no subtype 'melanomma'", "pad_ufes_20.csv, line 4"),
    (map_with_a_fourth_category, "there is no category 'perhaps'", "pad_ufes_20.csv, line 8"),
    (map_with_a_label_twice, "the label 'NEV' stands twice", "pad_ufes_20.csv, line 8"),
    (map_with_a_contradiction, "a subtype and another category", "pad_ufes_20.csv, line 8"),
    (map_without_a_meaning_or_a_note, "mapped to nothing", "pad_ufes_20.csv, line 8"),
    (map_without_a_column, "lacks a column", "pad_ufes_20.csv"),
    (map_with_too_many_fields, "more or fewer fields", "pad_ufes_20.csv, line 8"),
    (map_with_a_method_nobody_knows, "no diagnosis is made by 'a look'", "pad_ufes_20.csv, line 8"),
    (changes_without_a_reason, "no note says why", "subtype_categories.csv, line 2"),
    (changes_to_a_fourth_category, "there is no category 'bad'", "subtype_categories.csv, line 2"),
    (changes_of_an_unknown_subtype, "no subtype 'keratosis'", "subtype_categories.csv, line 2"),
    (one_category, "not numbered from 0", "categories.csv"),
    (categories_that_leave_one_out, "there is no category 'precancerous'", "taxonomy.csv, line 2"),
    (categories_with_a_doubled_index, "the index '0' stands twice", "categories.csv, line 3"),
    (categories_that_quarrel, "two categories claim 'precancerous'", "categories.csv, line 3"),
    (a_category_that_no_folder_can_have, "cannot be called so", "categories.csv, line 3"),
]


@pytest.mark.parametrize(("spoil", "what", "where"), SPOILT, ids=[spoil.__name__ for spoil, _, _ in SPOILT])
def test_what_cannot_be_meant_is_refused_with_its_line(
    tmp_path: Path, spoil: Callable[[str], dict[str, str]], what: str, where: str
) -> None:
    text = (small_corpus.MAPS / "pad_ufes_20.csv").read_text(encoding="utf-8")
    with pytest.raises(LabelMapError) as caught:
        read(tmp_path, "pad_ufes_20", **spoil(text))
    assert what in caught.value.what
    assert caught.value.where is not None
    assert caught.value.where.endswith(where)
    assert {"what", "where", "done", "next"} <= set(caught.value.parts())


@pytest.mark.parametrize(
    "spoil",
    [taxonomy_with_a_doubled_index, map_with_an_unknown_subtype, map_with_a_fourth_category],
    ids=lambda spoil: str(spoil.__name__),
)
def test_the_command_line_says_it_without_a_traceback_and_changes_nothing(
    tmp_path: Path, curate: Curate, spoil: Callable[[str], dict[str, str]]
) -> None:
    small_corpus.build(tmp_path)
    before = corpus(tmp_path)
    text = (small_corpus.MAPS / "pad_ufes_20.csv").read_text(encoding="utf-8")
    (tmp_path / "label_maps").mkdir()
    for name, spoilt in spoil(text).items():
        (tmp_path / "label_maps" / f"{name}.csv").write_text(spoilt, encoding="utf-8")
    for command in (["label"], ["label", "--label-maps", str(tmp_path / "label_maps")]):
        done = curate(*command, root=tmp_path)
        assert done.returncode == 3, done.stderr
        assert "Traceback" not in done.stderr
        for part in ("where:", "expected:", "found:", "done:     nothing was changed", "next:"):
            assert part in done.stderr
    assert corpus(tmp_path) == before


def corpus(root: Path) -> list[object]:
    with Workspace(root).database(read_only=True) as database:
        return list(database.table("corpus").to_pylist())


def test_a_line_that_begins_with_a_hash_is_a_comment_and_keeps_its_number(tmp_path: Path) -> None:
    text = 'source_label,subtype,category,note\n# of 2026\nA,melanoma,,\n"#1",wart,,\n'
    maps = read(tmp_path, "clinic", clinic=text)
    assert [(row["source_label"], row["subtype"]) for row in maps.maps] == [("A", "melanoma"), ("#1", "wart")]
    with pytest.raises(LabelMapError, match="stands twice") as caught:
        read(tmp_path, "clinic", clinic=f"{text}A,wart,,\n")
    assert str(caught.value.where).endswith("clinic.csv, line 5")


@settings(deadline=None)  # it reads some twenty files, and the machine may be busy
@given(st.dictionaries(st.sampled_from(USUAL), st.sampled_from(["calm", "watch", "act"]), min_size=3))
def test_every_subtype_and_label_follows_the_declared_categories(choice: dict[str, str]) -> None:
    declared = [name for name in ("calm", "watch", "act") if name in choice.values()]
    rows = [
        f"{place},{name},{';'.join(word for word, own in choice.items() if own == name)},"
        for place, name in enumerate(declared)
    ]
    text = "\n".join(["index,category,includes,note", *rows]) + "\n"
    with tempfile.TemporaryDirectory() as folder:
        if len(declared) < 2:
            with pytest.raises(LabelMapError):
                read(Path(folder), categories=text)
            return
        maps = read(Path(folder), "isic_2016", categories=text)
    assert maps.categories.names == tuple(declared)
    for name, each in maps.taxonomy.items():
        assert each.category == choice[SHIPPED.taxonomy[name].category]
        assert each.index == SHIPPED.taxonomy[name].index
    assert {row["category"] for row in maps.maps if not row["subtype"]} == {choice["benign"]}
    for row in maps.tables()["taxonomy"].to_pylist():
        assert declared[row["category_index"]] == row["category"]
    assert maps.version != SHIPPED.version


@settings(deadline=None)  # it reads some twenty files, and the machine may be busy
@given(st.dictionaries(st.sampled_from(sorted(SHIPPED.taxonomy)), st.sampled_from(USUAL)))
def test_a_changed_subtype_is_under_no_umbrella_of_another_category(changes: dict[str, str]) -> None:
    rows = [f"{subtype},{category},because" for subtype, category in changes.items()]
    with tempfile.TemporaryDirectory() as folder:
        maps = read(Path(folder), subtype_categories="\n".join(["subtype,category,note", *rows]) + "\n")
    for name, each in maps.taxonomy.items():
        assert each.category == changes.get(name, SHIPPED.taxonomy[name].category)
        assert each.usual == SHIPPED.taxonomy[name].category
    kept = set(maps.taxonomy.umbrellas())
    assert all(maps.taxonomy[one].category == maps.taxonomy[other].category for one, other in kept)
    parted = set(SHIPPED.taxonomy.umbrellas()) - kept
    assert all(maps.taxonomy[one].category != maps.taxonomy[other].category for one, other in parted)


def test_the_examples_of_the_docs_can_be_typed(tmp_path: Path) -> None:
    text = (small_corpus.MAPS.parent / "docs" / "label-maps.md").read_text(encoding="utf-8")
    changes, categories = re.findall(r"```csv\n(.*?)```", text, re.DOTALL)
    maps = read(tmp_path, subtype_categories=changes, categories=categories)
    assert maps.categories.names == ("benign", "malignant")
    assert maps.taxonomy["actinic_keratosis"].category == "malignant"


def test_the_version_is_that_of_the_content(tmp_path: Path) -> None:
    as_shipped = LabelMaps.read(Workspace(tmp_path).label_maps, []).version
    assert as_shipped == SHIPPED.version, "the same files in any folder, whichever sources are asked for"
    text = (small_corpus.MAPS / "ph2.csv").read_text(encoding="utf-8")
    assert read(tmp_path, ph2=text).version == as_shipped
    changed = read(tmp_path, ph2=text.replace("common nevus", "a common nevus"))
    assert changed.version != as_shipped
    assert {name for name, sha256 in changed.files.items() if sha256 != SHIPPED.files[name]} == {"ph2.csv"}
