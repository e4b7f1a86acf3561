"""verify: one flipped bit anywhere that has a hash, or that follows from something that has one, is found."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from conftest import FIXTURES

from curate import corpus_rows, lock, pipeline
from curate.audit import report as page
from curate.audit import verify
from curate.db import Database
from curate.errors import CorpusError, FetchError
from curate.ml import runs
from curate.report import Report
from curate.stages import fetch
from curate.whole import seal, seal_of
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
        *("corpus.duckdb", "corpus.duckdb.sha256", "proofs.json"),
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
    del tree["sha256"]  # as in a listing that an older version wrote
    for files in (lock["sources"]["isic_2019"]["files"], tree["taken"]):
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


def test_no_stage_writes_on_into_a_damaged_database(workspace: Workspace) -> None:
    path = workspace.database_path
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(bytes(data))
    for stage in ("parse", "dedup", "split"):
        with pytest.raises(CorpusError, match="the corpus database is damaged") as told:
            pipeline.run(stage, Workspace(workspace.root))
        assert f"rm {path} && curate build" in str(told.value.hint)
    assert path.read_bytes() == bytes(data), "no new hash vouches for it"
    assert kinds(verify.run(workspace)) == {"damaged database"}


def test_a_damaged_block_that_no_hash_covers_is_told(workspace: Workspace) -> None:
    path = workspace.database_path
    whole = path.read_bytes()
    refusals = []
    for start in range(3 * 4096, len(whole), 256 * 1024):
        seal_of(path).unlink(missing_ok=True)
        data = bytearray(whole)
        data[start + 64] ^= 1
        path.write_bytes(bytes(data))
        refused = _refused(path)
        if refused is not None:
            refusals.append(refused)
            assert not seal_of(path).exists(), "no new hash vouches for it"
    assert "the corpus database is damaged" in {refused.what for refused in refusals}
    assert all(f"rm {path}" in str(refused.hint) for refused in refusals)


def _refused(path: Path) -> CorpusError | None:
    """Read some tables of a database that is open to be written; return why that cannot be done."""
    try:
        with Database(path) as database:
            for table in ("corpus", "fingerprints", "records", "edges"):
                database.table(table)
    except CorpusError as refused:
        return refused
    return None


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


def finding(workspace: Workspace, kind: str) -> dict[str, str]:
    """Return the only finding, which must be of that kind, and say what to type."""
    report = verify.run(workspace)
    assert report.exit_code == 1
    [found] = report.details["findings"]
    assert found["kind"] == kind
    assert found["next"]
    return dict(found)


def test_the_lock_says_what_the_corpus_was_made_of(workspace: Workspace) -> None:
    made = workspace.lock().corpus
    assert made is not None
    assert made.rows["corpus"] == corpus_rows.digest(workspace)
    assert set(made.recipe) == {"corpus", "tone", "dedup", "label", "split", "shard"}
    assert made.recipe["split"]["salt"] == "curate"
    assert set(made.versions) == {
        *("parsers", "montage", "fingerprint", "features", "appearance", "looks", "nearness"),
    }
    assert set(made.label_maps["files"]) == set(workspace.label_maps)
    assert made.decisions is None
    assert set(made.sources) == set(SOURCES)
    assert made.shards is not None
    assert made.shards["key"] == (workspace.cache / "shards" / "current").read_text().strip()
    text = workspace.lock_path.read_text(encoding="utf-8")
    assert str(workspace.root) not in text
    for stage in ("split", "shard"):
        assert pipeline.run(stage, workspace).notes == []
        assert workspace.lock_path.read_text(encoding="utf-8") == text


def test_the_lock_of_the_corpus_is_the_same_wherever_and_in_whatever_order(built: Path, tmp_path: Path) -> None:
    given = tmp_path / "given"
    shutil.copytree(FIXTURES, given)
    again = Workspace(tmp_path / "again", workers=2)
    for source in reversed(SOURCES):
        fetch.run(again, [source], from_=[given / source])
    for stage in pipeline.STAGES[1:]:
        pipeline.run(stage, again)
    assert again.lock().corpus == Workspace(built).lock().corpus


def edit(workspace: Workspace, statement: str) -> None:
    """Change the database behind curate's back, and leave no trace beside it."""
    with duckdb.connect(str(workspace.database_path)) as connection:
        connection.execute(statement)
    seal(workspace.database_path)


