"""Adopting what lies somewhere: by name, by hash, unpacked at any depth; two of one name; the real files."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_source import FILES, LABELS, PICTURES, ZIP, adopt, locked, packed, sha, tree, workspace

from curate import lock
from curate.audit import verify
from curate.errors import FetchError
from curate.manifest import RemoteFile
from curate.stages import fetch
from curate.workspace import Workspace


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


def test_a_listing_with_any_bit_flipped_is_refused_and_made_anew(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    adopt(here, place("d", **{"labels.csv": LABELS, "train.zip": ZIP}))
    path = here.tree_path("tiny")
    whole, found = path.read_bytes(), tree(here)
    name = range(whole.rindex(b"sha256"), whole.rindex(b"sha256") + len("sha256"))  # else it is one without a hash
    for place_of in sorted({*range(0, len(whole), 7), *range(name.stop + 1, len(whole))} - {*name}):
        path.write_bytes(whole[:place_of] + bytes([whole[place_of] ^ 1 << place_of % 8]) + whole[place_of + 1 :])
        with pytest.raises(FetchError, match="the listing of a source's tree is damaged"):
            here.files("tiny")
        assert fetch.needs(here, "tiny")
    fetch.run(here, ["tiny"])
    assert path.read_bytes() == whole
    assert tree(here) == found


LOOSE = {"labels.csv": LABELS, "T_1.jpg": b"one", "T_2.jpg": b"two"}


@pytest.mark.parametrize("was", ['"T_1.jpg": "', '"source": "tiny"'])
def test_of_a_damaged_listing_is_left_what_the_lock_proves(root: Path, place: Callable[..., Path], was: str) -> None:
    here = workspace(root)
    folder = place("d", **LOOSE)
    adopt(here, folder)
    shutil.rmtree(folder)
    path = here.tree_path("tiny")
    whole, found = path.read_text(), tree(here)
    assert was in whole
    path.write_text(whole.replace(was, was.replace("t", "u").replace("T", "U")))
    assert {finding["kind"] for finding in verify.run(here).details["findings"]} == {"damaged listing"}
    fetch.run(here, ["tiny"])
    assert path.read_text() == whole
    assert tree(here) == found


def test_loose_files_under_a_damaged_name_come_from_their_folder_or_are_missed(
    root: Path, place: Callable[..., Path]
) -> None:
    here = workspace(root)
    folder = place("d", **LOOSE)
    adopt(here, folder)
    path = here.tree_path("tiny")
    whole, found = path.read_text(), tree(here)
    damaged = whole.replace('"T_1.jpg": [', '"T_0.jpg": [')
    assert damaged != whole
    path.write_text(damaged)
    fetch.run(here, ["tiny"])
    assert path.read_text() == whole
    assert tree(here) == found
    path.write_text(damaged)
    shutil.rmtree(folder)
    with pytest.raises(FetchError, match="gone, and its folders do not give it back"):
        fetch.run(here, ["tiny"])


def test_a_listing_from_before_listings_had_a_hash_is_taken_as_it_is(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root)
    adopt(here, place("d", **LOOSE))
    path, found = here.tree_path("tiny"), tree(here)
    given = json.loads(path.read_text())
    del given["sha256"]
    path.write_text(json.dumps(given, indent=1) + "\n")
    assert not fetch.needs(here, "tiny")
    assert tree(here) == found


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


def test_a_name_that_is_not_utf_8_is_said(root: Path, tmp_path: Path) -> None:
    here = workspace(root)
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "labels.csv").write_bytes(LABELS)
    stray = os.fsencode(folder) + b"/\xff.txt"
    Path(os.fsdecode(stray)).write_bytes(b"nobody asks for it")
    assert adopt(here, folder).made == 1
    inside = os.fsencode(folder) + b"/\xe9"
    Path(os.fsdecode(inside)).mkdir()
    Path(os.fsdecode(inside + b"/T_1.jpg")).write_bytes(b"picture")
    with pytest.raises(FetchError, match="not UTF-8") as caught:
        adopt(here, folder)
    assert "rename" in str(caught.value)
    str(caught.value).encode("utf-8")
    assert set(tree(here)) == {"labels.csv"}


def test_a_manual_source_says_what_to_place(root: Path) -> None:
    report = fetch.run(workspace(root), ["tiny"])
    assert report.exit_code == 3
    assert "Place labels.csv and the pictures." in report.problems[0]
    assert "labels.csv (38 bytes" in report.problems[0]
    assert "train.zip (unpinned" in report.problems[0]


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
