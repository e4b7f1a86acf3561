"""verify: one flipped bit anywhere that has a hash, or that follows from something that has one, is found."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import FIXTURES

from curate import pipeline
from curate.audit import report as page
from curate.audit import verify
from curate.errors import CorpusError
from curate.ml import runs
from curate.report import Report
from curate.stages import fetch
from curate.whole import seal_of
from curate.workspace import Workspace

SOURCES = ("isic_2019", "pad_ufes_20", "ph2")  # plain files and a zip; zips in a zip; content that lies unpacked


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("verify") / "root"
    workspace = Workspace(root, workers=1)
    for source in SOURCES:
        assert fetch.run(workspace, [source], from_=[FIXTURES / source]).exit_code == 0
    for stage in pipeline.STAGES[1:]:
        assert pipeline.run(stage, workspace).exit_code == 0
    return root


@pytest.fixture
def workspace(built: Path, tmp_path: Path) -> Workspace:
    shutil.copytree(built, tmp_path / "root")
    return Workspace(tmp_path / "root", workers=2)


def flip(path: Path, share: float = 0.5, bit: int = 0) -> None:
    """Turn one bit over, at that share of the file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * share)] ^= 1 << bit
    path.write_bytes(bytes(data))


def kinds(report: Report) -> set[str]:
    return {finding["kind"] for finding in report.details["findings"]}