def test_a_row_changed_with_the_hash_beside_the_database_is_found(workspace: Workspace) -> None:
    edit(workspace, "update corpus set split = if(split = 'test', 'train', 'test')")
    found = finding(workspace, "changed corpus")
    assert found["where"] == f"{workspace.database_path}, table corpus"
    assert found["next"].startswith(f"rm {shlex.quote(str(workspace.database_path))} && curate build")
    workspace.database_path.unlink()
    list(pipeline.build(workspace))
    assert verify.run(workspace).exit_code == 0


def test_a_reason_changed_in_the_database_is_found(workspace: Workspace) -> None:
    with workspace.database(read_only=True) as database:
        assert database.count("exclusions") > 0
    edit(workspace, "update exclusions set detail = 'nothing'")
    assert finding(workspace, "changed corpus")["where"].endswith("table exclusions")


def test_no_two_tables_have_one_hash_because_of_what_is_unknown(workspace: Workspace) -> None:
    found = {corpus_rows.digest(workspace)}
    for value in ("''", "'null'", "',null'"):
        edit(workspace, f"update corpus set lesion_id = {value}")
        found.add(corpus_rows.digest(workspace))
    assert len(found) == 4


def test_what_the_database_says_of_its_recipe_is_held_against_the_lock(workspace: Workspace) -> None:
    edit(workspace, """update built_with set value = '"zz"' where name = 'split.salt'""")
    assert finding(workspace, "changed corpus")["found"] == "other [split] salt"


def test_a_recipe_edited_after_the_build_is_found(workspace: Workspace) -> None:
    recipe = workspace.root / "curate.toml"
    recipe.write_text('[split]\nsalt = "zz"\n[train]\nepochs = 3\n', encoding="utf-8")
    found = finding(Workspace(workspace.root), "other recipe")
    assert found["where"] == f"{recipe} [split] salt"
    assert (found["expected"], found["found"]) == ("'curate', as the corpus was built", "'zz'")
    assert found["next"].startswith("curate build ")
    recipe.write_text("[shard]\nquality = 80\n", encoding="utf-8")
    assert finding(Workspace(workspace.root), "other recipe")["next"].startswith("curate shard ")
    pipeline.run("shard", Workspace(workspace.root))
    assert verify.run(Workspace(workspace.root)).exit_code == 0
    recipe.write_text('[shard]\nquality = 80\n[split]\nsalt = "zz"\n', encoding="utf-8")
    pipeline.run("split", Workspace(workspace.root))
    pipeline.run("shard", Workspace(workspace.root))
    assert verify.run(Workspace(workspace.root)).exit_code == 0


def test_a_label_map_edited_after_the_build_is_found(workspace: Workspace) -> None:
    own = workspace.root / "label_maps" / "ph2.csv"
    own.parent.mkdir()
    own.write_bytes(workspace.label_maps["ph2.csv"].read_bytes() + b"\n")
    assert finding(Workspace(workspace.root), "other label map")["where"] == str(own)


def test_a_decision_after_the_build_is_found(workspace: Workspace) -> None:
    with workspace.database(read_only=True) as database:
        one = database.table("exclusions").column("id").to_pylist()[0]
    workspace.decisions_path.write_text(f"decision,first,second,note\nwithdraw,{one},,asked for\n", encoding="utf-8")
    assert finding(workspace, "other decisions")["where"] == str(workspace.decisions_path)
    for stage in ("dedup", "label", "split", "shard"):
        pipeline.run(stage, workspace)
    assert verify.run(workspace).exit_code == 0
    workspace.decisions_path.write_text("decision,first\nno,word\n", encoding="utf-8")
    assert finding(workspace, "damaged decisions")["where"].startswith(str(workspace.decisions_path))


def test_files_fetched_after_the_build_are_found(workspace: Workspace) -> None:
    fetch.run(workspace, ["isic_2018"], from_=[FIXTURES / "isic_2018"], labels_only=True)
    found = finding(workspace, "other files")
    assert (found["where"], found["next"]) == (f"{workspace.lock_path}: isic_2018", "curate build")


