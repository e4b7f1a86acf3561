"""The published lists: fetched by their own manifests, held to their hashes, read as published; never a source."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Curate
from hostile_server import Page, Server, serving

from curate import Workspace
from curate.audit.published import published, selftest
from curate.audit.published_lists import FORMS, fetch_lists, publications, tables
from curate.errors import CorpusError, ManifestError
from curate.manifest import read_publication

HIERARCHY = """
class Terms(str):
    benign = "Benign"
    benign_nevus = (
        "Benign:Nevus"
    )
    malignant = "Malignant"

    def of(self) -> str:
        raise SystemExit("nothing of it is run")

raise SystemExit("nothing of it is run")
"""


@pytest.fixture
def server(impatient: None) -> Iterator[Server]:
    with serving() as here:
        yield here


def cassidy() -> dict[str, bytes]:
    """Return twelve lists with one deleted file each."""
    lists = {}
    for number in range(1, 13):
        name = "test" if number == 12 else "train"
        tail = "_(all but newest)" if number in (6, 12) else ""
        folder = "2019/train/downsampled" if number < 6 else f"2020/{name}/ISIC_2020_JPEG/{name}"
        lists[f"{number:02} - what was_deleted{tail}.txt"] = (
            f"/home/x/ISIC (A)/{folder}/ISIC_{number:07}.jpg\n".encode()
        )
    return lists


def given(root: Path, server: Server, files: dict[str, bytes], publication: str = "cassidy2022") -> Workspace:
    """Return a root with one publication of its own in place of those that ship, its files on the server."""
    folder = root / "manifests" / "published"
    folder.mkdir(parents=True)
    for shipped in publications(Workspace(root)):
        (folder / f"{shipped.name}.toml").write_text(_toml(shipped.name, {}, server))
    (folder / f"{publication}.toml").write_text(_toml(publication, files, server))
    for place, data in enumerate(files.values()):
        server.pages[f"/{place}"] = Page(data)
    return Workspace(root)


def _toml(publication: str, files: dict[str, bytes], server: Server) -> str:
    words = ("title", "citation", "homepage", "license")
    lines = [f'name = "{publication}"', *(f'{word} = "of a test"' for word in words)]
    for place, (name, data) in enumerate(files.items()):
        lines += ["[[files]]", f'name = "{name}"', 'role = "documents"', f'urls = ["{server.url(f"/{place}")}"]']
        lines += [f'sha256 = "{hashlib.sha256(data).hexdigest()}"']
    return "\n".join(lines) + "\n"


def test_what_ships_is_pinned_named_by_commit_and_no_source(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shipped = publications(workspace)
    assert len(shipped) == 5
    assert not {publication.name for publication in shipped} & set(workspace.manifests)
    for publication in shipped:
        repository = publication.homepage.removeprefix("https://github.com/")
        for file in publication.files:
            assert file.sha256
            assert file.bytes
            for url in file.urls:
                assert re.match(
                    rf"https://(raw\.githubusercontent\.com/{repository}|github\.com/{repository}/raw)/[0-9a-f]{{7,40}}/",
                    url,
                )
    wanted = {file.name for publication in shipped for file in publication.files}
    needed = {need.strip() for row in published() for need in row["needs"].split(";")}
    assert {form.title for form in FORMS.values()} <= needed
    assert {form.csv for form in FORMS.values() if form.others is None} <= wanted


def test_lists_are_fetched_once_and_held_to_their_hashes(tmp_path: Path, server: Server) -> None:
    workspace = given(tmp_path, server, cassidy())
    found, problems = fetch_lists(workspace)
    assert problems == []
    assert {path.parent for path in found.values()} == {workspace.cache / "published"}
    asked = len(server.asked)
    assert fetch_lists(workspace) == (found, [])
    assert len(server.asked) == asked == 12
    next(iter(found.values())).write_bytes(b"changed since")
    assert fetch_lists(workspace) == (found, [])
    assert len(server.asked) == asked + 1

    read, here = tables(found)
    assert here == {"the lists of Cassidy et al. 2022"}
    rows = read["cassidy"].to_pylist()
    assert rows[0] == {"list": "01", "year": "2019", "split": "train", "image": "ISIC_0000001_downsampled"}
    assert rows[-1] == {"list": "12", "year": "2020", "split": "test", "image": "ISIC_0000012"}


def test_a_list_that_is_another_is_not_taken(tmp_path: Path, server: Server) -> None:
    workspace = given(tmp_path, server, cassidy())
    server.pages["/3"] = Page(b"another")
    found, problems = fetch_lists(workspace)
    assert len(found) == 11
    assert len(problems) == 1
    assert "04 - what was_deleted.txt" in problems[0]
    _, here = tables(found)
    assert here == set()  # eleven lists are not the twelve


def test_the_hierarchy_is_read_and_not_run(tmp_path: Path, server: Server) -> None:
    workspace = given(tmp_path, server, {"diagnosis_hierarchical.py": HIERARCHY.encode()}, "isic_hierarchy")
    found, _ = fetch_lists(workspace)
    read, here = tables(found)
    assert here == {"the ISIC diagnosis hierarchy"}
    assert read["hierarchy"].to_pylist() == [
        {"diagnosis_1": "Benign", "term": "Benign", "path": "Benign"},
        {"diagnosis_1": "Benign", "term": "Nevus", "path": "Benign:Nevus"},
        {"diagnosis_1": "Malignant", "term": "Malignant", "path": "Malignant"},
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("diagnosis_hierarchical.py", "class ("),
        ("isic_diagnosis_hierarchy.csv", "term\nBenign\n"),
        *((name, "/home/x/ISIC_0000001.jpg\n") for name in list(cassidy())[:1]),
    ],
)
def test_a_list_of_another_form_is_said(tmp_path: Path, name: str, text: str) -> None:
    files = {}
    for known, data in {**cassidy(), name: text.encode()}.items():
        files[known] = tmp_path / known
        files[known].write_bytes(data)
    with pytest.raises(CorpusError) as told:
        tables(files)
    assert name in str(told.value)
    assert told.value.hint


def test_a_publication_without_a_hash_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    words = "".join(f'{word} = "x"\n' for word in ("name", "title", "citation", "homepage", "license"))
    path.write_text(words + '[[files]]\nname = "a.csv"\nrole = "documents"\nurls = ["https://x.example/a.csv"]\n')
    with pytest.raises(ManifestError, match="by its hash"):
        read_publication(path)


def test_who_has_no_label_files_is_told_what_failed_and_passes_nothing(
    tmp_path: Path, server: Server, curate: Curate
) -> None:
    workspace = given(tmp_path, server, {"diagnosis_hierarchical.py": HIERARCHY.encode()}, "isic_hierarchy")
    below = workspace.cache / "selftest"
    below.mkdir(parents=True)
    (below / "curate.toml").write_text('[corpus]\nsources = ["ph2"]\n')  # it has to be placed by hand
    done = curate("selftest", root=tmp_path)
    assert done.returncode == 3
    assert "ph2 has to be placed by hand" in done.stderr
    assert "no label files were parsed here" in done.stderr
    assert (workspace.cache / "published" / "diagnosis_hierarchical.py").exists()


@pytest.mark.real
def test_the_lists_as_published_give_the_same_table(real: Path, tmp_path: Path) -> None:
    folder = real / "isic" / "duplicates"
    raw = {path.name: path for path in (folder / "cassidy2022_file_lists").iterdir()}
    derived = {"cassidy2022_removed.csv": folder / "cassidy2022_removed.csv"}
    sorted_ = [sorted(tables(files)[0]["cassidy"].to_pylist(), key=str) for files in (raw, derived)]
    assert sorted_[0] == sorted_[1]
    assert len(sorted_[0]) == 15_902


@pytest.mark.real
def test_a_stranger_gets_the_same_table(real: Path, server: Server, tmp_path: Path, curate: Curate) -> None:
    """The label files lie where `selftest` would fetch them to; the lists come over HTTP, by their own manifests."""
    lists = [*(real / "isic" / "duplicates").rglob("*"), *(real / "published").iterdir()]
    here = {path.name: path for path in lists if path.is_file()}
    files = {file.name: file for publication in publications(Workspace(tmp_path)) for file in publication.files}
    given(tmp_path, server, {name: here[name].read_bytes() for name in files if name in here})
    below = tmp_path / "data_cache" / "selftest"
    sources = [*(f"isic_{year}" for year in range(2016, 2021)), "pad_ufes_20"]
    folders = ("--from", real / "isic" / "metadata", "--from", real / "pad_ufes_20")
    assert curate("fetch", *sources, "--labels-only", *folders, root=below).returncode == 0
    assert curate("parse", root=below).returncode == 0
    found = selftest(Workspace(below), lists=fetch_lists(Workspace(tmp_path))[0])
    outcomes = {row["id"]: row["outcome"] for row in found["rows"]}
    assert found["not_equal"] == 0
    assert {name for name, outcome in outcomes.items() if outcome == "equal"} >= {
        "A1", "A2", "A2.remaining", "A2.bytes", "A3", "E", "E.centres", "F", "K",
    }  # fmt: skip
