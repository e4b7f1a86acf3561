"""diff names what changed between two corpora, in which direction, how often, and why; equal corpora are equal."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Curate

from curate import Workspace, pipeline
from curate.audit.difference import difference, lines
from curate.demo.world import World, make
from curate.workspace import shipped

SOURCES = ("isic_2018", "isic_2019", "pad_ufes_20", "ph2")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make(tmp_path_factory.mktemp("world"), size="tiny")


@pytest.fixture(scope="module")
def built(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("before")
    adopt(root, world, *SOURCES[:-1])
    build(root)
    return root


@pytest.fixture
def other(built: Path, tmp_path: Path) -> Path:
    """A copy of the built root, to be changed."""
    return Path(shutil.copytree(built, tmp_path / "after"))


def adopt(root: Path, world: World, *sources: str) -> None:
    for source in sources:
        pipeline.run("fetch", Workspace(root), sources=[source], from_=[world.served / source])


def build(root: Path, **words: Any) -> None:
    for report in pipeline.build(Workspace(root, workers=2), until="split", **words):
        assert not report.problems, report.problems


def corpus(root: Path) -> dict[str, dict[str, Any]]:
    with Workspace(root).database(read_only=True) as database:
        return {row["id"]: row for row in database.table("corpus").to_pylist()}


def changes(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [row for row in found["changes"] if row["kind"] == kind]


def ids(found: dict[str, Any], kind: str) -> set[str]:
    return {each["id"] for row in changes(found, kind) for each in row["first"]}


def causes(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(cause["what"], cause["where"]) for cause in found["causes"]}


def test_equal_corpora(built: Path, other: Path, curate: Curate) -> None:
    for pair in ((built, other), (built, built), (built, other / "data_cache" / "corpus.duckdb")):
        done = curate("diff", *pair)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "no difference" in done.stdout
        assert json.loads(curate("diff", *pair, "--json").stdout)["equal"] is True


def test_a_corpus_built_again_elsewhere_is_equal(world: World, built: Path, tmp_path: Path) -> None:
    adopt(tmp_path, world, *reversed(SOURCES[:-1]))
    build(tmp_path)
    assert difference(built, tmp_path)["equal"]


def test_a_source_that_came_and_went(world: World, built: Path, other: Path) -> None:
    adopt(other, world, "ph2")
    build(other)
    kept = {name for name in corpus(other) if name.startswith("ph2:")}
    found = difference(built, other, first=10_000)
    claimed = {record.id for record in world.records if record.source == "ph2"}
    assert ids(found, "record added") == claimed
    assert {row["source"] for row in changes(found, "record added")} == {"ph2"}
    assert {row["cause"] for row in changes(found, "record added")} == {"the source is new"}
    assert sum(row["records"] for row in changes(found, "record added") if row["now"] == "kept") == len(kept)
    assert {what for what, where in causes(found) if where.startswith("ph2")} == {"source", "locked file"}
    back = difference(other, built, first=10_000)
    assert ids(back, "record removed") == claimed
    assert {row["cause"] for row in changes(back, "record removed")} == {"the source is gone"}
    assert found["totals"]["after"] == back["totals"]["before"]


def test_another_label_map(built: Path, other: Path, curate: Curate) -> None:
    shutil.copytree(shipped("label_maps"), other / "label_maps")
    path = other / "label_maps" / "pad_ufes_20.csv"
    text = path.read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("SEK,"))
    path.write_text(text.replace(line, "SEK,wart,,changed"), encoding="utf-8")
    build(other)
    old, new = corpus(built), corpus(other)
    moved = {name for name in old if name in new and old[name]["subtype"] != new[name]["subtype"]}
    assert moved
    found = difference(built, other, first=10_000)
    assert ("version", "label maps") in causes(found)
    assert ids(found, "subtype") == moved
    [row] = changes(found, "subtype")
    assert (row["was"], row["now"], row["cause"]) == ("seborrheic_keratosis", "wart", "the label maps")
    assert row["records"] == len(moved)
    assert row["first"][0]["why"] == '"SEK" meant seborrheic_keratosis, and means wart'
    assert not changes(found, "category")
    done = curate("diff", built, other, "--first", "1")
    assert done.returncode == 1
    assert "seborrheic_keratosis -> wart; because: the label maps" in done.stdout
    assert f"... and {len(moved) - 1:,} more" in done.stdout
    assert done.stdout.count("pad_ufes_20:PAT_") == 1


def test_another_salt_and_an_image_withdrawn(built: Path, other: Path) -> None:
    old = corpus(built)
    gone = min(name for name in old if name.startswith("pad_ufes_20:"))
    (other / "curate.toml").write_text('[split]\nsalt = "another"\n', encoding="utf-8")
    (other / "decisions.csv").write_text(f"decision,first,second,note\nwithdraw,{gone},,asked for\n", encoding="utf-8")
    build(other)
    new = corpus(other)
    found = difference(built, other, first=10_000)
    assert {("recipe", "[split] salt"), ("decision", f"withdraw {gone}")} <= causes(found)
    [left] = changes(found, "left the corpus")
    assert (left["was"], left["now"], left["records"]) == ("kept", "rejected", 1)
    assert left["first"][0]["id"] == gone
    assert "asked for" in left["first"][0]["why"]
    assert ids(found, "split") == {name for name in new if old[name]["split"] != new[name]["split"]}
    assert {row["cause"] for row in changes(found, "split")} == {"other shares or another salt"}
    back = difference(other, built)
    [entered] = changes(back, "entered the corpus")
    assert (entered["was"], entered["now"]) == ("rejected", "kept")
    assert "before: withdrawn" in entered["first"][0]["why"]
    assert any("[split] salt: another -> curate" in line for line in lines(back))


def test_other_evidence_changes_survivors_and_reasons(built: Path, other: Path) -> None:
    (other / "curate.toml").write_text(
        "[dedup]\nsame_id = false\nsame_bytes = false\nsame_pixels = false\nnear = false\n", encoding="utf-8"
    )
    build(other)
    old, new = corpus(built), corpus(other)
    found = difference(built, other, first=10_000)
    assert ids(found, "entered the corpus") == set(new) - set(old)
    assert ids(found, "left the corpus") == set(old) - set(new)
    assert ("recipe", "[dedup] same_id") in causes(found)
    assert sum(row["records"] for row in changes(found, "entered the corpus") if row["was"] == "duplicate") > 0


def test_the_recipe_is_that_of_the_build(built: Path, other: Path) -> None:
    recipe = other / "curate.toml"
    recipe.write_text('[split]\nsalt = "another"\n', encoding="utf-8")
    assert difference(built, other)["equal"], "edited, and not built since"
    build(other)
    recipe.unlink()
    for after in (other, other / "data_cache" / "corpus.duckdb"):
        found = difference(built, after)
        assert causes(found) == {("recipe", "[split] salt")}
        [cause] = found["causes"]
        assert (cause["before"], cause["after"]) == ("curate", "another")
        assert found["notes"] == []
        assert {row["kind"] for row in found["changes"]} == {"split"}


def test_a_corpus_that_is_not_the_locked_one_any_more_is_said_where_it_is_built(other: Path) -> None:
    before = Workspace(other).lock().corpus
    assert before is not None
    text = Workspace(other).lock_path.read_text(encoding="utf-8")
    (other / "curate.toml").write_text('[split]\nsalt = "another"\n', encoding="utf-8")
    assert pipeline.rehearse(Workspace(other))["changes"]
    assert Workspace(other).lock_path.read_text(encoding="utf-8") == text, "looked at only"
    report = pipeline.run("split", Workspace(other))
    after = Workspace(other).lock().corpus
    assert after is not None
    said = f"this corpus is {after.short}, the lock named {before.short} before: made with other [split] salt"
    assert said in report.notes


def test_a_stage_run_alone_says_that_the_tables_are_of_two_times(built: Path, other: Path) -> None:
    (other / "curate.toml").write_text("[dedup]\nnear_distance = 4\n", encoding="utf-8")
    pipeline.run("dedup", Workspace(other, workers=1))
    found = difference(built, other)
    assert ("recipe", "[dedup] near_distance") not in causes(found), "the corpus was not built with it"
    assert any(note.startswith(f"{other}: ") and "curate build" in note for note in found["notes"])


def test_what_nobody_wrote_down_is_said_and_not_guessed(built: Path, other: Path) -> None:
    """A corpus of an older curate says nothing of its recipe, and today's recipe is none."""
    (other / "curate.toml").write_text('[split]\nsalt = "another"\n', encoding="utf-8")
    with duckdb.connect(str(other / "data_cache" / "corpus.duckdb")) as connection:
        connection.execute("drop table built_with")
    found = difference(built, other)
    assert found["equal"]
    [note] = found["notes"]
    assert str(other) in note
    assert "curate build" in note


