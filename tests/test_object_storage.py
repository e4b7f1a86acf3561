"""Inputs, objects and exports on object storage: `memory://`, and a real S3-compatible server on loopback."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import os
import pickle
import platform
import re
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import small_corpus
from click.testing import CliRunner
from conftest import Curate
from hostile_server import Page, serving
from hypothesis import given
from hypothesis import strategies as st
from s3_server import S3, s3_server
from tiny_source import FILES, LABELS, PICTURES, ZIP, adopt, locked, packed, sha, tree, workspace
from written_rar import Odd, rar5

from curate import Workspace, pipeline, storage
from curate.archive import members_of, read_member, unread
from curate.audit import verify
from curate.bucket import TEMPORARY, Bucket
from curate.cli import cli
from curate.demo import isic_files, pad_ufes_20
from curate.errors import CorpusError, CurateError, FetchError, StorageError, UsageError
from curate.export import FORMATS
from curate.export.handover import run as export
from curate.pairs import sight
from curate.ranges import Ranges
from curate.same_pixels import hashed
from curate.stages import fetch
from curate.storage import place

SOURCES = ("isic_2018", "pad_ufes_20")
RECIPE = "[dedup]\nby_places = false\nnear = false\n[shard]\nshort_side = 64\npictures_per_shard = 16\n"


@pytest.fixture
def away() -> Path:
    """An empty place on object storage, in the memory of this process."""
    return place(f"memory://{uuid.uuid4().hex}/some")


def put(away: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        storage.put(data, away / name)
    return away


def everything_below(folder: Path) -> dict[str, bytes]:
    if storage.is_remote(folder):
        return {name: storage.read(folder / name, 0, 1 << 30) for name in storage.below(folder)}
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- addresses ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/x", "reads and writes no such addresses"),
        ("s3://", "names no bucket"),
        ("S3:///", "names no bucket"),
        ("https://host/x", "reads and writes no such addresses"),
    ],
)
def test_an_address_that_cannot_be_meant(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        place(text)
    assert "s3://bucket/prefix" in str(refused.value)


def test_a_path_stays_a_path(tmp_path: Path) -> None:
    assert place(f"file://{tmp_path}") == place(str(tmp_path)) == tmp_path
    assert not storage.is_remote(place("a/b"))
    assert storage.is_remote(place("memory://a/b"))


def test_what_reads_an_address_has_to_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "s3fs" else find(name))
    with pytest.raises(StorageError, match="nothing is installed") as refused:
        place("s3://bucket/x")
    assert refused.value.hint == "pip install 'curate[cloud]'"


def test_a_root_cannot_lie_there() -> None:
    with pytest.raises(UsageError, match="a root cannot lie on object storage"):
        Workspace("s3://bucket/root")
    told = CliRunner().invoke(cli, ["--root", "s3://bucket/root", "status"])
    assert isinstance(told.exception, UsageError)
    assert 'objects = "s3://bucket/root/objects"' in str(told.exception)


def test_objects_lie_in_the_cache_or_there(root: Path) -> None:
    (root / "curate.toml").write_text('[storage]\nobjects = "elsewhere"\n')
    with pytest.raises(UsageError, match="or on object storage"):
        _ = Workspace(root).store


# --- reading ---


@given(st.binary(max_size=300_000), st.lists(st.tuples(st.integers(0, 310_000), st.integers(0, 90_000)), max_size=8))
def test_any_place_of_an_object_reads_as_in_a_file(data: bytes, reads: list[tuple[int, int]]) -> None:
    path = place("memory://ranges/object")
    storage.put(data, path)
    ranges = Ranges(path)
    here, there = io.BytesIO(data), io.BufferedReader(ranges)
    for number, (start, length) in enumerate(reads):
        if number % 2:
            ranges.expect(start, start + length)
        assert there.seek(start) == here.seek(start)
        assert there.read(length) == here.read(length)
    assert b"".join(storage.pieces(path)) == data


def test_archives_are_read_in_place(away: Path) -> None:
    inner = packed(PICTURES)
    put(away, {"a.zip": packed({"part_1.zip": inner, "x.csv": LABELS}), "b.rar": rar5({"T_1.jpg": b"stored" * 99})})
    assert [member.path for member in members_of(away / "a.zip")] == [
        *(f"part_1.zip/{name}" for name in PICTURES),
        "x.csv",
    ]
    for name, data in PICTURES.items():
        assert read_member(away / "a.zip", ("part_1.zip", name), "a") == data
    assert read_member(away / "b.rar", ("T_1.jpg",), "b") == b"stored" * 99
    put(away, {"cut.zip": inner[:-9], "solid.rar": rar5({"T.jpg": Odd(method=3, size=99)}, main_flags=4)})
    assert "solid" in str(unread(away / "solid.rar"))
    with pytest.raises(FetchError, match="cut short"):
        members_of(away / "cut.zip")
    assert unread(away / "a.zip") is None
    with pytest.raises(FileNotFoundError):
        read_member(away / "none.zip", ("x",), "none")


# --- sources ---


def test_sources_are_adopted_from_there_as_from_a_folder(root: Path, away: Path) -> None:
    loose = {"deep/Train/T_1.jpg": PICTURES["Train/T_1.jpg"], "deep/Train/T_2.jpg": PICTURES["Train/T_2.jpg"]}
    here = workspace(root)
    put(away, {"x/labels.csv": LABELS, "other.txt": b"no", ".hidden/labels.csv": b"no", **loose})
    report = adopt(here, away)
    assert (report.made, report.there, report.exit_code) == (3, 0, 0)
    assert tree(here) == {"labels.csv": LABELS, **loose}
    assert locked(here).files["labels.csv"].official
    assert locked(here).folders == [str(away)]
    assert not fetch.needs(here, "tiny")
    assert adopt(here, away).there == 3
    shutil.rmtree(here.cache)  # it comes back from where it came
    assert fetch.run(Workspace(root), ["tiny"]).exit_code == 0
    assert tree(Workspace(root)) == {"labels.csv": LABELS, **loose}
    put(away, {"train.zip": ZIP})
    adopt(here, away)
    assert tree(here) == {"labels.csv": LABELS} | {f"train.zip/{name}": data for name, data in PICTURES.items()}


def test_nothing_is_there(root: Path, away: Path) -> None:
    with pytest.raises(FetchError, match="nothing lies below this address"):
        adopt(workspace(root), away)


def test_the_command_takes_an_address(root: Path, away: Path) -> None:
    here = workspace(root)
    put(away, {"labels.csv": LABELS, "train.zip": ZIP})
    told = CliRunner().invoke(cli, ["--root", str(root), "fetch", "tiny", "--from", str(away)])
    assert (told.exit_code, len(tree(here))) == (0, 3), told.output


# --- objects ---


def test_objects_there_are_the_same_as_here(away: Path, tmp_path: Path) -> None:
    store = Bucket(away)
    large = os.urandom(1 << 20) * 34  # more than is held in memory
    for number, data in enumerate([b"", b"lesion", large]):
        original = tmp_path / str(number)
        original.write_bytes(data)
        assert store.adopt(original, link=True) == (sha(data), len(data))
        assert original.read_bytes() == data
    assert store.adopt_bytes(b"lesion") == sha(b"lesion")
    part = tmp_path / "x.part"
    part.write_bytes(LABELS)
    assert store.put_verified(part, sha(LABELS)) == store.path(sha(LABELS))
    assert not part.exists()
    assert list(store) == list(Bucket(away)) == sorted(map(sha, [b"", b"lesion", large, LABELS]))
    assert all(store.intact(sha256) for sha256 in store)
    assert (store.size(sha(large)), store.size("0" * 64)) == (len(large), None)
    assert not store.intact("0" * 64)
    assert everything_below(away / TEMPORARY) == {}
    assert pickle.loads(pickle.dumps(store.path(sha(LABELS)))) == store.path(sha(LABELS))
    with pytest.raises(FetchError, match="could not be adopted"):
        store.adopt(tmp_path / "none", link=False)


def test_what_a_killed_run_left_there_is_swept(away: Path) -> None:
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, host = int(ended.stdout), platform.node()
    names = [f"{host}-{dead}-aa", f"{host}-{os.getpid()}-aa", f"another-host-{dead}-aa", "a-b-stray", "stray"]
    put(away / TEMPORARY, dict.fromkeys(names, b"half"))
    store = Bucket(away)
    assert (store.sweep(), list(store), store.files()) == (1, [], {})
    assert sorted(everything_below(away / TEMPORARY)) == sorted(names[1:])


def test_a_root_with_its_objects_there(root: Path, away: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    with (root / "curate.toml").open("a") as recipe:
        recipe.write(f'[storage]\nobjects = "{away}"\n')
    here = Workspace(root)
    adopt(here, place("d", **{"labels.csv": LABELS, "train.zip": ZIP}))
    assert tree(here) == {"labels.csv": LABELS} | {f"train.zip/{name}": data for name, data in PICTURES.items()}
    assert sorted(everything_below(away)) == sorted(f"{s[:2]}/{s}" for s in (sha(LABELS), sha(ZIP)))
    assert not (here.cache / "objects").exists()
    assert verify.run(here).findings == 0
    storage.put(LABELS[:-1] + b"!", here.store.path(sha(LABELS)))
    storage.put(b"?", away / "stray")
    found = {finding["kind"]: finding for finding in verify.run(here).details["findings"]}
    assert {"damaged object", "not an object"} <= set(found)
    assert str(here.store.path(sha(LABELS))) in found["damaged object"]["where"]
    storage.remove(here.store.path(sha(ZIP)))
    assert fetch.needs(Workspace(root), "tiny")
    assert fetch.run(Workspace(root), ["tiny"]).exit_code == 0
    assert Workspace(root).store.has(sha(ZIP))


def test_what_is_downloaded_goes_there(root: Path, away: Path, impatient: None) -> None:
    with serving() as server:
        server.pages = {"/labels.csv": Page(LABELS), "/train.zip": Page(ZIP)}
        files = tuple(dataclasses.replace(file, urls=(server.url("/" + file.name),)) for file in FILES)
        workspace(root, *files, access="open", instructions="")
        with (root / "curate.toml").open("a") as recipe:
            recipe.write(f'[storage]\nobjects = "{away}"\n')
        here = Workspace(root)
        assert fetch.run(here, ["tiny"]).exit_code == 0
        assert len(tree(here)) == 3
        assert sorted(everything_below(away).values()) == sorted([LABELS, ZIP])
        assert [path for path in here.cache.rglob("*") if path.is_file() and not path.name.startswith(".")] == [
            here.tree_path("tiny")
        ]


# --- exports ---


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return small_corpus.build(tmp_path_factory.mktemp("small"))


@pytest.mark.parametrize("form", FORMATS)
def test_every_form_is_the_same_there(corpus: Workspace, away: Path, tmp_path: Path, form: str) -> None:
    made = export(corpus, form, away)
    assert made.details | {"folder": ""} == export(corpus, form, tmp_path / "out").details | {"folder": ""}
    assert everything_below(away) == everything_below(tmp_path / "out")
    assert not list(corpus.cache.glob(".export-*"))
    with pytest.raises(CorpusError, match="not empty") as refused:
        export(corpus, form, away)
    assert f"{away}/" in str(refused.value.hint)


# --- a real server ---


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    folder = tmp_path_factory.mktemp("served")
    for part in (isic_files.make(1, "tiny"), pad_ufes_20.make(1, "tiny")):
        for source, files in ((source, part.files[source]) for source in SOURCES if source in part.files):
            for name, data in files.items():
                (folder / source).mkdir(exist_ok=True)
                (folder / source / name).write_bytes(data)
    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.upload(folder, "lesions/sources")
        server.folder = folder
        yield server


@pytest.fixture(scope="module")
def built(s3: S3, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workspace]:
    """One corpus whose files and objects are in a bucket, built by two processes, and one where all is on this disk."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.workers._WORTH", 1)  # as if there were pictures enough for two
        _build(made, s3, tmp_path_factory)
    return made


