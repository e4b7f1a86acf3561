"""Downloading what an open source publishes, from a real server that may misbehave."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import Curate
from hostile_server import Page, Server, nobody, serving
from tiny_source import FILES, LABELS, PICTURES, ZIP, adopt, locked, packed, tree, workspace

from curate import lock, pipeline
from curate.audit import verify
from curate.errors import FetchError
from curate.manifest import RemoteFile, dump, read_all
from curate.report import Advance
from curate.stages import fetch
from curate.workspace import Workspace


@pytest.fixture
def server(impatient: None) -> Iterator[Server]:
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
    accepted = json.loads(here.lock_path.read_text())["sources"]["tiny"]["accepted"]
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


def test_the_archive_that_holds_all_comes_where_its_parts_cannot_be_had(root: Path, server: Server) -> None:
    part = dataclasses.replace(FILES[1], urls=(server.url("/gone.zip"),))
    labels = dataclasses.replace(FILES[0], urls=(server.url("/labels.csv"),))
    whole = RemoteFile(
        "whole.zip",
        "pictures",
        urls=(server.url("/whole.zip"),),
        optional=True,
        members=("T_*.jpg",),
        provides=("labels.csv", "train.zip"),
    )
    server.pages["/whole.zip"] = Page(packed({"train.zip": ZIP}))
    here = workspace(root, labels, part, whole, access="open", instructions="")
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 0, report.problems
    assert any("train.zip could not be had; whole.zip, which holds it, came" in note for note in report.notes)
    assert set(tree(here)) == {"labels.csv", *(f"whole.zip/train.zip/{name}" for name in PICTURES)}
    assert not fetch.needs(here, "tiny")
    shutil.rmtree(here.cache)
    here.lock_path.unlink()
    server.pages["/whole.zip"] = Page(b"", status=404)
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 3
    assert sorted(problem.split(" could")[0] for problem in report.problems) == ["tiny: train.zip", "tiny: whole.zip"]
    server.asked.clear()
    server.pages["/labels.csv"] = Page(b"", status=404)
    fetch.run(here, ["tiny"], labels_only=True)
    assert "/whole.zip" not in [path for path, _ in server.asked], "not gigabytes for a table"


def test_a_source_named_twice_is_fetched_once(root: Path, server: Server) -> None:
    report = fetch.run(opened(root, server), ["tiny", "tiny"])
    assert (report.exit_code, report.made) == (0, 2)


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
    assert left == [".lock"]
    assert not (root / "corpus.lock.json").exists()
    assert Workspace(root).remembered() == []
    assert lock.read(root / "corpus.lock.json").get("isic_2016", lock.LockedSource()) == lock.LockedSource()


def test_too_little_room_is_said_before_anything_is_asked(root: Path, server: Server) -> None:
    file = RemoteFile("huge.zip", "pictures", urls=(server.url("/train.zip"),), bytes=1 << 60, members=("*.jpg",))
    with pytest.raises(FetchError, match="not enough room"):
        fetch.run(workspace(root, file, access="open", instructions=""), ["tiny"])
    assert not server.asked


def test_a_rounded_size_is_enough_to_ask_for_room(root: Path, server: Server) -> None:
    file = RemoteFile("huge.zip", "pictures", urls=(server.url("/train.zip"),), bytes_about=1 << 60, members=("*.jpg",))
    with pytest.raises(FetchError, match="not enough room"):
        fetch.run(workspace(root, file, access="open", instructions=""), ["tiny"])
    assert not server.asked


def test_the_bar_grows_to_what_the_hosts_tell(root: Path, server: Server) -> None:
    bars: list[list[int]] = []

    @contextmanager
    def progress(title: str, total: int | None, unit: str) -> Iterator[Advance]:
        bar = [total or 0, 0]
        bars.append(bar)

        def move(amount: int) -> None:
            bar[1] += amount

        def grow(more: int) -> None:
            bar[0] += more

        yield Advance(move, grow)

    here = opened(root, server)
    here.progress = progress
    fetch.run(here, ["tiny"])
    assert bars == [[len(LABELS) + len(ZIP)] * 2]


def test_masks_come_when_they_are_asked_for(root: Path, server: Server) -> None:
    masks = RemoteFile("masks.zip", "masks", urls=(server.url("/masks.zip"),), optional=True, members=("*_mask.png",))
    server.pages["/masks.zip"] = Page(packed({"T_1_mask.png": b"mask"}))
    files = tuple(dataclasses.replace(file, urls=(server.url("/" + file.name),)) for file in FILES)
    here = workspace(root, *files, masks, access="open", instructions="")
    fetch.run(here, ["tiny"])
    assert "masks.zip/T_1_mask.png" not in tree(here)
    assert fetch.run(here, ["tiny"], masks=True).made == 1
    assert tree(here)["masks.zip/T_1_mask.png"] == b"mask"
    assert fetch.run(here, ["tiny"], masks=True).made == 0
    assert sorted(path for path, _ in server.asked) == ["/labels.csv", "/masks.zip", "/train.zip"]


def test_what_a_person_placed_is_taken_before_anything_is_downloaded(root: Path, server: Server) -> None:
    here = opened(root, server)
    here.placed("tiny").mkdir(parents=True)
    (here.placed("tiny") / "train.zip").write_bytes(ZIP)
    fetch.run(here, ["tiny"])
    assert [path for path, _ in server.asked] == ["/labels.csv"]
    assert len(tree(here)) == 3


def test_what_has_to_be_placed_is_said_with_all_that_is_known(root: Path) -> None:
    files = (
        RemoteFile("labels.csv", "labels", bytes=len(LABELS), sha256="0" * 64),
        RemoteFile("train.zip", "pictures", members=("T_*.jpg",)),
    )
    (problem,) = fetch.run(workspace(root, *files), ["tiny"]).problems
    for word in (
        f"labels.csv ({len(LABELS)} bytes, sha256 {'0' * 64})",
        "train.zip (unpinned: nobody published its hash)",
        "https://example.org",
        "Place labels.csv and the pictures.",
        str((root / "placed" / "tiny").resolve()),
        "curate fetch tiny",
    ):
        assert word in problem, problem


def test_the_whole_fetch_killed_at_random_points_fifty_times(root: Path, server: Server) -> None:
    draw = random.Random(11)
    pictures = {f"Train/T_{number}.jpg": draw.randbytes(400_000) for number in range(4)}
    server.pages["/train.zip"] = Page(packed(pictures))
    here = opened(root, server)
    placed = here.placed("tiny")
    placed.mkdir(parents=True)
    (placed / "ages.csv").write_bytes(b"image,age\n")
    whole = {"labels.csv": LABELS, "ages.csv": b"image,age\n"} | {
        f"train.zip/{name}": data for name, data in pictures.items()
    }
    killed = 0
    while killed < 50:
        child = os.fork()
        if child == 0:  # no process is started anew: a kill shall fall into the work, not into the start
            try:
                os._exit(fetch.run(Workspace(root), ["tiny"]).exit_code)
            finally:
                os._exit(9)
        time.sleep(draw.random() * 0.06)
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)[1]
        done = os.WIFEXITED(ended)
        assert not done or os.WEXITSTATUS(ended) == 0
        lock.read(here.lock_path)  # whole, whenever it is looked at
        assert all(here.store.intact(sha256) for sha256 in here.store), "what has its final name is whole"
        if done:  # it was faster: all of it has to be right, and is begun anew
            assert tree(here) == whole
            shutil.rmtree(here.cache)
            here.lock_path.unlink()
        killed += not done
    assert fetch.run(Workspace(root), ["tiny"]).exit_code == 0
    assert tree(here) == whole
    assert verify.run(Workspace(root)).findings == 0


def test_bytes_of_another_source_are_not_downloaded_again(root: Path, server: Server) -> None:
    here = opened(root, server)
    here.store.adopt_bytes(LABELS)
    fetch.run(here, ["tiny"], labels_only=True)
    assert not server.asked
    assert set(tree(here)) == {"labels.csv"}
