"""What a fetch remembers: the lock, the folders, what was labels only; losing the cache, being killed, two at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_source import LABELS, PICTURES, ZIP, adopt, locked, packed, sha, tree, workspace

from curate import lock, pipeline
from curate.errors import FetchError
from curate.manifest import RemoteFile
from curate.stages import fetch
from curate.workspace import Workspace


def test_two_fetches_at_once_lose_nothing(root: Path, place: Callable[..., Path]) -> None:
    names = [f"s{number}" for number in range(4)]
    for name in names:
        workspace(root, RemoteFile(f"{name}.csv", "labels"), name=name)
    folder = place("d", **{f"{name}.csv": name.encode() for name in names})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: fetch.run(Workspace(root, wait=str), [name], from_=[folder]), names))
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