def _build(made: dict[str, Workspace], s3: S3, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name in ("there", "here"):
        root = tmp_path_factory.mktemp(name)
        objects = '[storage]\nobjects = "s3://lesions/objects"\n' if name == "there" else ""
        (root / "curate.toml").write_text(RECIPE + objects)
        made[name] = Workspace(root, workers=2 if objects else 1)
        for source in SOURCES:
            folder = place(f"s3://lesions/sources/{source}") if objects else s3.folder / source
            assert fetch.run(made[name], [source], from_=[folder]).exit_code == 0
        assert not any(report.problems for report in pipeline.build(made[name], SOURCES))


def test_a_corpus_from_a_bucket_is_the_same_corpus(built: dict[str, Workspace], s3: S3, tmp_path: Path) -> None:
    there, here = built["there"], built["here"]
    assert there.ask("from corpus order by id").equals(here.ask("from corpus order by id"))
    assert list(there.store) == list(here.store)
    assert not (there.cache / "objects").exists()
    assert verify.run(there).findings == 0
    export(there, "tfrecord", place("s3://lesions/out"))
    export(here, "tfrecord", tmp_path / "out")
    assert s3.download("lesions/out") == everything_below(tmp_path / "out")
    puts = [line for line in s3.asked if line.startswith("PUT /lesions/out")]
    assert puts[-1].endswith("DATA_CARD.md")


def test_what_it_costs(built: dict[str, Workspace], s3: S3) -> None:
    """Each source file is read whole once; a picture in an archive is one request, an archive a few in each process."""
    read_whole = Counter(line for line in s3.asked if re.match(r"GET /lesions/sources/\S+ bytes=0-16777215", line))
    assert set(read_whole.values()) == {1}
    assert len(read_whole) == sum(1 for path in s3.folder.rglob("*") if path.is_file())
    files = Workspace(built["there"].root).files("pad_ufes_20")
    assert files is not None
    pictures = [path for path in files if path.endswith(".png")]
    before = len(s3.asked)
    for path in pictures:
        files.read(path)
    zips = {files.location(path).members[:-1] for path in pictures}
    most = 3 + 2 * len(zips)  # what it is, how long, and its end; of each zip in it the beginning and the end
    assert len(pictures) <= len(s3.asked) - before <= len(pictures) + most


def test_who_may_not_write_leaves_nothing(built: dict[str, Workspace], s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "refuses", lambda line: line.startswith("PUT") and "index.json" in line)
    with pytest.raises(StorageError, match="does not permit") as refused:
        export(built["here"], "tfrecord", place("s3://lesions/half"))
    assert "taken away again" in str(refused.value)
    assert any(line.startswith("PUT /lesions/half/") for line in s3.asked)
    assert s3.download("lesions/half") == {}
    assert not list(built["here"].cache.glob(".export-*"))


def test_who_may_not_read_is_told_so(built: dict[str, Workspace], s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is called unreadable, and nothing forgotten, because of a storage that refuses."""
    monkeypatch.setattr(s3, "refuses", lambda line: line.startswith("GET /lesions/objects/"))
    there = Workspace(built["there"].root, workers=1)
    before = there.lock_path.read_bytes()
    asked = "select sha256, location from pictures where problem is null and id like 'isic_2018:%' order by id limit 1"
    (row,) = there.ask(asked).to_pylist()
    with pytest.raises(StorageError, match="does not permit"):
        hashed([sight(there, row | {"cell": 0})])
    steps: list[Callable[[], object]] = [
        lambda: verify.run(there),
        lambda: export(there, "imagefolder", place("s3://lesions/none")),
        lambda: fetch.run(there, ["pad_ufes_20"], from_=[place("s3://lesions/sources/pad_ufes_20")]),
    ]
    for step in steps:
        with pytest.raises(CurateError, match="does not permit"):
            step()
    assert there.lock_path.read_bytes() == before


def test_faults_end_with_a_message(built: dict[str, Workspace], s3: S3, curate: Curate) -> None:
    out = ("export", "splits", "--out")
    root = built["here"].root
    told = curate(*out, "s3://nobucket/x", root=root)
    assert (told.returncode, "there is no such bucket" in told.stderr) == (3, True)
    told = curate(*out, "s3://lesions/x", root=root, AWS_ENDPOINT_URL="http://127.0.0.1:9", AWS_MAX_ATTEMPTS="1")
    assert (told.returncode, "cannot be reached" in told.stderr) == (3, True)
    assert "next:" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_upload_that_cannot_even_be_given_up(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = len(s3.asked)
    monkeypatch.setattr(s3, "refuses", lambda line: not line.startswith("POST") and len(s3.asked) > asked)
    with pytest.raises(StorageError, match="does not permit"):
        storage.put_pieces([bytes(60 << 20)], place("s3://lesions/large"))


def test_a_server_that_goes_away_in_the_middle(s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fetched stays; the same command goes on when the server is back."""
    source = "isic_2018"
    (tmp_path / "curate.toml").write_text('[storage]\nobjects = "s3://lesions/others"\n')
    here = Workspace(tmp_path, workers=1)
    asked = len(s3.asked)
    monkeypatch.setattr(s3, "refuses", lambda line: len(s3.asked) > asked + 20)
    with pytest.raises(FetchError, match="does not permit"):
        fetch.run(here, [source], from_=[place(f"s3://lesions/sources/{source}")])
    monkeypatch.undo()
    assert fetch.run(Workspace(tmp_path), [source], from_=[place(f"s3://lesions/sources/{source}")]).exit_code == 0
    assert hashlib.sha256(b"").hexdigest() not in set(Workspace(tmp_path).store)