def test_the_same_files_from_another_folder_are_no_cause(world: World, built: Path, tmp_path: Path) -> None:
    moved = Path(shutil.copytree(world.served, tmp_path / "elsewhere"))
    for source in SOURCES[:-1]:
        pipeline.run("fetch", Workspace(tmp_path / "root"), sources=[source], from_=[moved / source])
    build(tmp_path / "root")
    assert difference(built, tmp_path / "root")["equal"]


def no_corpus(folder: Path) -> Path:
    return folder / "nothing"


def a_text(folder: Path) -> Path:
    (folder / "text.duckdb").write_text("no database", encoding="utf-8")
    return folder / "text.duckdb"


def half_built(folder: Path) -> Path:
    with Workspace(folder).database(create=True) as database:
        database.build("facts")
    return folder


@pytest.mark.parametrize("broken", [no_corpus, a_text, half_built])
def test_what_is_no_corpus(built: Path, tmp_path: Path, curate: Curate, broken: Callable[[Path], Path]) -> None:
    path = broken(tmp_path)
    for pair in ((built, path), (path, built)):
        done = curate("diff", *pair)
        assert done.returncode == 3, done.stdout + done.stderr
        assert str(path) in done.stderr
        assert "next:" in done.stderr
        assert "Traceback" not in done.stderr
