"""A source that is published as an article: what its listing names is downloaded and placed, else a person is asked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_server import Page, Server, serving
from tiny_source import LABELS, PICTURES, ZIP, packed, tree, workspace

from curate.audit.inventory import inventory
from curate.manifest import RemoteFile
from curate.stages import fetch
from curate.workspace import Workspace

FILES = (
    RemoteFile("labels.csv", "labels", also_named=("labels_*.csv",)),
    RemoteFile("train.zip", "pictures", members=("T_[0-9].jpg",)),
)


@pytest.fixture
def server(impatient: None) -> Iterator[Server]:
    with serving() as here:
        yield here


def article(server: Server, **files: bytes) -> None:
    """Publish an article of these files, as figshare's API lists them."""
    entries: list[dict[str, Any]] = []
    for number, (name, data) in enumerate(files.items(), 1):
        server.pages[f"/files/{number}"] = Page(data)
        md5 = hashlib.md5(data).hexdigest()
        url = server.url(f"/files/{number}")
        entries.append({"id": number, "name": name, "size": len(data), "computed_md5": md5, "download_url": url})
    document = {"id": 7, "title": "Tiny", "files": entries, "license": {"name": "CC BY 4.0"}}
    server.pages["/article"] = Page(json.dumps(document).encode(), kind="application/json")


def opened(root: Path, server: Server, **other: Any) -> Workspace:
    return workspace(root, *FILES, listing=server.url("/article"), **other)


def files_asked(server: Server) -> list[str]:
    return sorted(path for path, _ in server.asked if path.startswith("/files/"))


def test_what_is_listed_comes_and_is_placed(root: Path, server: Server) -> None:
    article(server, **{"labels_v2.csv": LABELS, "train.zip": ZIP, "paper.pdf": b"no"})
    here = opened(root, server)
    assert fetch.run(here, ["tiny"]).exit_code == 0
    assert tree(here) == {"labels.csv": LABELS, **{f"train.zip/{name}": data for name, data in PICTURES.items()}}
    assert files_asked(server) == ["/files/1", "/files/2"]
    assert sorted(path.name for path in here.placed("tiny").iterdir()) == ["labels_v2.csv", "train.zip"]
    fetch.run(here, ["tiny"])
    assert files_asked(server) == ["/files/1", "/files/2"], "nothing comes twice"


def test_unpacked_sheets_that_are_listed_one_by_one(root: Path, server: Server) -> None:
    loose = {Path(name).name: data for name, data in PICTURES.items()}
    article(server, **{"labels.csv": LABELS, **loose})
    here = opened(root, server)
    assert fetch.run(here, ["tiny"]).exit_code == 0
    assert tree(here) == {"labels.csv": LABELS, **loose}
    assert not fetch.needs(here, "tiny")


def test_a_listed_file_that_fails_is_named_and_comes_the_next_time(root: Path, server: Server) -> None:
    article(server, **{"labels.csv": LABELS, "train.zip": ZIP})
    server.pages["/files/2"] = Page(b"x" * len(ZIP))
    here = opened(root, server)
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 3
    assert "train.zip could not be downloaded" in report.problems[0]
    assert "md5" in report.problems[0]
    assert set(tree(here)) == {"labels.csv"}
    server.pages["/files/2"] = Page(ZIP)
    assert fetch.run(here, ["tiny"]).exit_code == 0
    assert len(tree(here)) == 3


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (None, "HTTP 404"),
        (Page(b"", status=202), "202"),
        (Page(b"<html>challenge</html>", kind="text/html"), "a web page"),
        (Page(b"not json"), "not in its form"),
        (Page(b'{"files": [{"name": "labels.csv"}]}'), "not in its form"),
        (Page(b'{"files": {"name": 3}}'), "not in its form"),
        (Page(b'{"message": "entity not found"}'), "not in its form"),
        (Page(b'{"files": ' + b"[" * 200_000), "not in its form"),
        (
            Page(b'{"files": [{"name": "labels.csv", "size": Infinity, "download_url": "http://x/", "id": 1}]}'),
            "not in its form",
        ),
        (
            Page(b'{"files": [{"name": "labels.csv", "size": 1, "download_url": "file:///etc/passwd", "id": 1}]}'),
            "lists nothing of the source",
        ),
        (Page(b'{"files": []}'), "lists nothing of the source"),
    ],
)
def test_without_a_listing_a_person_is_asked(root: Path, server: Server, page: Page | None, why: str) -> None:
    if page is not None:
        server.pages["/article"] = page
    report = fetch.run(opened(root, server), ["tiny"])
    assert report.exit_code == 3
    (problem,) = report.problems
    for word in ("tiny has to be placed by hand", why, "Place labels.csv and the pictures", "placed/tiny"):
        assert word in problem, problem