def test_what_was_just_built_is_sound(workspace: Workspace) -> None:
    before = {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")}
    report = verify.run(workspace)
    assert report.details["findings"] == []
    assert report.exit_code == 0
    assert report.made == len(list(workspace.store)) + sum(
        1 for path in (workspace.cache / "shards").rglob("*") if path.is_file() and path.name != "current"
    )
    assert {path: path.stat().st_mtime_ns for path in workspace.root.rglob("*")} == before


def test_says_which_are_not_the_official_bytes(workspace: Workspace) -> None:
    report = verify.run(workspace)
    assert "ISIC_2019_Training_GroundTruth.csv" in report.details["not the official bytes"]["isic_2019"]
    assert "PH2_dataset.txt" in report.details["unpinned"]["ph2"]
    assert any(note.startswith("isic_2019: not the official bytes: ") for note in report.notes)


def test_a_flipped_bit_in_any_file_is_found(workspace: Workspace) -> None:
    page.write(workspace)
    paths = sorted(path for path in workspace.cache.rglob("*") if path.is_file() and path.stat().st_size)
    assert {path.relative_to(workspace.cache).parts[0] for path in paths} == {
        *("objects", "incoming", "shards", "reports"),
        *("corpus.duckdb", "corpus.duckdb.sha256"),
    }
    # The index of the shards and the pages say things that follow from nothing else: more than one place is tried.
    for number, path in enumerate([*paths, *(path for path in paths if path.suffix in (".json", ".html")), *paths]):
        whole = path.read_bytes()
        flip(path, (0.0, 0.37, 0.999, 0.61, 0.8)[number % 5], number % 8)
        report = verify.run(workspace)
        path.write_bytes(whole)
        assert report.exit_code == 1, path
        assert report.findings == len(report.details["findings"]) > 0
        assert all(finding["next"] for finding in report.details["findings"])
    assert verify.run(workspace).exit_code == 0


def test_a_damaged_object_is_named_with_what_to_type(workspace: Workspace) -> None:
    sha256 = sorted(workspace.store)[0]
    path = workspace.store.path(sha256)
    flip(path)
    report = verify.run(workspace)
    finding = next(finding for finding in report.details["findings"] if finding["where"] == str(path))
    assert finding["kind"] == "damaged object"
    assert finding["expected"] == f"sha256 {sha256}"
    assert finding["next"].startswith(f"rm {shlex.quote(str(path))} && curate fetch ")
    assert str(path) in "\n".join(report.notes)
    type_in(workspace, finding["next"])
    assert verify.run(workspace).exit_code == 0


def type_in(workspace: Workspace, line: str) -> None:
    """Do what a line of the report says, as a person who types it."""
    for command in line.split(" && "):
        program, *words = shlex.split(command)
        if program == "rm":
            Path(*words).unlink()
        else:
            assert [program, words.pop(0)] == ["curate", "fetch"]
            assert words
            assert words[0] in workspace.manifests, "never a bare `curate fetch`"
            fetch.run(workspace, [words[0]], labels_only="--labels-only" in words)


def test_any_damaged_object_comes_back_by_the_line_that_verify_prints(workspace: Workspace) -> None:
    for sha256 in list(workspace.store):
        flip(workspace.store.path(sha256))
    for finding in verify.run(workspace).details["findings"]:
        if finding["kind"] == "damaged object":
            type_in(workspace, finding["next"])
    assert verify.run(workspace).exit_code == 0


def test_an_object_that_no_source_needs_asks_for_nothing(workspace: Workspace) -> None:
    path = workspace.store.path(workspace.store.adopt_bytes(b"nobody's"))
    flip(path)
    finding = next(iter(verify.run(workspace).details["findings"]))
    assert finding["next"] == f"rm {shlex.quote(str(path))}"


def test_paths_are_quoted(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "it's a root", workers=1)
    fetch.run(workspace, ["isic_2019"], from_=[FIXTURES / "isic_2019"], labels_only=True)
    path = workspace.store.path(sorted(workspace.store)[0])
    flip(path)
    finding = next(iter(verify.run(workspace).details["findings"]))
    assert finding["next"].endswith(" && curate fetch isic_2019 --labels-only")
    type_in(workspace, finding["next"])
    assert verify.run(workspace).exit_code == 0


def test_an_original_edited_in_place_is_found(tmp_path: Path) -> None:
    """An archive is adopted by hard link: who edits the original in place edits the object with it."""
    given = tmp_path / "given"
    shutil.copytree(FIXTURES / "pad_ufes_20", given)
    workspace = Workspace(tmp_path / "root", workers=1)
    fetch.run(workspace, ["pad_ufes_20"], from_=[given])
    linked = [path for path in given.rglob("*") if path.is_file() and path.stat().st_nlink > 1]
    if not linked:
        pytest.skip("this file system knows no hard links")
    with linked[0].open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    report = verify.run(workspace)
    assert report.exit_code == 1
    assert "damaged object" in kinds(report)


def _no_objects(workspace: Workspace) -> None:
    shutil.rmtree(workspace.store.folder)


def _no_cache(workspace: Workspace) -> None:
    shutil.rmtree(workspace.cache)


def _no_listing(workspace: Workspace) -> None:
    workspace.tree_path("ph2").unlink()


def _no_shard(workspace: Workspace) -> None:
    next(iter(sorted((workspace.cache / "shards").rglob("*.tfrecord-*")))).unlink()


def _one_more_shard_file(workspace: Workspace) -> None:
    shard = next(iter(sorted((workspace.cache / "shards").rglob("*.tfrecord-*"))))
    shard.with_name("more").write_bytes(b"x")


def _stray_object(workspace: Workspace) -> None:
    (workspace.store.folder / "ab").mkdir(exist_ok=True)
    (workspace.store.folder / "ab" / "notes.txt").write_text("x")


def _object_in_a_wrong_folder(workspace: Workspace) -> None:
    path = workspace.store.path(sorted(workspace.store)[0])
    (workspace.store.folder / "zz").mkdir()
    shutil.copy(path, workspace.store.folder / "zz" / path.name)


def _index_is_no_json(workspace: Workspace) -> None:
    next((workspace.cache / "shards").glob("*/index.json")).write_text("{")


def _index_counts_wrong(workspace: Workspace) -> None:
    path = next((workspace.cache / "shards").glob("*/index.json"))
    index = json.loads(path.read_text(encoding="utf-8"))
    next(iter(index["splits"].values()))["pictures"] += 1
    path.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _listing_nobody_locked(workspace: Workspace) -> None:
    shutil.copy(workspace.tree_path("ph2"), workspace.tree_path("isic_2016"))


def _lock_with_another_size(workspace: Workspace) -> None:
    _in_the_lock(workspace, "bytes", 1)


def _lock_with_a_wrong_standing(workspace: Workspace) -> None:
    _in_the_lock(workspace, "official", True)


def _in_the_lock(workspace: Workspace, word: str, value: object) -> None:
    lock = json.loads(workspace.lock_path.read_text(encoding="utf-8"))
    tree = json.loads(workspace.tree_path("isic_2019").read_text(encoding="utf-8"))
    for files in (lock["isic_2019"]["files"], tree["taken"]):
        files["ISIC_2019_Training_GroundTruth.csv"][word] = value
    workspace.lock_path.write_text(json.dumps(lock), encoding="utf-8")
    workspace.tree_path("isic_2019").write_text(json.dumps(tree, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (_no_objects, "missing"),
        (_no_cache, "missing"),
        (_no_listing, "missing"),
        (_no_shard, "missing"),
        (_one_more_shard_file, "unknown file"),
        (_stray_object, "not an object"),
        (_object_in_a_wrong_folder, "not an object"),
        (_index_is_no_json, "damaged index"),
        (_index_counts_wrong, "damaged index"),
        (_listing_nobody_locked, "not in the lock"),
        (_lock_with_another_size, "the lock contradicts itself"),
        (_lock_with_a_wrong_standing, "called official, but is not"),
    ],
)
def test_harm_is_named(workspace: Workspace, harm: Callable[[Workspace], None], kind: str) -> None:
    harm(workspace)
    report = verify.run(workspace)
    assert report.exit_code == 1
    assert kind in kinds(report)
    assert report.left_out[kind] == sum(finding["kind"] == kind for finding in report.details["findings"])


def test_a_damaged_database_is_found(workspace: Workspace) -> None:
    path = workspace.database_path
    whole = path.read_bytes()
    found = 0
    whole_seal = seal_of(path).read_bytes()
    seal_of(path).unlink()  # as a run that was killed leaves it: then only what is in use can be held against anything
    # Three headers of 4 KiB, then blocks of 256 KiB, each with its own checksum.
    blocks = range(3 * 4096, len(whole), 256 * 1024)
    for start in blocks[:: max(1, len(blocks) // 4)]:
        data = bytearray(whole)
        data[start + 64] ^= 1
        path.write_bytes(bytes(data))
        report = verify.run(workspace)
        assert kinds(report) <= {"damaged database"}
        found += report.exit_code
    # Blocks that no table uses any more hold nothing that could be wrong.
    assert found > 0
    seal_of(path).write_bytes(whole_seal)
    for place in (8_000, len(whole) // 3, len(whole) - 9):
        data = bytearray(whole)
        data[place] ^= 1
        path.write_bytes(bytes(data))
        assert kinds(verify.run(workspace)) == {"damaged database"}
    path.write_bytes(b"no database at all" * 1000)
    assert kinds(verify.run(workspace)) == {"damaged database"}


def test_leftovers_of_a_killed_run_are_no_finding(workspace: Workspace) -> None:
    (workspace.store.folder / ".tmp-1-0123456789abcdef").write_bytes(b"half")
    (workspace.cache / "shards" / ".0123456789abcdef.part-01234567").mkdir()
    assert verify.run(workspace).exit_code == 0


def test_a_run_is_held_against_its_hashes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, workers=1)
    run = workspace.cache / "runs" / "0123456789abcdef"
    run.mkdir(parents=True)
    for name in ("model.keras", "model_int8.tflite", "recipe.json"):
        (run / name).write_bytes(name.encode() * 9)
    runs.seal(run)
    runs.point(run)
    report = verify.run(workspace)
    assert (report.exit_code, report.made) == (0, 3)
    for name, words in (("model.keras", "&& curate train"), ("model_int8.tflite", f"&& curate quantize {run.name}")):
        flip(run / name)
        (finding,) = verify.run(workspace).details["findings"]
        assert (finding["kind"], finding["where"]) == ("damaged file", str(run / name))
        assert finding["next"].endswith(words)
        flip(run / name)
    (run / "more").touch()
    (run / "model_int8.tflite").unlink()
    assert kinds(verify.run(workspace)) == {"unknown file", "missing"}
    (run / runs.HASHES).write_text("{")
    (workspace.cache / "runs" / "current").write_text("another")
    assert kinds(verify.run(workspace)) == {"damaged run", "damaged pointer"}


def test_nothing_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as raised:
        verify.run(Workspace(tmp_path))
    assert raised.value.hint == "curate fetch SOURCE"


def test_labels_only_is_sound_too(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, workers=1)
    fetch.run(workspace, ["isic_2019"], from_=[FIXTURES / "isic_2019"], labels_only=True)
    pipeline.run("parse", workspace, labels_only=True)
    assert verify.run(workspace).exit_code == 0
