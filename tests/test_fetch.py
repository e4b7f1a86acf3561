"""Fetching as a steward does it: adopting what lies somewhere, downloading the rest, losing the cache, being killed."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import Curate
from hostile_server import Page, Server, nobody, serving

from curate import lock, pipeline, transfer
from curate.errors import FetchError
from curate.fetching import alone
from curate.manifest import Manifest, RemoteFile, dump, read_all
from curate.report import Report
from curate.stages import fetch
from curate.workspace import Workspace

LABELS = b"image,label\r\nT_1,nevus\r\nT_2,melanoma\r\n"
PICTURES = {f"Train/T_{number}.jpg": bytes([number]) * 500 for number in (1, 2)}
PLAIN = Manifest(
    name="tiny",
    title="Tiny",
    parser="table",
    namespace="tiny",
    released=2024,
    modality="clinical",
    license="CC0-1.0",
    license_url="https://example.org/licence",
    redistribution="yes",
    attribution="Tiny",
    citation=("Tiny 2024",),
    homepage="https://example.org",
    access="manual",
    instructions="Place labels.csv and the pictures.",
    expected={"records": 2, "pictures": 2},
)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return buffer.getvalue()


ZIP = packed(PICTURES | {"Train/T_1_superpixels.png": b"no", "ATTRIBUTION.txt": b"no"})
FILES = (
    RemoteFile("labels.csv", "labels", bytes=len(LABELS), sha256=sha(LABELS), also_named=("labels_table",)),
    RemoteFile("train.zip", "pictures", members=("T_[0-9].jpg", "ages.csv")),
    RemoteFile("extra.csv", "documents", optional=True),
)

Run = Callable[..., Report]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "manifests").mkdir(parents=True)
    return root


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Path]:
    def place(folder: str, **files: bytes) -> Path:
        for name, data in files.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return tmp_path / folder

    return place


def workspace(root: Path, *files: RemoteFile, **other: Any) -> Workspace:
    made = dataclasses.replace(PLAIN, files=files or FILES, **other)
    (root / "manifests" / f"{made.name}.toml").write_text(dump(made), encoding="utf-8")
    return Workspace(root)


def adopt(here: Workspace, *folders: Path, **options: Any) -> Report:
    return fetch.run(here, ["tiny"], from_=folders, **options)


def tree(here: Workspace) -> dict[str, bytes]:
    files = here.files("tiny")
    assert files is not None
    return {path: files.read(path) for path in files}


def locked(here: Workspace) -> lock.LockedSource:
    return lock.read(here.lock_path)["tiny"]


# --- adopting -------------------------------------------------------------------------------------------------------


def test_archives_by_name_are_linked_and_read_in_place(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"deep/labels.csv": LABELS, "train.zip": ZIP, "other.txt": b"no", "._labels.csv": b"no"})
    assert fetch.needs(here, "tiny")
    report = adopt(here, folder)
    assert (report.made, report.there, report.exit_code) == (2, 0, 0)
    assert tree(here) == {"labels.csv": LABELS} | {f"train.zip/{name}": data for name, data in PICTURES.items()}
    assert here.store.path(sha(ZIP)).samefile(folder / "train.zip")
    assert not here.store.path(sha(LABELS)).samefile(folder / "deep/labels.csv")
    assert locked(here).files["labels.csv"].standing == "official"
    assert locked(here).files["train.zip"].standing == "unpinned"
    assert locked(here).folders == [str(folder)]
    assert not fetch.needs(here, "tiny")
    again = adopt(here, folder)
    assert (again.made, again.there) == (0, 2)


def test_unpacked_content_at_any_depth_makes_the_same_names(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    loose = {f"a/b/{name}": data for name, data in PICTURES.items()}
    adopt(here, place("d", **{"labels.csv": LABELS, "a/b/Train/T_1.json": b"{}", "T_22.jpg": b"no", **loose}))
    assert tree(here) == {"labels.csv": LABELS, **loose}
    summary = locked(here).loose
    assert summary is not None
    assert (summary.count, summary.bytes) == (2, 1000)
    assert not fetch.needs(here, "tiny")


def test_the_pin_wins_whatever_the_name(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    adopt(here, place("d", **{"labels.csv": b"another edition", "x/downloaded (1).tmp": LABELS}))
    assert tree(here) == {"labels.csv": LABELS}
    assert locked(here).files["labels.csv"].official
    report = adopt(here, place("e", **{"labels.csv": b"another edition"}))
    assert tree(here) == {"labels.csv": LABELS}, "official bytes do not give way to others"
    assert (report.made, report.there) == (0, 1)


def test_other_bytes_are_adopted_and_called_so(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    report = adopt(here, place("d", labels_table=LABELS.replace(b"\r", b"")))
    assert tree(here) == {"labels.csv": LABELS.replace(b"\r", b"")}
    assert "tiny: not the official bytes: labels.csv" in report.notes
    assert "tiny: not here: train.zip" in report.notes
    assert locked(here).files["labels.csv"].standing == "not the official bytes"
    adopt(here, place("e", **{"labels.csv": LABELS}))
    assert locked(here).files["labels.csv"].standing == "official"


@pytest.mark.parametrize("name", ["T_1.jpg", "extra.csv"])
def test_two_of_one_name_with_different_bytes(root: Path, place: Callable[..., Path], name: str) -> None:
    here = workspace(root)
    folder = place("d", **{f"a/{name}": b"one", f"b/{name}": b"two", "labels.csv": LABELS})
    with pytest.raises(FetchError, match="differ") as caught:
        adopt(here, folder)
    assert str(folder / "a" / name) in str(caught.value)
    assert str(folder / "b" / name) in str(caught.value)
    assert here.files("tiny") is None
    (folder / "b" / name).write_bytes(b"one")
    adopt(here, folder)
    assert sorted(tree(here).values()) == sorted([LABELS, b"one"])


def test_a_member_and_a_file_of_one_name_that_differ(root: Path, place: Callable[..., Path]) -> None:
    twice = (*FILES, RemoteFile("test.zip", "pictures", members=("T_*.jpg",)))
    here = workspace(root, *twice)
    folder = place("d", **{"train.zip": ZIP, "test.zip": packed({"Test/T_2.jpg": b"another"})})
    with pytest.raises(FetchError, match=r"differ.*T_2.jpg") as caught:
        adopt(here, folder)
    assert "train.zip/Train/T_2.jpg" in str(caught.value)
    assert "test.zip/Test/T_2.jpg" in str(caught.value)


@pytest.mark.parametrize("data", [ZIP[:-40], ZIP[:300], b"", b"<html>log in</html>"])
def test_a_zip_cut_short_is_not_adopted(root: Path, place: Callable[..., Path], data: bytes) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS, "train.zip": data})
    with pytest.raises(FetchError, match="cut short") as caught:
        adopt(here, folder)
    assert str(folder / "train.zip") in str(caught.value)
    assert caught.value.done == "not adopted"
    assert here.files("tiny") is None


def test_a_hostile_zip_is_not_adopted(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    with pytest.raises(FetchError, match="leads outside"):
        adopt(here, place("d", **{"train.zip": packed({"../T_1.jpg": b"1"})}))


def test_nothing_found_names_what_was_looked_for(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    with pytest.raises(FetchError, match="nothing of tiny") as caught:
        adopt(here, place("d", **{"notes.txt": b"no"}))
    assert caught.value.expected == "labels.csv, train.zip, T_[0-9].jpg, ages.csv, extra.csv"
    with pytest.raises(FetchError, match="no such folder"):
        adopt(here, root / "nowhere")
    assert fetch.needs(here, "tiny")
    assert not here.lock_path.exists()


def test_several_folders_at_once_and_one_after_another(root: Path, place: Callable[..., Path]) -> None:
    one, two = place("one", **{"labels.csv": LABELS, "T_1.jpg": b"1"}), place("two", **{"T_2.jpg": b"2"})
    here = workspace(root)
    adopt(here, one, two)
    assert set(tree(here)) == {"labels.csv", "T_1.jpg", "T_2.jpg"}
    adopt(here, place("three", **{"x/T_2.jpg": b"3"}))
    assert tree(here) == {"labels.csv": LABELS, "T_1.jpg": b"1", "x/T_2.jpg": b"3"}, "the later one replaces"
    assert [Path(folder).name for folder in locked(here).folders] == ["one", "two", "three"]


def test_a_file_may_be_named_itself(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    adopt(here, place("d", **{"labels.csv": LABELS}) / "labels.csv")
    assert set(tree(here)) == {"labels.csv"}


@pytest.mark.parametrize("name", ["Book.xls", "Book.xlsx"])
def test_a_workbook_under_either_name(root: Path, place: Callable[..., Path], name: str) -> None:
    book = RemoteFile("Book.xls", "labels", also_named=("Book.xlsx",))
    here = workspace(root, book)
    adopt(here, place("d", **{name: b"workbook"}))
    assert tree(here) == {"Book.xls": b"workbook"}


def test_an_archive_that_comes_later_wins_over_its_unpacked_content(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    adopt(here, place("d", **{"T_1.jpg": b"shrunk", "ages.csv": b"a"}))
    adopt(here, place("e", **{"train.zip": ZIP}))
    assert tree(here) == {"ages.csv": b"a"} | {f"train.zip/{name}": data for name, data in PICTURES.items()}


def test_labels_only_takes_no_picture(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place(
        "d", **{"labels.csv": LABELS, "train.zip": ZIP, "T_1.jpg": b"1", "ages.csv": b"a", "extra.csv": b"e"}
    )
    adopt(here, folder, labels_only=True)
    assert tree(here) == {"labels.csv": LABELS, "ages.csv": b"a"}
    assert not fetch.needs(here, "tiny", labels_only=True)
    shutil.rmtree(here.cache)
    fetch.run(here, ["tiny"], labels_only=True)
    assert tree(here) == {"labels.csv": LABELS, "ages.csv": b"a"}


def test_labels_only_of_a_source_of_sheets(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root, RemoteFile("sheets.zip", "pictures", members=("*.png",)))
    report = adopt(here, place("d", **{"a.png": b"1"}), labels_only=True)
    assert report.exit_code == 0
    assert "no label files" in report.notes[0]


def test_lost_objects_come_back_from_the_remembered_folders(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    one = place("one", **{"labels_table": b"mine", "T_1.jpg": b"1", "T_2.jpg": b"2"})
    adopt(here, one)
    adopt(here, place("root/inside", **{"T_2.jpg": b"second"}))
    assert locked(here).folders == [str(one), "inside"], "a folder in the root is remembered from the root"
    before, text = tree(here), here.lock_path.read_text()
    here.store.path(sha(b"1")).unlink()
    assert fetch.needs(here, "tiny")
    fetch.run(here, ["tiny"])
    assert tree(here) == before
    shutil.rmtree(here.cache)
    assert fetch.needs(here, "tiny")
    report = fetch.run(here, ["tiny"])
    assert (report.exit_code, tree(here)) == (0, before)
    assert here.lock_path.read_text() == text
    assert not fetch.needs(here, "tiny")


def test_a_folder_that_gives_other_bytes_back_is_said_so(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": b"mine", "T_1.jpg": b"1"})
    adopt(here, folder)
    text = here.lock_path.read_text()
    shutil.rmtree(here.cache)
    (folder / "labels.csv").write_bytes(b"changed")
    with pytest.raises(FetchError, match=r"gone(.|\n)*labels.csv(.|\n)*--from"):
        fetch.run(here, ["tiny"])
    (folder / "labels.csv").write_bytes(b"mine")
    (folder / "T_1.jpg").write_bytes(b"changed")
    with pytest.raises(FetchError, match="1 unpacked files of 1 bytes"):
        fetch.run(here, ["tiny"])
    shutil.rmtree(folder)
    with pytest.raises(FetchError, match="gone"):
        fetch.run(here, ["tiny"])
    assert here.lock_path.read_text() == text
    report = adopt(here, place("e", **{"labels.csv": LABELS}))
    assert any("forgotten" in note for note in report.notes)
    assert not fetch.needs(here, "tiny")
    assert locked(here).loose is None


def test_only_the_listing_was_lost(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS, "train.zip": ZIP})
    adopt(here, folder)
    before = tree(here)
    here.tree_path("tiny").write_text("{}")
    shutil.rmtree(folder)
    fetch.run(here, ["tiny"])
    assert tree(here) == before


def test_a_rar_is_kept_and_asks_to_be_unpacked(root: Path, place: Callable[..., Path]) -> None:
    files = (
        RemoteFile("labels.csv", "labels"),
        RemoteFile("All.rar", "pictures", members=("T_*.jpg",), provides=("labels.csv",)),
    )
    here = workspace(root, *files)
    report = adopt(here, place("d", **{"All.rar": b"Rar!\x1a\x07\x01\x00rest"}))
    assert report.exit_code == 3
    assert "unpack it" in report.problems[0]
    report = adopt(here, place("e", **{"labels.csv": LABELS, "T_1.jpg": b"1"}))
    assert report.exit_code == 0
    assert {"labels.csv", "T_1.jpg"} <= set(tree(here))


def test_a_zip_in_a_zip_provides_its_parts(root: Path, place: Callable[..., Path]) -> None:
    one = RemoteFile(
        "one.zip", "pictures", optional=True, members=("T_*.jpg", "labels.csv"), provides=("labels.csv", "train.zip")
    )
    here = workspace(root, *FILES, one)
    report = adopt(here, place("d", **{"one.zip": packed({"images/train.zip": ZIP, "labels.csv": LABELS})}))
    names = {f"one.zip/images/train.zip/{name}" for name in PICTURES} | {"one.zip/labels.csv"}
    assert set(tree(here)) == names
    assert not any("not here" in note for note in report.notes)


def test_several_sources_one_of_which_is_not_there(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    here = workspace(root, RemoteFile("more.csv", "labels"), name="other", parser="table")
    report = fetch.run(here, ["other", "tiny"], from_=[place("d", **{"labels.csv": LABELS})])
    assert set(tree(here)) == {"labels.csv"}
    assert report.exit_code == 3
    assert report.problems[0].startswith("other: nothing of other")


def test_a_manual_source_says_what_to_place(root: Path) -> None:
    report = fetch.run(workspace(root), ["tiny"])
    assert report.exit_code == 3
    assert "Place labels.csv and the pictures." in report.problems[0]
    assert "labels.csv, train.zip" in report.problems[0]


# --- what the lock remembers ----------------------------------------------------------------------------------------


def test_one_fetch_at_a_time(root: Path, place: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS})
    monkeypatch.setattr(alone, "_PATIENCE", 0.1)
    with alone.alone(here.cache), pytest.raises(FetchError, match="another curate fetches in this root") as caught:
        adopt(here, folder)
    assert caught.value.exit_code == 3
    assert caught.value.hint
    assert not here.lock_path.exists()
    assert adopt(here, folder).exit_code == 0


def test_a_killed_fetch_does_not_keep_others_out(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    program = (
        "import sys, time; from pathlib import Path; from curate.fetching.alone import alone\n"
        "with alone(Path(sys.argv[1])): print('in', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(here.cache)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(FetchError, match="another curate"):
            adopt(here, place("d", **{"labels.csv": LABELS}))
        other.kill()
    assert adopt(here, place("d", **{"labels.csv": LABELS})).exit_code == 0


def test_two_fetches_at_once_lose_nothing(root: Path, place: Callable[..., Path]) -> None:
    names = [f"s{number}" for number in range(4)]
    for name in names:
        workspace(root, RemoteFile(f"{name}.csv", "labels"), name=name)
    folder = place("d", **{f"{name}.csv": name.encode() for name in names})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: fetch.run(Workspace(root), [name], from_=[folder]), names))
    assert sorted(lock.read(root / "corpus.lock.json")) == names


@pytest.mark.parametrize("unpacked", [True, False])
def test_a_lock_that_was_taken_away_is_written_again(root: Path, place: Callable[..., Path], unpacked: bool) -> None:
    here = workspace(root)
    adopt(here, place("d", **({"labels.csv": LABELS, **PICTURES} if unpacked else {"train.zip": ZIP})))
    before = locked(here)
    here.lock_path.unlink()
    report = next(pipeline.build(here, until="fetch"))
    assert report.exit_code == 0
    assert "tiny: locked again as it is here; the folders it came from are unknown" in report.notes
    assert (locked(here).files, locked(here).loose) == (before.files, before.loose)
    assert locked(here).folders == []
    assert not fetch.needs(here, "tiny")
    shutil.rmtree(here.store.folder)
    with pytest.raises(FetchError, match="gone") as caught:
        fetch.run(here, ["tiny"])
    assert caught.value.where == "the folders are not known"
    assert ("T_1.jpg, T_2.jpg, of 2 unpacked files" if unpacked else "train.zip") in str(caught.value)


def test_pictures_beside_labels_come_when_they_are_wanted(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS, "ages.csv": b"a", **PICTURES})
    adopt(here, folder, labels_only=True)
    assert locked(here).labels_only == [str(folder)]
    assert set(tree(here)) == {"labels.csv", "ages.csv"}
    assert not fetch.needs(here, "tiny", labels_only=True)
    assert fetch.needs(here, "tiny")
    report = next(pipeline.build(here, until="fetch"))
    assert (report.made, report.there, report.exit_code) == (2, 2, 0)
    assert set(tree(here)) == {"labels.csv", "ages.csv", *PICTURES}
    assert locked(here).labels_only == []
    assert not fetch.needs(here, "tiny")
    adopt(here, folder, labels_only=True)
    assert locked(here).labels_only == [], "what was adopted whole stays whole"
    before = tree(here)
    shutil.rmtree(here.cache)
    fetch.run(here, [])
    assert tree(here) == before


@pytest.mark.parametrize("by", ["fetch", "adopt"])
def test_an_archive_beside_labels_stands_for_what_lay_unpacked(root: Path, place: Callable[..., Path], by: str) -> None:
    here = workspace(root)
    whole = packed({**PICTURES, "ages.csv": b"a"})
    folder = place("d", **{"labels.csv": LABELS, "ages.csv": b"a", "train.zip": whole})
    adopt(here, folder, labels_only=True)
    assert set(tree(here)) == {"labels.csv", "ages.csv"}
    fetch.run(here, ["tiny"]) if by == "fetch" else adopt(here, folder)
    before = tree(here)
    assert len(before) == 4
    shutil.rmtree(here.cache)
    fetch.run(here, [])
    assert tree(here) == before


def test_what_has_nothing_to_fetch_leaves_no_trace(root: Path, place: Callable[..., Path]) -> None:
    workspace(root, RemoteFile("sheets.zip", "pictures", members=("*.png",)), name="sheets")
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS, "a.png": b"1"})
    report = fetch.run(here, ["sheets", "tiny"], from_=[folder], labels_only=True)
    assert report.exit_code == 0
    assert any("sheets has no label files" in note for note in report.notes)
    assert list(lock.read(here.lock_path)) == ["tiny"]
    assert here.remembered() == ["tiny"]
    assert fetch.run(here, ["sheets"], labels_only=True).exit_code == 0
    assert next(pipeline.build(here, until="fetch")).exit_code == 0
    here.lock_path.write_text('{"sheets": {"files": {}}}')
    assert here.remembered() == ["tiny"], "its tree is here; an empty entry is none"


def test_what_a_folder_does_not_give_back_is_named(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS}, **{f"T_{number}.jpg": bytes([number]) for number in range(9)})
    adopt(here, folder)
    for number in range(7):
        (folder / f"T_{number}.jpg").unlink()
    (folder / "T_8.jpg").write_bytes(b"changed")
    place("d", **{"x/ages.csv": b"laid there since"})
    here.store.path(sha(bytes([3]))).unlink()
    with pytest.raises(FetchError, match=r"T_3\.jpg, of 9 unpacked files"):
        fetch.run(here, ["tiny"])
    here.store.path(sha(bytes([8]))).unlink()
    with pytest.raises(FetchError, match=r"T_3\.jpg, T_8\.jpg \(other bytes now\), of 9"):
        fetch.run(here, ["tiny"])
    shutil.rmtree(here.cache)
    with pytest.raises(FetchError, match=r"T_0\.jpg, (T_\d\.jpg, )+T_4\.jpg and 2 more, of 9 unpacked files") as caught:
        fetch.run(here, ["tiny"])
    assert caught.value.hint is not None
    assert caught.value.hint.endswith(f"curate fetch tiny --from {folder}")
    report = adopt(here, folder)
    assert (report.made, report.there) == (4, 0)


def test_counts_after_the_cache_was_lost(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": LABELS, "T_1.jpg": b"1"})
    adopt(here, folder)
    shutil.rmtree(here.cache)
    place("d", **{"T_2.jpg": b"2"})
    report = adopt(here, folder)
    assert (report.made, report.there) == (3, 0)
    here.store.path(sha(b"1")).unlink()
    report = fetch.run(here, ["tiny"])
    assert (report.made, report.there) == (1, 2)
    assert (fetch.run(here, ["tiny"]).made, fetch.run(here, ["tiny"]).there) == (0, 3)


def test_nothing_found_forgets_nothing(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    folder = place("d", **{"labels.csv": b"mine"})
    adopt(here, folder)
    text = here.lock_path.read_text()
    shutil.rmtree(here.cache)
    shutil.rmtree(folder)
    with pytest.raises(FetchError, match="nothing of tiny"):
        adopt(here, place("e", **{"notes.txt": b"no"}))
    assert here.lock_path.read_text() == text


def test_large_plain_files_of_one_name_are_compared_in_pieces(root: Path, place: Callable[..., Path]) -> None:
    data = b"0123456789abcdef" * 200_000
    box = RemoteFile("box.zip", "documents", members=("big.csv",))
    here = workspace(root, RemoteFile("big.csv", "labels"), box)
    adopt(here, place("d", **{"big.csv": data, "box.zip": packed({"big.csv": data})}))
    assert list(tree(here)) == ["big.csv"]


# --- downloading ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    quick = transfer.Patience(tries=2, backoff=0.001, connect=2, read=2)
    monkeypatch.setitem(transfer.fetch.__kwdefaults__, "patience", quick)
    with serving() as here:
        here.pages = {"/labels.csv": Page(LABELS), "/train.zip": Page(ZIP), "/extra.csv": Page(b"extra")}
        yield here


def opened(root: Path, server: Server, **other: Any) -> Workspace:
    files = tuple(dataclasses.replace(file, urls=(server.url("/" + file.name),)) for file in FILES)
    return workspace(root, *files, **{"access": "open", "instructions": "", **other})


def test_an_open_source_is_downloaded_once(root: Path, server: Server) -> None:
    here = opened(root, server)
    assert fetch.needs(here, "tiny")
    report = fetch.run(here, ["tiny"])
    assert (report.made, report.exit_code) == (2, 0)
    assert set(tree(here)) == {"labels.csv", "train.zip/Train/T_1.jpg", "train.zip/Train/T_2.jpg"}
    assert sorted(path for path, _ in server.asked) == ["/labels.csv", "/train.zip"]
    assert locked(here).files["labels.csv"].official
    assert locked(here).files["train.zip"].origin == server.url("/train.zip")
    assert not list((here.cache / "incoming" / "tiny").iterdir())
    assert not fetch.needs(here, "tiny")
    again = fetch.run(here, ["tiny"])
    assert (again.made, again.there, len(server.asked)) == (0, 2, 2)


def test_labels_only_downloads_labels_only(root: Path, server: Server) -> None:
    here = opened(root, server)
    fetch.run(here, ["tiny"], labels_only=True)
    assert [path for path, _ in server.asked] == ["/labels.csv"]
    assert not fetch.needs(here, "tiny", labels_only=True)
    assert fetch.needs(here, "tiny")
    fetch.run(here, ["tiny"])
    assert [path for path, _ in server.asked] == ["/labels.csv", "/train.zip"]


def test_a_failed_file_is_named_and_the_rest_comes(root: Path, server: Server) -> None:
    here = opened(root, server)
    server.pages["/train.zip"] = Page(b"<html>", kind="text/html")
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 3
    assert "train.zip could not be downloaded" in report.problems[0]
    assert set(tree(here)) == {"labels.csv"}
    assert fetch.needs(here, "tiny")
    server.pages["/train.zip"] = Page(ZIP)
    assert fetch.run(here, ["tiny"]).made == 1


def test_a_licence_has_to_be_accepted_and_is_recorded(root: Path, server: Server) -> None:
    here = opened(root, server, license="CC-BY-NC-4.0", needs_acceptance=True)
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 3
    assert "--accept-license" in report.problems[0]
    assert not server.asked
    assert fetch.run(here, ["tiny"], accept_license=True).exit_code == 0
    accepted = json.loads(here.lock_path.read_text())["tiny"]["accepted"]
    assert accepted["license"] == "CC-BY-NC-4.0"
    assert len(accepted["date"]) == 10
    shutil.rmtree(here.cache)
    assert fetch.run(here, ["tiny"]).exit_code == 0


def test_an_unpinned_file_that_changes_upstream(root: Path, server: Server) -> None:
    here = opened(root, server)
    fetch.run(here, ["tiny"])
    shutil.rmtree(here.cache)
    server.pages["/train.zip"] = Page(packed({"Train/T_1.jpg": b"new"}))
    report = fetch.run(here, ["tiny"])
    assert "changed upstream" in report.problems[0]
    assert set(tree(here)) == {"labels.csv"}


def test_what_was_adopted_is_not_downloaded_by_needs_but_by_fetch(
    root: Path, server: Server, place: Callable[..., Path]
) -> None:
    here = opened(root, server)
    adopt(here, place("d", **{"labels.csv": b"mine"}))
    assert not fetch.needs(here, "tiny")
    shutil.rmtree(here.cache)
    fetch.run(here, ["tiny"])
    assert not server.asked, "what was lost comes back; what was never here is another call"
    fetch.run(here, ["tiny"])
    assert [path for path, _ in server.asked] == ["/train.zip"]
    assert tree(here)["labels.csv"] == b"mine"
    shutil.rmtree(here.cache)
    fetch.run(here, ["tiny"])
    assert len(tree(here)) == 3
    assert not fetch.needs(here, "tiny")


def test_without_names_only_what_is_remembered_and_nothing_unasked(
    root: Path, server: Server, place: Callable[..., Path]
) -> None:
    here = opened(root, server)
    opened(root, server, name="other")
    here = Workspace(root)
    adopt(here, place("d", **{"labels.csv": b"mine"}))
    assert fetch.run(here).exit_code == 0
    shutil.rmtree(here.cache)
    assert fetch.run(here).made == 1
    here.tree_path("tiny").unlink()
    assert next(pipeline.build(here, until="fetch")).exit_code == 0
    assert not server.asked
    fetch.run(here, ["tiny"])
    assert [path for path, _ in server.asked] == ["/train.zip"]


def test_without_names_and_with_nothing_here_all_sources(root: Path, server: Server) -> None:
    opened(root, server)
    opened(root, server, name="other")
    here = Workspace(root)
    assert fetch.run(here, labels_only=True).exit_code == 0
    assert here.remembered() == ["other", "tiny"]


def test_official_bytes_that_were_adopted_and_are_lost_are_downloaded(
    root: Path, server: Server, place: Callable[..., Path]
) -> None:
    here = opened(root, server)
    folder = place("d", **{"labels.csv": LABELS})
    adopt(here, folder)
    shutil.rmtree(here.cache)
    shutil.rmtree(folder)
    assert fetch.run(here, ["tiny"]).exit_code == 0
    assert [path for path, _ in server.asked] == ["/labels.csv"]
    assert set(tree(here)) == {"labels.csv"}


def test_content_that_lies_unpacked_in_full_is_not_downloaded(
    root: Path, server: Server, place: Callable[..., Path]
) -> None:
    here = opened(root, server)
    adopt(here, place("d", **PICTURES))
    fetch.run(here, ["tiny"])
    assert [path for path, _ in server.asked] == ["/labels.csv"]


def test_no_more_than_four_connections_to_a_host(root: Path, server: Server) -> None:
    files = []
    for number in range(12):
        server.pages[f"/{number}.csv"] = Page(f"{number}".encode(), delay=0.05)
        files.append(RemoteFile(f"{number}.csv", "labels", urls=(server.url(f"/{number}.csv"),)))
    here = workspace(root, *files, access="open", instructions="")
    assert fetch.run(here, ["tiny"]).made == 12
    assert 2 <= server.most_at_once <= 4


def test_without_a_network_it_gives_up_soon_and_says_what_to_do(root: Path, curate: Curate) -> None:
    known = read_all(Path(__file__).parents[1] / "manifests")["isic_2016"]
    hosts = [nobody(), nobody()]
    files = tuple(
        dataclasses.replace(file, urls=tuple(f"http://{host}/{file.name}" for host in hosts)) for file in known.files
    )
    (root / "manifests" / "isic_2016.toml").write_text(dump(dataclasses.replace(known, files=files)), encoding="utf-8")
    begun = time.monotonic()
    done = curate("fetch", "isic_2016", root=root)
    assert time.monotonic() - begun < 20
    assert done.returncode == 3
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    for file in files:
        if not file.optional:
            assert f"{file.name} could not be downloaded: no host that has it can be reached" in said
    for host in hosts:
        assert f"{host} cannot be reached: Connection refused" in said
    assert "look whether this computer is on the network" in said
    left = [path.name for path in (root / "data_cache").rglob("*") if path.is_file()]
    assert left == [".fetch.lock"]
    assert not (root / "corpus.lock.json").exists()
    assert Workspace(root).remembered() == []
    assert lock.read(root / "corpus.lock.json").get("isic_2016", lock.LockedSource()) == lock.LockedSource()


def test_too_little_room_is_said_before_anything_is_asked(root: Path, server: Server) -> None:
    file = RemoteFile("huge.zip", "pictures", urls=(server.url("/train.zip"),), bytes=1 << 60, members=("*.jpg",))
    with pytest.raises(FetchError, match="not enough room"):
        fetch.run(workspace(root, file, access="open", instructions=""), ["tiny"])
    assert not server.asked


def test_bytes_of_another_source_are_not_downloaded_again(root: Path, server: Server) -> None:
    here = opened(root, server)
    here.store.adopt_bytes(LABELS)
    fetch.run(here, ["tiny"], labels_only=True)
    assert not server.asked
    assert set(tree(here)) == {"labels.csv"}


# --- the real files -------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_the_real_files_are_adopted_as_they_lie(real: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    here = Workspace(tmp_path / "root")
    isic = real / "isic"
    calls: dict[str, tuple[list[Path], int]] = {
        "isic_2016": ([isic / "metadata", isic / "images/uda1_original"], 2 + 107),
        "isic_2017": ([isic / "metadata", isic / "images/isic2017_256x256"], 3 + 2 + 144),
        "isic_2018": ([isic / "metadata", isic / "images/ham10000_600x450"], 1 + 3 + 6),
        "isic_2019": ([isic / "metadata"], 4),
        "isic_2020": ([isic / "metadata"], 4),
        "asan": ([real / "asan"], 6),
        "hallym": ([real / "asan"], 1),
        "severance": ([real / "severance"], 1 + 60),
        "ph2": ([real / "ph2"], 2 + 17),
        "pad_ufes_20": ([real / "pad_ufes_20"], 1 + 34),
    }
    for source, (folders, count) in calls.items():
        assert fetch.run(here, [source], from_=folders).exit_code == 0
        files = here.files(source)
        assert files is not None
        assert len(files) == count, source
    metadata = lock.read(here.lock_path)["isic_2018"].files["HAM10000_metadata.csv"]
    assert (metadata.official, metadata.bytes) == (True, 690218)
    shutil.rmtree(here.cache)
    for source, (_, count) in calls.items():
        assert fetch.needs(here, source)
        fetch.run(here, [source])
        files = here.files(source)
        assert files is not None
        assert len(files) == count, source
        assert not fetch.needs(here, source)
