"""`dedup --pictures`: which files of any folder are one picture, why, and what could not be read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Curate
from test_nearness import CHANGES, lesion

from curate import pictures_alike
from curate.images import codec
from curate.pictures_alike import alike
from curate.recipe import DedupRecipe
from curate.report import Advance


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "more").mkdir()
    for seed in range(4):
        (tmp_path / f"{seed}.png").write_bytes(codec.encode(lesion(seed), "PNG"))
    (tmp_path / "more" / "0 again!.png").write_bytes(codec.encode(lesion(0), "PNG"))
    data = codec.encode(lesion(1), "PNG")
    (tmp_path / "more" / "1 + a chunk.png").write_bytes(data[:-12] + b"\0\0\0\0tEXt\xbf\x9a\xe2\x05" + data[-12:])
    (tmp_path / "more" / "2 mirrored.jpg").write_bytes(codec.encode(CHANGES["mirror"](lesion(2)), "JPEG", 60))
    (tmp_path / "cut.jpg").write_bytes(codec.encode(lesion(3), "JPEG")[:900])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("no picture", encoding="utf-8")
    return tmp_path


def test_each_pair_is_told_with_its_kind_and_what_cannot_be_read_with_its_reason(folder: Path) -> None:
    found = alike(folder, DedupRecipe(), workers=1)
    assert [(row["first"], row["second"], row["kind"]) for row in found["pairs"]] == [
        ("0.png", "more/0 again!.png", "same bytes"),
        ("1.png", "more/1 + a chunk.png", "same pixels"),
        ("2.png", "more/2 mirrored.jpg", "near"),
    ]
    assert "mirrored" in found["pairs"][2]["evidence"]
    assert 0.92 < found["pairs"][2]["score"] <= 1
    assert found["pictures"] == 7
    assert [row["file"] for row in found["unreadable"]] == ["cut.jpg", "empty.jpg"]
    assert found["unreadable"][1]["reason"] == "the picture has no bytes (expected a picture, found 0 bytes)"
    assert "cannot be decoded whole" in found["unreadable"][0]["reason"]


def test_the_exit_says_whether_there_are_pairs(folder: Path, curate: Curate, tmp_path: Path) -> None:
    done = curate("dedup", "--pictures", str(folder), "--json", root=tmp_path)
    assert done.returncode == 1
    assert len(json.loads(done.stdout)["pairs"]) == 3
    for path in (folder / "more").iterdir():
        path.unlink()
    done = curate("dedup", "--pictures", str(folder), root=tmp_path)
    assert done.returncode == 0
    assert "4 pictures, 0 pairs" in done.stdout
    assert "not read: cut.jpg" in done.stdout
    done = curate("dedup", "--pictures", str(folder / "gone"), root=tmp_path)
    assert done.returncode == 3
    assert "cannot be read" in done.stderr


def test_a_crowd_of_equal_pictures_is_told_once_each(tmp_path: Path) -> None:
    for number in range(80):
        (tmp_path / f"{number:02d}.png").write_bytes(codec.encode(lesion(1, 40, 60), "PNG"))
    found = alike(tmp_path, DedupRecipe(), workers=1)
    assert len(found["pairs"]) == 79
    assert {row["first"] for row in found["pairs"]} == {"00.png"}


@pytest.mark.parametrize("stands_for_another", [False, True])
def test_a_file_that_goes_before_it_is_compared_costs_only_itself(
    folder: Path, stands_for_another: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if stands_for_another:
        (folder / "2 again.png").write_bytes((folder / "2.png").read_bytes())
    gone = "2 again.png" if stands_for_another else "2.png"
    nearness = pictures_alike._near

    def later(*given: Any) -> Any:
        (folder / gone).unlink(missing_ok=True)
        return nearness(*given)

    monkeypatch.setattr(pictures_alike, "_near", later)
    found = alike(folder, DedupRecipe(), workers=1)
    assert [row["file"] for row in found["unreadable"]] == [gone, "cut.jpg", "empty.jpg"]
    assert "changed while it was read" in found["unreadable"][0]["reason"]
    assert [row["kind"] for row in found["pairs"]] == ["same bytes", "same pixels"] + ["near"] * stands_for_another
    assert gone not in {name for row in found["pairs"] for name in (row["first"], row["second"])}


def test_what_is_passed_over_is_named(folder: Path, curate: Curate, tmp_path: Path) -> None:
    (folder / "IMG_1.heic").write_bytes(b"x")
    (folder / "bare").write_bytes(codec.encode(lesion(0), "PNG"))
    (folder / "broken.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "linked").symlink_to(folder / "more")
    done = curate("dedup", "--pictures", str(folder), "--json", root=tmp_path)
    assert {row["file"]: row["reason"] for row in json.loads(done.stdout)["skipped"]} == {
        "IMG_1.heic": "no picture by its ending '.heic'",
        "bare": "a name without an ending",
        "broken.jpg": "a link to nothing",
        "linked": "a link to a folder, which is not followed",
        "notes.txt": "no picture by its ending '.txt'",
    }
    done = curate("dedup", "--pictures", str(folder), root=tmp_path)
    assert "5 skipped" in done.stdout
    assert "skipped: broken.jpg: a link to nothing" in done.stdout


def test_a_folder_that_cannot_be_read_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "more":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    skipped = alike(folder, DedupRecipe(), workers=1)["skipped"]
    assert {"file": "more", "reason": "a folder that cannot be read: Permission denied"} in skipped


def test_both_halves_tell_how_far_they_are(folder: Path) -> None:
    bars: dict[str, list[int]] = {}

    @contextmanager
    def progress(title: str, total: int | None, unit: str) -> Iterator[Advance]:
        bars[title] = [total or 0, 0]

        def moved(amount: int) -> None:
            bars[title][1] += amount

        yield Advance(moved)

    alike(folder, DedupRecipe(), workers=1, progress=progress)
    assert list(bars) == ["look", "look whole", "look again", "compare"]
    assert all(total == moved for total, moved in bars.values())
