"""What bad input gets: a clear message or a row with a reason; nothing lost, nothing guessed, no traceback."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path

import openpyxl
import pytest
from conftest import Curate
from PIL import Image

from curate import Workspace
from curate.demo.world import World, make
from curate.workspace import shipped


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make(tmp_path_factory.mktemp("world"), size="tiny")


@pytest.fixture
def files(world: World, tmp_path: Path) -> Path:
    """A copy of the drawn world's files, to be spoilt."""
    return Path(shutil.copytree(world.served, tmp_path / "files"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root that looks for copies by hashes alone: no bad input here is about copies, and places take a minute."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "curate.toml").write_text("[dedup]\nby_places = false\n", encoding="utf-8")
    return tmp_path / "root"


def adopt(curate: Curate, root: Path, source: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = curate("fetch", source, "--from", folder, root=root)
    assert "Traceback" not in done.stderr
    return done


def build(curate: Curate, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = curate("build", *words, root=root)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def reasons(root: Path) -> Counter[str]:
    with Workspace(root).database(read_only=True) as database:
        assert not database.rows("conservation")
        return Counter(database.table("exclusions").column("reason").to_pylist())


def details(root: Path) -> dict[str, str]:
    with Workspace(root).database(read_only=True) as database:
        return {row["id"]: f"{row['reason']}: {row['detail']}" for row in database.table("exclusions").to_pylist()}


def rewrite_zip(path: Path, change: dict[str, bytes]) -> None:
    """Write the archive again with the members whose final name is in `change` replaced."""
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, change.get(name.rpartition("/")[2], data))


def test_a_csv_with_a_missing_column(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2020" / "ISIC_2020_Training_GroundTruth_v2.csv"
    path.write_text(path.read_text().replace("diagnosis,", "label,", 1))
    adopt(curate, root, "isic_2020", files / "isic_2020")
    done = build(curate, root)
    assert done.returncode == 3
    for word in (path.name, "diagnosis", "next:"):
        assert word in done.stderr, done.stderr


def test_a_label_nobody_mapped_is_named_and_then_mapped(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2020" / "ISIC_2020_Training_GroundTruth_v2.csv"
    assert path.read_text().count(",nevus,") > 1
    path.write_text(path.read_text().replace(",nevus,", ",halo nevus,", 1))
    adopt(curate, root, "isic_2020", files / "isic_2020")
    done = build(curate, root, "--labels-only")
    assert done.returncode == 3
    assert "halo nevus" in done.stderr
    assert "curate label --missing" in done.stderr
    missing = curate("label", "--missing", "--json", root=root)
    assert missing.returncode == 1
    [found] = json.loads(missing.stdout)["missing"]
    assert (found["file"], found["label"], found["records"]) == ("isic_2020.csv", "halo nevus", 1)
    shutil.copytree(shipped("label_maps"), root / "label_maps")
    with (root / "label_maps" / "isic_2020.csv").open("a", encoding="utf-8") as lines:
        lines.write("halo nevus,melanocytic_nevus,,added by a steward,\n")
    assert build(curate, root, "--labels-only").returncode == 0
    assert curate("label", "--missing", root=root).returncode == 0


def test_a_truncated_jpeg_is_a_row_with_a_reason(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2016" / "ISBI2016_ISIC_Part3_Training_Data.zip"
    with zipfile.ZipFile(path) as archive:
        names = [info.filename for info in archive.infolist() if info.filename.endswith(".jpg")]
        whole = archive.read(names[0])
    name = names[0].rpartition("/")[2]
    spoilt = {name: whole[: len(whole) // 2], names[1].rpartition("/")[2]: b"", names[2].rpartition("/")[2]: b"GIF89a"}
    rewrite_zip(path, spoilt)
    adopt(curate, root, "isic_2016", files / "isic_2016")
    assert build(curate, root, "--until", "split").returncode == 0
    assert reasons(root)["unreadable picture"] == 3
    assert "trunc" in details(root)[f"isic_2016:{name.removesuffix('.jpg')}"]


def test_a_member_that_does_not_match_its_checksum(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2016" / "ISBI2016_ISIC_Part3_Training_Data.zip"
    with zipfile.ZipFile(path) as archive:
        info = next(info for info in archive.infolist() if info.filename.endswith(".jpg"))
        data = archive.read(info)
    whole = bytearray(path.read_bytes())
    place = whole.find(data[100:200])
    whole[place] ^= 0xFF
    path.write_bytes(bytes(whole))
    assert "not the official bytes" in adopt(curate, root, "isic_2016", files / "isic_2016").stdout
    assert build(curate, root, "--until", "split").returncode == 0
    told = details(root)[f"isic_2016:{info.filename.rpartition('/')[2].removesuffix('.jpg')}"]
    assert told.startswith("unreadable picture: ")
    assert "CRC" in told


def test_a_label_file_in_a_zip_that_does_not_match_its_checksum(curate: Curate, files: Path, root: Path) -> None:
    (files / "ph2" / "PH2_dataset.txt").unlink()  # it is in the zip, too
    path = next((files / "ph2").glob("*.zip"))
    with zipfile.ZipFile(path) as archive:
        info = next(info for info in archive.infolist() if info.filename.endswith("PH2_dataset.txt"))
        start = info.header_offset + 30 + len(info.filename.encode())
    whole = bytearray(path.read_bytes())
    whole[start + info.compress_size // 2] ^= 0xFF
    path.write_bytes(bytes(whole))
    assert adopt(curate, root, "ph2", files / "ph2").returncode == 0, "no member is read to be adopted"
    done = build(curate, root, "--until", "split")
    assert done.returncode == 3
    for words in ("a member of an archive is damaged", "PH2_dataset.txt", "next:"):
        assert words in done.stderr, done.stderr


def test_a_zip_cut_short_is_not_adopted(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2016" / "ISBI2016_ISIC_Part3_Training_Data.zip"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done = adopt(curate, root, "isic_2016", files / "isic_2016")
    assert done.returncode == 3
    assert path.name in done.stderr
    assert "not adopted" in done.stderr


def test_an_empty_sheet(curate: Curate, files: Path, root: Path) -> None:
    path = next((files / "hallym").glob("*.zip"))
    empty = io.BytesIO()
    Image.new("RGBA", (2260, 580), "white").save(empty, "PNG")
    rewrite_zip(path, {"L#12dx#hallym#hallym bcc.png": empty.getvalue()})
    adopt(curate, root, "hallym", files / "hallym")
    assert build(curate, root, "--until", "split").returncode == 0
    assert details(root)["hallym:hallym-bcc"].startswith("sheet unreadable: ")


def test_a_sheet_that_is_no_picture(curate: Curate, files: Path, root: Path) -> None:
    rewrite_zip(files / "severance" / "SeveranceA_Thumbnails.zip", {"001.jpg": b"\xff\xd8 not a sheet"})
    adopt(curate, root, "severance", files / "severance")
    assert build(curate, root, "--until", "split").returncode == 0
    told = details(root)
    assert told["severance:001.jpg"].startswith("sheet unreadable: ")
    assert reasons(root)["sheet unreadable"] == 1
    assert reasons(root)["no label cell"] > 0


@pytest.mark.parametrize("place", ["last", "middle"])
def test_a_workbook_with_one_row_less_than_there_are_cases(
    curate: Curate, files: Path, root: Path, world: World, place: str
) -> None:
    path = files / "severance" / "SeveranceA.xlsx"
    book = openpyxl.load_workbook(path)
    sheet = book.active
    assert sheet is not None
    sheet.delete_rows(sheet.max_row if place == "last" else sheet.max_row // 2)
    book.save(path)
    adopt(curate, root, "severance", files / "severance")
    assert build(curate, root, "--until", "split").returncode == 0
    planted = [record for record in world.records if record.source == "severance"]
    with Workspace(root).database(read_only=True) as database:
        kept = database.table("corpus").to_pylist()
        claimed = database.count("records")
    assert claimed == len(planted)
    assert reasons(root)["sheet unreadable"] > 0
    right = world.by_id
    assert all(row["subtype"] == right[row["id"]].subtype for row in kept), "a row was guessed"


def test_a_label_row_twice(curate: Curate, files: Path, root: Path) -> None:
    path = files / "isic_2019" / "ISIC_2019_Training_GroundTruth.csv"
    rows = list(csv.reader(io.StringIO(path.read_text())))
    path.write_text("\r\n".join(",".join(row) for row in [*rows, rows[-1]]) + "\r\n")
    adopt(curate, root, "isic_2019", files / "isic_2019")
    done = build(curate, root, "--labels-only")
    assert done.returncode == 3
    assert rows[-1][0] in done.stderr


def test_a_broken_decision(curate: Curate, files: Path, root: Path) -> None:
    adopt(curate, root, "ph2", files / "ph2")
    (root / "decisions.csv").write_text("decision,first,second,note\nperhaps,ph2:IMD001,ph2:IMD002,\n")
    done = build(curate, root, "--until", "split")
    assert done.returncode == 2
    assert "decisions.csv, line 2" in done.stderr


def test_a_decision_about_nobody_is_not_passed_over(curate: Curate, files: Path, root: Path) -> None:
    adopt(curate, root, "ph2", files / "ph2")
    (root / "decisions.csv").write_text("decision,first,second,note\nwithdraw,ph2:IMD03,,typo\n")
    done = build(curate, root, "--until", "split")
    assert done.returncode == 2
    assert "ph2:IMD03" in done.stderr
    (root / "decisions.csv").write_text("decision,first,second,note\nwithdraw,isic_2019:ISIC_0000001,,not here\n")
    done = build(curate, root, "--until", "split")
    assert done.returncode == 0
    assert "isic_2019:ISIC_0000001 is of a source that is not here" in done.stdout
    (root / "decisions.csv").write_bytes(
        "decision,first,second,note\nwithdraw,ph2:IMD001,,d\xe9j\xe0\n".encode("latin-1")
    )
    assert build(curate, root, "--until", "split").returncode == 2


def test_a_person_decides(curate: Curate, files: Path, root: Path) -> None:
    adopt(curate, root, "ph2", files / "ph2")
    assert build(curate, root, "--until", "split").returncode == 0
    with Workspace(root).database(read_only=True) as database:
        first, second, third = database.table("corpus").column("id").to_pylist()[:3]
    (root / "decisions.csv").write_text(
        f"decision,first,second,note\naccept,{first},{second},seen by eye\nwithdraw,{third},,asked for by its owner\n"
    )
    assert build(curate, root, "--until", "split").returncode == 0
    told = details(root)
    assert told[third] == "rejected: withdrawn in decisions.csv: asked for by its owner"
    assert sum(text.startswith("duplicate") and "seen by eye" in text for text in told.values()) == 1


@pytest.mark.parametrize("room", [4_000, 60_000, 150_000])
def test_a_full_disk_leaves_nothing_half_written(files: Path, root: Path, curate: Curate, room: int) -> None:
    adopt(curate, root, "isic_2018", files / "isic_2018")
    command = [sys.executable, "-m", "curate", "--root", str(root), "build", "--workers", "1"]

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=small_files, check=False)
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    assert "next:" in done.stderr
    assert build(curate, root).returncode == 0
    assert not reasons(root)["unreadable picture"]


@pytest.mark.parametrize("seconds", [0.5, 1.5])
def test_an_interrupt_is_no_traceback(files: Path, root: Path, curate: Curate, seconds: float) -> None:
    adopt(curate, root, "severance", files / "severance")
    command = [sys.executable, "-m", "curate", "--root", str(root), "build", "--workers", "2"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(seconds)
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert "Traceback" not in said
    # Both are 130 to a shell: with `-m` Python ends itself by the signal if it came while a string was executed, as is
    # done where a dataclass is made, though the interrupt was caught and answered.
    assert running.returncode in (130, -signal.SIGINT), said
    assert said.endswith("stopped; type the same again to go on\n")
    assert build(curate, root).returncode == 0
