"""The self-test: what can be computed from the files that are here is equal, and what cannot is skipped, not passed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import Curate
from test_audit import parsed_root

from curate import db
from curate.audit.published import lines, markdown_lines, published, selftest
from curate.errors import CorpusError
from curate.workspace import Workspace

SKIPPED = {"L.asan.tiles", "L.hallym.tiles", "L.severance.tiles"}  # where not all sheets are here


def test_every_number_has_one_row_and_all_its_parts() -> None:
    rows = published()
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids))
    assert {identity[0] for identity in ids} == set("ABCDEFKLMN")
    assert all(row["what"] and row["expected"] and row["needs"] and row["source"] for row in rows)


def test_a_number_that_nobody_published_says_that_it_was_counted() -> None:
    for row in published():
        assert ("counted from the official label files" in row["source"]) is (row["id"][0] in "BM"), row["id"]


def test_no_published_number_stands_in_code() -> None:
    scripts = "".join(path.read_text(encoding="utf-8") for path in db.SQL.glob("selftest_*.sql"))
    for number in ("14247", "14_247", "71372", "7470", "3066"):
        assert number not in scripts


def test_without_files_everything_is_skipped(tmp_path: Path) -> None:
    found = selftest(parsed_root(tmp_path, [None] * 12, [None] * 12), pictures=None)
    assert found["equal"] == found["not_equal"] == 0
    assert found["skipped"] == len(published())
    assert all(row["ours"] is None and row["why"] for row in found["rows"])
    assert lines(found)[-1] == f"0 equal, 0 not equal, {len(published())} skipped"


def test_no_root_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as told:
        selftest(Workspace(tmp_path / "nothing"))
    assert "--from" in str(told.value.hint)


def test_the_readme_has_every_row_and_says_it_is_equal() -> None:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    said = [line.split(" | ") for line in text.splitlines() if line.endswith((" | equal |", " | skipped |"))]
    assert [(row[0].strip("| "), row[1], row[2]) for row in said] == [
        (row["id"], row["what"], row["expected"]) for row in published()
    ]
    assert all(row[3] == row[2] for row in said if row[-1] == "equal |")
    assert {row[0].strip("| ") for row in said if row[-1] != "equal |"} == SKIPPED


@pytest.fixture
def copied(real: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "lists"
    folder.mkdir()
    shutil.copy(real / "taxonomy" / "isic_diagnosis_hierarchy.csv", folder)
    shutil.copy(real / "pad_ufes_20" / "metadata.csv", folder)
    return folder


@pytest.mark.real
def test_one_row_less_is_not_equal(copied: Path, curate: Curate, tmp_path: Path) -> None:
    path = copied / "isic_diagnosis_hierarchy.csv"
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")
    done = curate("selftest", "--from", copied, root=tmp_path / "nothing")
    assert done.returncode == 1, done.stderr
    outcomes = {line.split()[0]: line for line in done.stdout.splitlines()[:-1]}
    assert "NOT EQUAL" in outcomes["N"]
    assert "equal" in outcomes["L.pad_ufes_20"]
    assert "skipped (pad_ufes_20_cleaned_file_list.csv is not here)" in outcomes["K"]


@pytest.mark.real
def test_all_that_can_be_computed_is_equal(real: Path, curate: Curate, tmp_path: Path) -> None:
    done = curate("selftest", "--from", real, "--json", root=tmp_path / "nothing")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    outcomes = {row["id"]: row["outcome"] for row in found["rows"]}
    skipped = {identity for identity, outcome in outcomes.items() if outcome == "skipped"}
    assert skipped == SKIPPED
    assert set(outcomes.values()) == {"equal", "skipped"}
    assert not (tmp_path / "nothing").exists()
    table = markdown_lines(found)
    assert "\n".join(table) in (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (by_bytes,) = [row for row in found["rows"] if row["id"] == "A2.bytes"]
    listed = (real / "isic" / "duplicates" / "cassidy2022_content_only.csv").read_text(encoding="utf-8")
    assert sorted(by_bytes["names"]) == sorted(line.split(",")[2] for line in listed.splitlines()[1:])
