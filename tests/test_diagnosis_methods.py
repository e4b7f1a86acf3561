"""How a diagnosis was made is kept, can be asked for in SQL, and can be a condition of the recipe."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Curate

from curate import Workspace, pipeline
from curate.demo.world import make
from curate.errors import UsageError
from curate.labelmaps import LabelMaps

SOURCES = ("isic_2018", "isic_2019", "isic_2020", "pad_ufes_20", "ph2")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world, root = make(tmp_path_factory.mktemp("world"), size="tiny"), tmp_path_factory.mktemp("root")
    for source in SOURCES:
        pipeline.run("fetch", Workspace(root), sources=[source], from_=[world.served / source], accept_license=True)
    for report in pipeline.build(Workspace(root, workers=2), labels_only=True, until="split"):
        assert not report.problems
    return root


def table(root: Path, name: str) -> list[dict[str, Any]]:
    with Workspace(root).database(read_only=True) as database:
        return list(database.table(name).to_pylist())


def methods(root: Path) -> Counter[str]:
    return Counter(row["diagnosis_method"] or "unknown" for row in table(root, "corpus"))


def filtered(built: Path, tmp_path: Path, words: str) -> Path:
    root = Path(shutil.copytree(built, tmp_path / "filtered"))
    (root / "curate.toml").write_text(f"[corpus]\ndiagnosis_methods = {words}\n", encoding="utf-8")
    pipeline.run("split", Workspace(root))
    return root


def test_every_way_occurs_and_the_view_counts_them(built: Path) -> None:
    found = methods(built)
    assert {"histopathology", "follow_up", "consensus", "clinical", "unknown"} <= set(found)
    counted: Counter[str] = Counter()
    for row in table(built, "diagnosis_method_balance"):
        counted[row["diagnosis_method"]] += row["pictures"]
    assert counted == found


def test_a_melanoma_of_isic_2020_is_proven_and_of_its_benign_ones_nobody_says_how(built: Path) -> None:
    said = {row["id"]: row["diagnosis_method"] for row in table(built, "metadata")}
    by_label = {
        (row["source_label"] == "melanoma", said[row["id"]])
        for row in table(built, "records")
        if row["source"] == "isic_2020" and row["source_label"]
    }
    assert by_label == {(True, "histopathology"), (False, None)}


@pytest.mark.parametrize("wanted", [["histopathology"], ["histopathology", "confocal", "follow_up"], ["unknown"]])
def test_the_recipe_takes_only_what_was_diagnosed_so(built: Path, tmp_path: Path, wanted: list[str]) -> None:
    root = filtered(built, tmp_path, json.dumps(wanted))
    kept = methods(root)
    assert set(kept) <= set(wanted)
    assert kept == {name: count for name, count in methods(built).items() if name in wanted}
    assert len(table(root, "records")) == len(table(root, "corpus")) + len(table(root, "exclusions"))
    before = {row["id"] for row in table(built, "corpus")}
    left = [row for row in table(root, "exclusions") if row["id"] in before]
    assert {row["reason"] for row in left} == {"out of scope"}
    assert all(row["detail"].startswith("diagnosed by ") for row in left)
    assert all(row["detail"].endswith(f"the recipe takes {', '.join(wanted)}") for row in left)


def test_a_histology_that_is_not_the_label_is_kept_and_makes_no_label_proven(built: Path, tmp_path: Path) -> None:
    beside = {row["id"] for row in table(built, "records") if json.loads(row["claims"]).get("histological_diagnosis")}
    assert beside, "PH2 has some"
    kept = {row["id"]: row["diagnosis_method"] for row in table(built, "corpus") if row["id"] in beside}
    assert set(kept.values()) == {"clinical"}
    proven = {row["source"] for row in table(filtered(built, tmp_path, '["histopathology"]'), "corpus")}
    assert proven
    assert "ph2" not in proven


def test_a_record_knows_what_its_copy_says(built: Path, tmp_path: Path) -> None:
    root = filtered(built, tmp_path, '["histopathology"]')
    reasons = {row["id"]: (row["reason"], row["survivor"]) for row in table(root, "exclusions")}
    copies = [reasons[row["id"]] for row in table(root, "records") if row["source"] == "isic_2019"]
    proven = [survivor for reason, survivor in copies if reason == "duplicate"]
    assert proven, "ISIC 2019 itself says of none how it was diagnosed"
    assert set(proven) <= {row["id"] for row in table(root, "corpus")}


def test_no_word_means_any_and_an_unknown_word_is_refused(built: Path, tmp_path: Path) -> None:
    assert methods(filtered(built, tmp_path, "[]")) == methods(built)
    shutil.rmtree(tmp_path / "filtered")
    with pytest.raises(UsageError, match="by 'histo'") as caught:
        filtered(built, tmp_path, '["histo"]')
    assert "histopathology" in str(caught.value.expected)


def test_it_can_be_asked_for_in_sql(built: Path, curate: Curate) -> None:
    query = "select count(*) as n from corpus where diagnosis_method = 'histopathology'"
    done = curate("sql", query, "--format", "json", root=built)
    assert done.returncode == 0, done.stderr
    assert str(methods(built)["histopathology"]) in done.stdout


def test_each_word_that_the_sources_use_has_its_meaning(built: Path) -> None:
    maps = LabelMaps.read(Workspace(built).label_maps, SOURCES)
    known = {row["source_value"] for row in maps.vocabulary if row["field"] == "diagnosis_method"}
    said = {row["diagnosis_method"].lower() for row in table(built, "records") if row["diagnosis_method"]}
    assert said
    assert said <= known