@pytest.mark.parametrize(("was", "now"), [('"from"', '"form_"'), ('"salt": "curate"', '"salt": "zz"'), ("\n", " \n")])
def test_an_edited_lock_is_found(workspace: Workspace, was: str, now: str) -> None:
    text = workspace.lock_path.read_text(encoding="utf-8")
    assert was in text
    workspace.lock_path.write_text(text.replace(was, now, 1), encoding="utf-8")
    report = verify.run(workspace)
    assert "edited lock" in kinds(report)
    assert all(found["next"] for found in report.details["findings"])
    again = pipeline.run("split", workspace)
    assert any("changed by another hand" in note for note in again.notes), "never sealed anew without a word"


def test_a_folder_edited_in_the_lock_is_found(workspace: Workspace) -> None:
    given = json.loads(workspace.lock_path.read_text(encoding="utf-8"))
    given["sources"]["ph2"]["from"] = ["/somewhere/else"]
    workspace.lock_path.write_text(json.dumps(given, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert "version control" in finding(workspace, "edited lock")["next"]


def test_any_flipped_bit_in_the_lock_is_found(workspace: Workspace) -> None:
    data = workspace.lock_path.read_bytes()
    for number in range(40):
        flip(workspace.lock_path, number / 40, number % 7)
        assert kinds(verify.run(workspace)) & {"edited lock", "damaged lock"}, number
        workspace.lock_path.write_bytes(data)


def test_a_broken_lock_is_a_finding_and_the_rest_is_still_checked(workspace: Workspace) -> None:
    data = workspace.lock_path.read_text(encoding="utf-8")
    workspace.lock_path.write_text(data[:-20], encoding="utf-8")
    assert "rm " in finding(workspace, "damaged lock")["next"]
    flip(workspace.store.path(sorted(workspace.store)[0]))
    (workspace.root / "curate.toml").write_text('[split]\nsalt = "zz"\n', encoding="utf-8")
    _no_shard(workspace)
    assert kinds(verify.run(Workspace(workspace.root))) >= {
        *("damaged lock", "damaged object", "missing", "other recipe"),
    }
    with pytest.raises(FetchError) as told:
        pipeline.run("split", Workspace(workspace.root))
    assert f"rm {workspace.lock_path} && curate fetch && curate build" in str(told.value.hint)
    assert workspace.lock_path.read_text(encoding="utf-8") == data[:-20], "what may be mended is not written over"


def test_other_shards_than_the_lock_names_are_found(workspace: Workspace) -> None:
    made = workspace.lock().corpus
    assert made is not None
    assert made.shards is not None
    shutil.rmtree(workspace.cache / "shards")
    assert finding(workspace, "missing")["next"] == "curate shard"
    pipeline.run("shard", workspace)
    assert verify.run(workspace).exit_code == 0
    folder = workspace.cache / "shards" / made.shards["key"]
    index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    index["made_with"]["pillow"] = "another"
    (folder / "index.json").write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    seal(folder / "index.json")
    assert finding(workspace, "other shards")["where"] == str(folder / "index.json")


def test_a_lock_in_the_first_form_is_read_and_loses_nothing(workspace: Workspace) -> None:
    """It had the sources alone, at the top, and no hash of itself."""
    now = json.loads(workspace.lock_path.read_text(encoding="utf-8"))
    old = now["sources"]
    old["ph2"]["accepted"] = {"license": "one", "date": "2020-02-02"}
    workspace.lock_path.write_text(json.dumps(old, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    before = lock.read(workspace.lock_path)
    assert before["ph2"].accepted == {"license": "one", "date": "2020-02-02"}
    assert finding(workspace, "not in the lock")["next"] == "curate build"
    for stage in ("split", "shard"):
        pipeline.run(stage, workspace)
    assert lock.read(workspace.lock_path) == before
    assert json.loads(workspace.lock_path.read_text(encoding="utf-8"))["sources"] == old
    assert workspace.lock().corpus == Workspace(workspace.root).lock().corpus
    assert verify.run(workspace).exit_code == 0


def test_a_vanished_picture_that_lay_unpacked_asks_for_pictures(workspace: Workspace) -> None:
    listing = json.loads(workspace.tree_path("ph2").read_text(encoding="utf-8"))
    sha256 = next(sha256 for name, (sha256, _) in listing["loose"].items() if name.endswith(".bmp"))
    workspace.store.path(sha256).unlink()
    missing = next(found for found in verify.run(workspace).details["findings"] if found["kind"] == "missing")
    assert missing["next"] == "curate fetch ph2"
    type_in(workspace, missing["next"])
    assert verify.run(workspace).exit_code == 0