def test_what_a_person_placed_in_part_stands_when_the_listing_fails(root: Path, server: Server) -> None:
    here = opened(root, server)
    here.placed("tiny").mkdir(parents=True)
    (here.placed("tiny") / "labels.csv").write_bytes(LABELS)
    report = fetch.run(here, ["tiny"])
    assert report.exit_code == 0
    assert any("what is listed cannot be had" in note for note in report.notes)
    assert tree(here) == {"labels.csv": LABELS}


def test_names_that_lead_elsewhere_are_passed_over(root: Path, server: Server) -> None:
    names = ("../T_1.jpg", "/T_1.jpg", "a/T_1.jpg", "..\\T_1.jpg", ".T_1.jpg", "T_1\0.jpg", "T_\ud800.jpg", "T" * 300)
    article(server, **{"labels.csv": LABELS, **dict.fromkeys(names, b"evil")})
    here = opened(root, server)
    fetch.run(here, ["tiny"])
    assert files_asked(server) == ["/files/1"]
    assert [path.name for path in root.rglob("*T_1*")] == []


def test_what_is_listed_is_said_by_sources(root: Path, server: Server) -> None:
    (entry,) = inventory(opened(root, server))
    assert "asks figshare" in entry["todo"]
    assert str(root / "placed" / "tiny") in entry["todo"]


def test_where_nothing_that_is_listed_comes_a_person_is_asked(root: Path, server: Server) -> None:
    article(server, **{"labels.csv": LABELS, "train.zip": ZIP})
    server.pages["/files/1"] = server.pages["/files/2"] = Page(b"", status=403)
    report = fetch.run(opened(root, server), ["tiny"])
    assert report.exit_code == 3
    assert sum("could not be downloaded" in problem for problem in report.problems) == 2
    assert "curate fetch tiny --from FOLDER" in report.problems[0]
    assert "Place labels.csv and the pictures" in report.problems[-1]
    assert len(report.problems) == 3


def test_a_listed_file_that_lies_there_with_another_size_is_said(root: Path, server: Server) -> None:
    article(server, **{"labels.csv": LABELS, "train.zip": ZIP})
    here = opened(root, server)
    here.placed("tiny").mkdir(parents=True)
    (here.placed("tiny") / "labels.csv").write_bytes(LABELS + b"T_3,nevus\r\n")
    report = fetch.run(here, ["tiny"])
    assert any("labels.csv has" in note and f"{len(LABELS)} are listed" in note for note in report.notes)
    assert len(tree(here)) == 3


def test_two_sources_of_one_article(root: Path, server: Server) -> None:
    other = {"S_1.jpg": b"other"}
    article(server, **{"labels.csv": LABELS, "both.zip": packed(PICTURES | other)})
    files = (RemoteFile("both.zip", "pictures", members=("T_[0-9].jpg",)),)
    workspace(root, *files, listing=server.url("/article"))
    files = (dataclasses.replace(files[0], members=("S_*.jpg",)),)
    here = workspace(root, *files, listing=server.url("/article"), name="other")
    assert fetch.run(here).exit_code == 0
    assert set(tree(here)) == {f"both.zip/{name}" for name in PICTURES}
    assert list(here.files("other") or ()) == ["both.zip/S_1.jpg"]
