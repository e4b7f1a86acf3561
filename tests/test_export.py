"""Every way out gives the same rows, the same bytes each time, with credits beside them, and never half a folder."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Curate
from interrupted import bound_by_modes, flip, stop_export
from PIL import Image
from test_shards import _pictures as shard_pictures

from curate import Workspace, pipeline
from curate.corpus_rows import digest
from curate.demo.world import make
from curate.errors import CorpusError, UsageError
from curate.export import FORMATS
from curate.export.borrowed import add_credits
from curate.export.handover import run
from curate.export.pictures import COLUMNS, file_stem
from curate.export.target import target
from curate.images import hair
from curate.ml import shards
from curate.ml.credits import credits_of
from curate.report import Report

SOURCES = ("asan", "isic_2017", "isic_2018", "isic_2019", "pad_ufes_20", "ph2")
FREE = ("CC-BY-4.0", "CC-BY-NC-4.0", "CC0-1.0")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    world = make(tmp_path_factory.mktemp("world"), size="tiny")
    workspace = Workspace(tmp_path_factory.mktemp("root"), workers=2)
    # Copies are found by hashes alone: places take most of the time of a build, and change nothing of an export.
    recipe = "[dedup]\nby_places = false\n[shard]\nshort_side = 96\npictures_per_shard = 16\n"
    (workspace.root / "curate.toml").write_text(recipe, encoding="utf-8")
    for source in SOURCES:
        pipeline.run("fetch", workspace, sources=[source], from_=[world.served / source])
    reports = list(pipeline.build(workspace, SOURCES))
    assert not any(report.problems for report in reports)
    return workspace


@pytest.fixture(scope="module")
def rows(corpus: Workspace) -> dict[str, dict[str, Any]]:
    with corpus.database(read_only=True) as database:
        return {row["id"]: row for row in database.table("corpus").to_pylist()}


@pytest.fixture(scope="module")
def encoded(corpus: Workspace) -> dict[str, bytes]:
    """The pictures as they stand in the shards, by id."""
    return shard_pictures(shards.latest(corpus.cache / "shards"))


@pytest.fixture(scope="module")
def exported(corpus: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("out")
    for form in FORMATS:
        run(corpus, form, folder / form)
    return {form: folder / form for form in FORMATS}


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def text(value: object) -> str:
    return "" if value is None else str(value)


def test_splits_are_what_people_cite(exported: dict[str, Path], rows: dict[str, dict[str, Any]]) -> None:
    listed = table(exported["splits"] / "splits.csv")
    assert list(listed[0]) == ["id", "split", "fold", "family", "subtype", "category", "source"]
    assert [row["id"] for row in listed] == sorted(rows)
    for row in listed:
        assert row == {name: text(rows[row["id"]][name]) for name in row}


def test_another_corpus_is_cited_otherwise(corpus: Workspace, tmp_path: Path, exported: dict[str, Path]) -> None:
    """The maps and the number of pictures are the same: the rows are not, and the citation says of which they are."""
    other = Workspace(Path(shutil.copytree(corpus.root, tmp_path / "root")), workers=1)
    with (other.root / "curate.toml").open("a", encoding="utf-8") as recipe:
        recipe.write('[split]\nsalt = "zz"\n')
    pipeline.run("split", other)
    run(other, "splits", tmp_path / "splits")
    cited = set()
    for workspace, folder in ((corpus, exported["splits"]), (other, tmp_path / "splits")):
        [line] = [line for line in (folder / "DATA_CARD.md").read_text().splitlines() if line.startswith("Cite this")]
        assert f"pictures of corpus {digest(workspace)[:16]}, built with curate" in line
        cited.add(line)
    assert len(cited) == 2
    for folder in exported.values():
        assert f"of corpus {digest(corpus)[:16]}, " in (folder / "DATA_CARD.md").read_text(encoding="utf-8")


def test_parquet_has_every_record_with_its_outcome(
    exported: dict[str, Path], corpus: Workspace, rows: dict[str, dict[str, Any]]
) -> None:
    found = pq.read_table(exported["parquet"] / "records.parquet")
    records = found.to_pylist()
    with corpus.database(read_only=True) as database:
        claimed = database.table("records").column("id").to_pylist()
        left_out = {row["id"]: row for row in database.table("exclusions").to_pylist()}
    assert [record["id"] for record in records] == sorted(claimed)
    for record in records:
        assert record["in_corpus"] is (record["id"] in rows)
        assert record["source"]
        assert record["license"]
        if record["in_corpus"]:
            assert record["reason"] is None
            kept = rows[record["id"]]
            assert {name: kept[name] for name in kept if name != "location"} == {
                name: record[name] for name in kept if name != "location"
            }
        else:
            reason = left_out[record["id"]]
            assert {name: record[name] for name in ("reason", "detail", "survivor")} == {
                name: reason[name] for name in ("reason", "detail", "survivor")
            }
    assert found.schema.field("age").type == pa.float64()
    assert pa.types.is_integer(found.schema.field("width").type)
    assert found.schema.field("in_corpus").type == pa.bool_()


def test_imagefolder(exported: dict[str, Path], rows: dict[str, dict[str, Any]], encoded: dict[str, bytes]) -> None:
    folder = exported["imagefolder"]
    found = set()
    for split in ("train", "validation", "test"):
        listed = table(folder / split / "metadata.csv")
        assert list(listed[0]) == ["file_name", *(name for name in COLUMNS if name != "source_label")]
        for row in listed:
            kept = rows[row["id"]]
            path = folder / split / row["file_name"]
            assert path.read_bytes() == encoded[row["id"]]
            assert (split, path.parent.name) == (kept["split"], kept["category"])
            with Image.open(path) as image:
                assert path.suffix == {"JPEG": ".jpg", "PNG": ".png"}[str(image.format)]
            assert row["subtype_index"] == text(kept["subtype_index"])
            found.add(row["id"])
        files = [path for path in (folder / split).rglob("*") if path.suffix in (".jpg", ".png")]
        assert len(files) == len(listed)
    assert found == set(rows)
    listed = pq.read_table(folder / "pictures.parquet").to_pylist()
    assert [row["id"] for row in listed] == sorted(rows)
    for row in listed:
        assert (folder / row.pop("file_name")).read_bytes() == encoded[row["id"]]
        assert row == {name: rows[row["id"]][name] for name in COLUMNS}


def test_webdataset(exported: dict[str, Path], rows: dict[str, dict[str, Any]], encoded: dict[str, bytes]) -> None:
    found = {}
    names = sorted(path.name for path in exported["webdataset"].glob("*.tar"))
    assert names[0] == "curate-test-000000.tar"
    assert "curate-train-000001.tar" in names
    for name in names:
        with tarfile.open(exported["webdataset"] / name) as archive:
            members = archive.getmembers()
            assert {(each.mtime, each.uid, each.gid, each.uname, each.gname, each.mode) for each in members} == {
                (0, 0, 0, "", "", 0o644)
            }
            for picture, said in zip(members[::2], members[1::2], strict=True):
                key, _, suffix = picture.name.partition(".")
                assert said.name == f"{key}.json"
                file = archive.extractfile(said)
                assert file is not None
                values = json.load(file)
                assert key == file_stem(values["id"])
                assert suffix in ("jpg", "png")
                assert name.startswith(f"curate-{values['split']}-")
                data = archive.extractfile(picture)
                assert data is not None
                found[values["id"]] = (values, data.read())
    assert set(found) == set(rows)
    for name, (values, image) in found.items():
        assert image == encoded[name]
        assert {word: rows[name][word] for word in values} == values


def test_tfrecord_is_the_shards_of_the_root(exported: dict[str, Path], corpus: Workspace) -> None:
    here = bytes_of(shards.latest(corpus.cache / "shards"))
    there = bytes_of(exported["tfrecord"])
    assert {name: there[name] for name in here} == here
    assert set(there) - set(here) == {"DATA_CARD.md"}


def test_croissant(exported: dict[str, Path], rows: dict[str, dict[str, Any]], encoded: dict[str, bytes]) -> None:
    folder = exported["croissant"]
    document = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    columns = {}
    for file in document["distribution"]:
        path = folder / file["contentUrl"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        assert file["contentSize"] == f"{path.stat().st_size} B"
        columns[file["@id"]] = set(pq.read_schema(path).names)
    ids = [field["@id"] for record_set in document["recordSet"] for field in record_set["field"]]
    assert len(ids) == len(set(ids))
    for record_set in document["recordSet"]:
        for field in record_set["field"]:
            if "source" in field:
                file, column = field["source"]["fileObject"]["@id"], field["source"]["extract"]["column"]
                columns[file].remove(column)
    assert not any(columns.values()), "every column is described"
    pictures = pq.read_table(folder / "pictures.parquet").to_pylist()
    assert {row["id"]: row["image"] for row in pictures} == encoded
    assert all(row["subtype"] == rows[row["id"]]["subtype"] for row in pictures)
    assert (folder / "records.parquet").read_bytes() == (exported["parquet"] / "records.parquet").read_bytes()


@pytest.mark.parametrize("form", FORMATS)
def test_credits_and_a_card_stand_beside_it(exported: dict[str, Path], corpus: Workspace, form: str) -> None:
    folder = exported[form]
    credit = (folder / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    card = (folder / "DATA_CARD.md").read_text(encoding="utf-8")
    for source in SOURCES:
        manifest = corpus.manifests[source]
        assert manifest.attribution in credit
        assert manifest.attribution in card
        assert all(work in card for work in manifest.citation)
        assert f"| {source} | {manifest.license} | {manifest.redistribution} |" in card
    assert (folder / "licenses" / "CC0-1.0.txt").is_file()
    with corpus.database(read_only=True) as database:
        [version] = database.table("map_version").column("version").to_pylist()
        assert version in card
        for row in database.rows("exclusion_reasons"):
            assert f"| {row['reason']} | {row['records']:,} |" in card
    assert ("No picture has metadata" in card) == (form not in ("parquet", "splits"))
    assert "may not be passed on" in card
    assert str(corpus.root) not in "".join(
        path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in (".md", ".txt", ".json", ".csv")
    )


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_bytes_again_with_one_worker(
    exported: dict[str, Path], corpus: Workspace, tmp_path: Path, form: str
) -> None:
    run(Workspace(corpus.root, workers=1), form, tmp_path / "deeper" / "again")
    assert bytes_of(tmp_path / "deeper" / "again") == bytes_of(exported[form])
    assert [path.name for path in (tmp_path / "deeper").iterdir()] == ["again"]


def test_the_default_says_what_may_not_be_passed_on(corpus: Workspace, curate: Curate, tmp_path: Path) -> None:
    done = curate("export", "splits", "--out", tmp_path / "out", root=corpus.root)
    assert done.returncode == 0, done.stderr
    assert "LicenseRef-PH2-research-only) may not be passed on" in done.stdout
    assert "the source does not say" in done.stdout
    assert "--license-allow CC-BY-4.0 --license-allow CC-BY-NC-4.0 --license-allow CC0-1.0" in done.stdout


@pytest.mark.parametrize("form", ["parquet", "splits", "tfrecord", "webdataset"])
def test_only_allowed_licences(
    corpus: Workspace, rows: dict[str, dict[str, Any]], encoded: dict[str, bytes], tmp_path: Path, form: str
) -> None:
    report: Report = run(corpus, form, tmp_path / "out", allow=FREE)
    left = {name for name, row in rows.items() if row["license"] not in FREE}
    assert report.made == len(rows) - len(left)
    assert sum(report.left_out.values()) == len(left)
    assert set(report.left_out) == {"under LicenseRef-PH2-research-only", "under LicenseRef-unknown"}
    assert any(f"{len(left):,} pictures left out" in note for note in report.notes)
    assert not report.details["not_to_be_passed_on"]
    assert not any("passed on" in note for note in report.notes)
    card = (tmp_path / "out" / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "may not be passed on" not in card
    assert "under LicenseRef-unknown" in card
    assert "asan" not in (tmp_path / "out" / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    if form == "splits":
        assert {row["id"] for row in table(tmp_path / "out" / "splits.csv")} == set(rows) - left
    if form == "parquet":
        assert set(pq.read_table(tmp_path / "out" / "records.parquet")["license"].to_pylist()) == set(FREE)
    if form == "tfrecord":
        assert shard_pictures(tmp_path / "out") == {name: data for name, data in encoded.items() if name not in left}


def test_values_of_a_licence_that_is_not_allowed_are_dropped_and_others_credited(
    corpus: Workspace, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    workspace = Workspace(root)
    with workspace.database() as database:
        kept = database.table("corpus").to_pylist()
        mine = [row for row in kept if row["license"] == "CC-BY-4.0"][:2]
        records = database.table("records").to_pylist()
        closed = next(row["id"] for row in records if row["source"] == "ph2")
        free = next(row["id"] for row in records if row["source"] == "isic_2019")
        for row, origin in zip(mine, (closed, free), strict=True):
            row |= {"site": "leg", "origins": json.dumps({"site": origin})}
        knowledge = [
            {"id": row["id"], "field": "site", "value": "leg", "origin": json.loads(row["origins"])["site"]}
            for row in mine
        ]
        database.replace("corpus", pa.Table.from_pylist(kept, schema=database.table("corpus").schema))
        database.replace("knowledge", pa.Table.from_pylist(knowledge, schema=database.table("knowledge").schema))
    run(workspace, "parquet", tmp_path / "out", allow=["CC-BY-4.0"])
    found = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "records.parquet").to_pylist()}
    dropped, carried = (found[row["id"]] for row in mine)
    lenient = corpus.manifests["isic_2019"].license == "CC-BY-4.0"
    assert (dropped["site"], dropped["origins"]) == (None, None)
    assert (carried["site"] == "leg") is lenient
    run(workspace, "parquet", tmp_path / "both", allow=["CC-BY-4.0", corpus.manifests["isic_2019"].license])
    again = {row["id"]: row for row in pq.read_table(tmp_path / "both" / "records.parquet").to_pylist()}
    assert again[mine[0]["id"]]["site"] is None
    assert again[mine[1]["id"]]["site"] == "leg"
    card = (tmp_path / "both" / "DATA_CARD.md").read_text(encoding="utf-8")
    assert "may rest on the labels of a copy" in card
    assert "were taken out of it" in card


def test_a_source_of_values_only_is_credited(corpus: Workspace, tmp_path: Path) -> None:
    both = credits_of(corpus.manifests, {"isic_2018": 1, "isic_2019": 1})
    add_credits(tmp_path, both[:1], [replace(both[1], pictures=0)], told_in="DATA_CARD.md")
    first, second = (tmp_path / "ATTRIBUTION.txt").read_text(encoding="utf-8").split("(isic_2019)")
    assert "values only" not in first
    assert "values only, no picture" in second
    assert both[1].attribution in second


def test_wrong_licences_and_formats(corpus: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="CC0"):
        run(corpus, "splits", tmp_path / "out", allow=["CC0"])
    with pytest.raises(UsageError, match="no format"):
        run(corpus, "hdf5", tmp_path / "out")
    with pytest.raises(CorpusError, match="no corpus"):
        run(Workspace(tmp_path / "nothing"), "splits", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["a folder with a file", "a file", "a link"])
def test_a_target_that_is_not_empty(corpus: Workspace, curate: Curate, tmp_path: Path, what: str) -> None:
    out = tmp_path / "out"
    if what == "a file":
        out.write_text("mine", encoding="utf-8")
    elif what == "a link":
        (tmp_path / "other").mkdir()
        out.symlink_to(tmp_path / "other")
    else:
        out.mkdir()
        (out / "mine.txt").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    done = curate("export", "imagefolder", "--out", out, root=corpus.root)
    assert done.returncode == 3
    assert "not empty" in done.stderr
    assert "next:" in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_target_is_filled(corpus: Workspace, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    run(corpus, "splits", tmp_path / "out")
    assert (tmp_path / "out" / "splits.csv").is_file()


@pytest.mark.parametrize(("form", "room"), [(form, 5_000) for form in FORMATS] + [("webdataset", 100_000)])
def test_a_full_disk_leaves_no_folder(corpus: Workspace, tmp_path: Path, form: str, room: int) -> None:
    command = [sys.executable, "-m", "curate", "--root", str(corpus.root), "export", form]
    command += ["--out", str(tmp_path / "out"), "--workers", "1"]

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_files, check=False)
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "could not be written" in done.stderr
    assert "next:" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_shard_with_one_bit_flipped_is_not_handed_on(corpus: Workspace, tmp_path: Path) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    path = next(shards.latest(root / "data_cache" / "shards").glob("*train*"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorpusError, match="a shard is damaged") as told:
        run(Workspace(root), "tfrecord", tmp_path / "out")
    assert told.value.where == str(path)
    assert [each.name for each in tmp_path.iterdir()] == ["root"]


@pytest.mark.parametrize("what", ["bits", "gone", "more"])
def test_what_lies_beside_the_shards_is_written_anew(
    corpus: Workspace, exported: dict[str, Path], tmp_path: Path, what: str
) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    home = shards.latest(root / "data_cache" / "shards")
    beside = [path for path in sorted(home.rglob("*")) if path.is_file() and ".tfrecord-" not in path.name]
    small = [path for path in beside if not path.name.startswith("index.json")]
    assert {"features.json", "dataset_info.json", "ATTRIBUTION.txt"} < {path.name for path in small}
    for path in small:
        if what == "bits":
            flip(path)
        elif what == "gone":
            path.unlink()
    if what == "more":
        (home / "notes.txt").write_text("for nobody else", encoding="utf-8")
        (home / "licenses" / "notes.txt").write_text("for nobody else", encoding="utf-8")
    run(Workspace(root), "tfrecord", tmp_path / "out")
    assert bytes_of(tmp_path / "out") == bytes_of(exported["tfrecord"])


@pytest.mark.parametrize("name", ["index.json", "index.json.sha256"])
def test_shards_with_a_damaged_index_are_not_handed_on(corpus: Workspace, tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root with a space"))
    home = shards.latest(root / "data_cache" / "shards")
    if name == "index.json":  # a letter of a label: still JSON, and no shard's hash is another
        text = (home / name).read_text(encoding="utf-8")
        (home / name).write_text(text.replace('"melanoma"', '"melanomb"'), encoding="utf-8")
    else:
        (home / name).unlink()
    with pytest.raises(CorpusError, match="index of the shards is damaged") as told:
        run(Workspace(root), "tfrecord", tmp_path / "out")
    assert told.value.hint is not None
    assert told.value.hint.startswith(f"rm -r '{home}' && curate shard")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("form", ["imagefolder", "tfrecord"])
def test_an_export_that_is_killed_leaves_no_folder(
    corpus: Workspace, exported: dict[str, Path], tmp_path: Path, form: str
) -> None:
    assert stop_export(corpus.root, form, tmp_path / "out", signal.SIGKILL) == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".out.part-")
    run(corpus, form, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert bytes_of(tmp_path / "out") == bytes_of(exported[form])


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_stopped_leaves_nothing(corpus: Workspace, tmp_path: Path, by: signal.Signals) -> None:
    assert stop_export(corpus.root, "webdataset", tmp_path / "out", by) in (-signal.SIGINT, 128 + signal.SIGTERM)
    assert not list(tmp_path.iterdir())


def test_two_exports_into_one_folder(corpus: Workspace, tmp_path: Path) -> None:
    with target(tmp_path / "out", corpus) as part:
        (part / "splits.csv").write_text("of the first", encoding="utf-8")
        with pytest.raises(CorpusError, match="another curate is writing out") as told:
            run(corpus, "splits", tmp_path / "out")
        run(corpus, "splits", tmp_path / "beside")
    assert str(os.getpid()) in str(told.value.found)
    assert (tmp_path / "out" / "splits.csv").read_text(encoding="utf-8") == "of the first"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "out"]


def test_two_exports_at_the_same_moment(corpus: Workspace, exported: dict[str, Path], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "curate", "--root", str(corpus.root), "export", "imagefolder"]
    command += ["--workers", "1", "--out", str(tmp_path / "out")]
    runs = [subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) for _ in range(2)]
    told = [each.communicate(timeout=300)[1] for each in runs]
    assert sorted(each.returncode for each in runs) == [0, 3], told
    (refused,) = (words for words, each in zip(told, runs, strict=True) if each.returncode)
    assert "another curate is writing out" in refused or "not empty" in refused
    assert bytes_of(tmp_path / "out") == bytes_of(exported["imagefolder"])
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_status_says_what_older_shards_take(corpus: Workspace, curate: Curate, tmp_path: Path) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    older = shards.latest(root / "data_cache" / "shards")
    recipe = (root / "curate.toml").read_text(encoding="utf-8")
    (root / "curate.toml").write_text(f"{recipe}quality = 80\n", encoding="utf-8")
    assert curate("shard", root=root).returncode == 0
    assert f"to remove: rm -r {older}\n" in curate("status", root=root).stdout


def test_a_folder_that_may_not_be_written(corpus: Workspace, tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0o555)
    done = bound_by_modes("--root", corpus.root, "export", "splits", "--out", tmp_path / "shut" / "out")
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "could not be written" in done.stderr
    assert "Permission denied" in done.stderr
    assert "next:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "shut").iterdir())


def test_a_picture_that_vanished_since_inspect(corpus: Workspace, tmp_path: Path) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    largest = max((root / "data_cache" / "objects").rglob("*"), key=lambda path: path.stat().st_size)
    largest.unlink()
    with pytest.raises(CorpusError, match="not what it was"):
        run(Workspace(root, workers=1), "imagefolder", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


def test_labels_alone_have_splits_but_no_pictures(corpus: Workspace, tmp_path: Path) -> None:
    root = Path(shutil.copytree(corpus.root, tmp_path / "root"))
    workspace = Workspace(root)
    for report in pipeline.build(workspace, ["isic_2018", "isic_2019"], labels_only=True):
        assert not report.problems
    assert run(workspace, "splits", tmp_path / "splits").made
    assert run(workspace, "parquet", tmp_path / "parquet").made
    with pytest.raises(CorpusError, match="labels alone"):
        run(workspace, "webdataset", tmp_path / "tars")
    assert not (tmp_path / "tars").exists()


def test_no_way_out_loads_tensorflow() -> None:
    code = f"import importlib, sys\nfor form in {FORMATS}:\n    importlib.import_module('curate.export.' + form)\n"
    code += "import curate.export.handover\nassert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_folder_that_one_stands_in(corpus: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CorpusError, match="not empty"):
        run(corpus, "splits", Path())
    assert not list(tmp_path.iterdir())
    run(corpus, "splits", Path("out"))
    assert (tmp_path / "out" / "splits.csv").is_file()


def test_file_names_are_safe_and_their_own() -> None:
    ids = ["a:b/c", "a:b-c", "a:b_c", "a:b c", "a:b.c", "a:bé", "a:b~c", "a:" + "x" * 200, "a:" + "x" * 201, "a:b/../c"]
    stems = [file_stem(name) for name in ids]
    assert len(set(stems)) == len(ids)
    assert all(len(stem) <= 90 and not set(stem) & set('./\\:*?"<>| ') and stem.isascii() for stem in stems)


def test_the_document_says_where_and_how_much(corpus: Workspace, curate: Curate, tmp_path: Path) -> None:
    done = curate("export", "parquet", "--out", tmp_path / "out", "--json", root=corpus.root)
    assert done.returncode == 0, done.stderr
    [report] = json.loads(done.stdout)["reports"]
    assert report["details"]["format"] == "parquet"
    assert report["details"]["files"] == sum(path.is_file() for path in (tmp_path / "out").rglob("*"))
    assert sum(report["details"]["splits"].values()) == report["made"] == sum(report["details"]["licenses"].values())


def test_every_form_has_the_pictures_without_hair(corpus: Workspace, tmp_path: Path) -> None:
    root = tmp_path / "root"
    shutil.copytree(corpus.root, root)
    (root / "curate.toml").write_text("[shard]\nshort_side = 160\nhair_removal = true\n", encoding="utf-8")
    workspace = Workspace(root, workers=2)
    pipeline.run("shard", workspace)
    folder = shards.latest(workspace.cache / "shards")
    stored = shard_pictures(folder)
    assert 0 < shards.read_index(folder)["hair_removal"]["pictures"] < len(stored)
    for form in ("imagefolder", "webdataset", "croissant"):
        run(workspace, form, tmp_path / form)
        card = (tmp_path / form / "DATA_CARD.md").read_text(encoding="utf-8")
        assert hair.METHOD in card
    found = {
        row["id"]: (tmp_path / "imagefolder" / split / row["file_name"]).read_bytes()
        for split in ("train", "validation", "test")
        for row in table(tmp_path / "imagefolder" / split / "metadata.csv")
    }
    assert found == stored
    parquet = pq.read_table(tmp_path / "croissant" / "pictures.parquet").to_pylist()
    assert {row["id"]: row["image"] for row in parquet} == stored
    packed = {}
    for path in (tmp_path / "webdataset").glob("*.tar"):
        with tarfile.open(path) as archive:
            packed |= {member.name.partition(".")[0]: archive.extractfile(member).read()  # type: ignore[union-attr]
                       for member in archive if not member.name.endswith(".json")}  # fmt: skip
    assert packed == {file_stem(name): data for name, data in stored.items()}
