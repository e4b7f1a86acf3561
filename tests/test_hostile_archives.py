"""Zips that mean harm, as a user meets them: what `curate fetch --from` does with each, in little memory and time."""

from __future__ import annotations

import bz2
import re
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import Curate
from hostile_server import Page, Server, serving
from tiny_source import LABELS, PICTURES, adopt, tree, workspace
from written_zip import DEFLATED, Entry, deflated, files_below, overlapping, zeros, zipped

from curate.errors import FetchError
from curate.manifest import RemoteFile
from curate.stages import fetch

GOOD = b"T_1.jpg"
FILES = (RemoteFile("labels.csv", "labels"), RemoteFile("train.zip", "pictures", members=("*.jpg", "ages.csv")))
MEMORY = 160 << 20  # bytes; 32 MiB of a list of members that is refused are the most that one case takes
SECONDS = 20.0  # on a busy machine; each takes less than one


def nested(depth: int, data: bytes = b"x", name: bytes = GOOD, *, squeezed: bool = False) -> bytes:
    for _ in range(depth):
        data, name = zipped([deflated(name, data) if squeezed else Entry(name, data)]), b"inner.zip"
    return data


def at(offset: int, change: bytes, data: bytes) -> bytes:
    return data[:offset] + change + data[offset + len(change) :]


REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "a path outside": (lambda: zipped([Entry(b"../T_1.jpg")]), "leads outside", "../T_1.jpg"),
    "a path outside, further in": (lambda: zipped([Entry(b"a/../../T_1.jpg")]), "leads outside", "a/../../T_1.jpg"),
    "a path outside, Windows": (lambda: zipped([Entry(b"a\\..\\..\\T_1.jpg")]), "leads outside", "T_1.jpg"),
    "an absolute path": (lambda: zipped([Entry(b"/etc/T_1.jpg")]), "leads outside", "/etc/T_1.jpg"),
    "a drive": (lambda: zipped([Entry(b"C:T_1.jpg")]), "leads outside", "C:T_1.jpg"),
    "a share": (lambda: zipped([Entry(b"\\\\host\\T_1.jpg")]), "leads outside", "host"),
    "no name": (lambda: zipped([Entry(b"")]), "leads outside", "train.zip"),
    "a link": (lambda: zipped([Entry(GOOD, b"/etc/passwd", mode=0o120777)]), "is a link", "T_1.jpg"),
    "encrypted": (lambda: zipped([Entry(GOOD, b"1", flags=1)]), "is encrypted", "T_1.jpg"),
    "encrypted strongly": (lambda: zipped([Entry(GOOD, b"1", flags=0x41)]), "is encrypted", "T_1.jpg"),
    "a NUL in a name": (lambda: zipped([Entry(b"T_1.jpg\0.exe", b"1")]), "control characters", "T_1.jpg\\x00.exe"),
    "an escape in a name": (lambda: zipped([Entry(b"T_1\x1b[2J.jpg")]), "control characters", "T_1\\x1b[2J.jpg"),
    "a line end in a name": (lambda: zipped([Entry(b"T_1\n.jpg", b"1")]), "control characters", "T_1\\n.jpg"),
    "a name of 5,000 characters": (lambda: zipped([Entry(b"T" * 5000)]), "too long", "(5000 characters)"),
    "a name that is not the UTF-8 it claims": (
        lambda: zipped([Entry(b"T_\xff.jpg", flags=0x800)]),
        "cannot be read",
        "utf-8",
    ),
    "a bomb of 10 GB": (
        lambda: zipped([Entry(GOOD, zeros(10 << 30), DEFLATED, 10 << 30, 1)]),
        "too large",
        "T_1.jpg",
    ),
    "a bomb of 512 MB": (lambda: zipped([Entry(GOOD, zeros(1 << 29), DEFLATED, 1 << 29, 1)]), "is a bomb", "T_1.jpg"),
    "a bomb beside what is asked for": (
        lambda: zipped([Entry(GOOD, b"1"), Entry(b"readme.txt", zeros(1 << 29), DEFLATED, 1 << 29, 1)]),
        "is a bomb",
        "readme.txt",
    ),
    "members that share their bytes": (
        lambda: zipped(overlapping(50_000, bytes(40 << 20))),
        "overlap",
        "reaches into what follows it",
    ),
    "a member that reaches into the directory": (
        lambda: zipped([Entry(GOOD, b"1" * 100), Entry(b"T_2.jpg", b"1" * 100, at=100)]),
        "overlap",
        "T_",
    ),
    "zips in zips in zips": (lambda: nested(12), "nested too deep", "at most 3"),
    "packed zips in zips": (lambda: nested(6, squeezed=True), "nested too deep", "at most 3"),
    "a packed zip that is a bomb": (
        lambda: zipped([Entry(b"in.zip", zeros(10 << 30), DEFLATED, 10 << 30, 1)]),
        "is a bomb",
        "in.zip",
    ),
    "a bomb in a packed zip": (
        lambda: zipped([deflated(b"in.zip", zipped([Entry(GOOD, zeros(1 << 29), DEFLATED, 1 << 29, 1)]))]),
        "is a bomb",
        "in.zip",
    ),
    "a packed zip whose size is a lie": (
        lambda: zipped([Entry(b"in.zip", zeros(1 << 30), DEFLATED, 100_000, 1)]),
        "cannot be read",
        "in.zip",
    ),
    "a zip that is none": (lambda: zipped([Entry(b"in.zip", b"nothing")]), "cannot be read", "train.zip"),
    "two of one name that differ": (lambda: zipped([Entry(GOOD, b"1"), Entry(GOOD, b"2")]), "two files", "T_1.jpg"),
    "two of one final name that differ": (
        lambda: zipped([Entry(b"a/T_1.jpg", b"1"), Entry(b"A/T_1.jpg", b"2")]),
        "two files",
        "A/T_1.jpg",
    ),
    "a bzip2 bomb that claims 10 bytes": (
        lambda: zipped([Entry(GOOD, bz2.compress(bytes(9_000_000)), 12, 10, 1)]),
        "cannot be read",
        "method 12",
    ),
    "names with backslashes": (lambda: zipped([Entry(b"Train\\T_1.jpg", b"1")]), "has backslashes", "Train\\T_1.jpg"),
    "a method that nobody knows": (lambda: zipped([Entry(GOOD, b"1", method=9)]), "cannot be read", "T_1.jpg"),
    "a list of members of 40 MB": (
        lambda: zipped(Entry(b"%060000d.jpg" % number) for number in range(700)),
        "list of members is too large",
        "at most 32 MiB",
    ),
    "a directory that claims exabytes": (
        lambda: zipped([Entry(GOOD, b"1")], directory_said=1 << 60),
        "cannot be read",
        "train.zip",
    ),
    "cut short": (lambda: zipped([Entry(GOOD, b"1" * 900)])[:-30], "cut short", "train.zip"),
    "cut at the front": (lambda: zipped([Entry(GOOD, b"1" * 900)])[500:], "cannot be read|overlap", "train.zip"),
    "half of it": (lambda: zipped([Entry(GOOD, b"1" * 900)])[:400], "cut short", "train.zip"),
    "no byte": (lambda: b"", "cut short", "train.zip"),
    "a page that asks to log in": (lambda: b"<html>log in</html>", "cut short", "train.zip"),
}


@contextmanager
def bounded() -> Iterator[None]:
    tracemalloc.start()
    started = time.monotonic()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < SECONDS


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_not_adopted_and_the_message_says_why(
    root: Path, place: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    make, what, member = REFUSED[name]
    here = workspace(root, *FILES)
    folder = place("d", **{"train.zip": make(), "labels.csv": LABELS})
    before = files_below(tmp_path)
    with bounded(), pytest.raises(FetchError, match=what) as caught:
        adopt(here, folder)
    said = caught.value
    assert said.exit_code == 3
    assert "train.zip" in str(said.where)
    assert member in str(said)
    assert said.hint, "it says what to do"
    assert said.done in ("not adopted", "the source's tree was left as it was")
    assert all(line.isprintable() for line in str(said).splitlines())
    assert here.files("tiny") is None
    assert not here.lock_path.exists()
    assert {path for path in files_below(tmp_path) - before if not path.startswith("root/data_cache/")} == set()


@pytest.mark.parametrize("name", ["a path outside", "a bomb of 10 GB", "an escape in a name", "zips in zips in zips"])
def test_the_command_line_says_so_without_a_traceback(
    root: Path, place: Callable[..., Path], curate: Curate, name: str
) -> None:
    make, what, member = REFUSED[name]
    workspace(root, *FILES)
    done = curate("fetch", "tiny", "--from", place("d", **{"train.zip": make()}), root=root)
    assert done.returncode == 3
    for words in (what, member, "train.zip", "not adopted", "next:"):
        assert words in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


LIARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a wrong CRC": (lambda: zipped([Entry(GOOD, b"1" * 900, crc=1)]), "CRC"),
    "a bomb that claims 10 bytes": (lambda: zipped([Entry(GOOD, zeros(4 << 30), DEFLATED, 10, 1)]), "CRC"),
    "a directory that names another than the header": (
        lambda: zipped([Entry(GOOD, b"1", local_name=b"T_7.jpg")]),
        "differ",
    ),
    "a deflate stream of noise": (lambda: zipped([Entry(GOOD, b"\xff" * 900, DEFLATED, 900, 1)]), "invalid|decompress"),
    "no header where the directory says": (
        lambda: at(0, b"XX", zipped([Entry(GOOD, b"1" * 900)])),
        "magic number",
    ),
}


@pytest.mark.parametrize("name", LIARS)
def test_what_only_reading_can_tell_is_adopted_and_found_by_reading(
    root: Path, place: Callable[..., Path], name: str
) -> None:
    """The picture becomes a row with a reason when it is built, a label file stops the build: see test_bad_input."""
    make, found = LIARS[name]
    here = workspace(root, *FILES)
    folder = place("d", **{"train.zip": make()})
    with bounded():
        adopt(here, folder)
        files = here.files("tiny")
        assert files is not None
        with pytest.raises(FetchError, match="damaged") as caught:
            files.read("train.zip/T_1.jpg")
    assert "T_1.jpg" in str(caught.value.where)
    assert re.search(found, str(caught.value.found))
    assert caught.value.hint


def test_a_lie_about_the_size_that_fits_the_crc_gives_no_more_bytes_than_it_claims(
    root: Path, place: Callable[..., Path]
) -> None:
    here = workspace(root, *FILES)
    folder = place("d", **{"train.zip": zipped([Entry(GOOD, zeros(4 << 30), DEFLATED, 10, zlib.crc32(bytes(10)))])})
    with bounded():
        adopt(here, folder)
        assert tree(here) == {"train.zip/T_1.jpg": bytes(10)}


def test_names_that_differ_in_case_only_are_two_files(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"train.zip": zipped([Entry(b"T_1.jpg", b"1"), Entry(b"t_1.jpg", b"2")])}))
    assert tree(here) == {"train.zip/T_1.jpg": b"1", "train.zip/t_1.jpg": b"2"}


def test_two_of_one_name_with_the_same_bytes_are_one(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"train.zip": zipped([Entry(b"a/T_1.jpg", b"1"), Entry(b"T_1.jpg", b"1")])}))
    assert list(tree(here).values()) == [b"1"]


def test_a_name_in_an_old_encoding_is_read_as_the_format_says(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"train.zip": zipped([Entry(b"n\x91vus.jpg", b"1")])}))
    assert tree(here) == {"train.zip/nævus.jpg": b"1"}


def test_four_billion_members_that_are_two(root: Path, place: Callable[..., Path]) -> None:
    """The count is not relied on: the list of members is read as far as it goes."""
    here = workspace(root, *FILES)
    data = zipped([Entry(name.encode(), data) for name, data in PICTURES.items()], entries_said=4_000_000_000)
    folder = place("d", **{"train.zip": data})
    with bounded():
        assert adopt(here, folder).exit_code == 0
    assert tree(here) == {f"train.zip/{name}": data for name, data in PICTURES.items()}


def test_a_hundred_thousand_members_are_adopted(root: Path, place: Callable[..., Path]) -> None:
    """It takes a few seconds and 220 MB: the list is read three times, the members never."""
    here = workspace(root, *FILES)
    folder = place("d", **{"train.zip": zipped(Entry(b"%d.jpg" % number, b"1") for number in range(100_000))})
    assert adopt(here, folder).exit_code == 0
    files = here.files("tiny")
    assert files is not None
    assert len(files) == 100_000
    assert files.read("train.zip/99999.jpg") == b"1"


@pytest.fixture
def server(impatient: None) -> Iterator[Server]:
    with serving() as here:
        yield here


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: zipped([Entry(GOOD, b"1" * 900, crc=1)]), "T_1.jpg is damaged"),
        (lambda: zipped([Entry(GOOD, zeros(10 << 30), DEFLATED, 10 << 30, 1)]), "too large"),
        (lambda: zipped([Entry(b"T_\xff.jpg", flags=0x800)]), "no whole zip"),
        (lambda: zipped([Entry(b"../T_1.jpg")]), "leads outside"),
    ],
    ids=["a wrong CRC", "a bomb", "no UTF-8", "a path outside"],
)
def test_a_download_that_no_hash_vouches_for_is_not_kept(
    root: Path, server: Server, make: Callable[[], bytes], what: str
) -> None:
    server.pages["/train.zip"] = Page(make())
    remote = RemoteFile("train.zip", "pictures", urls=(server.url("/train.zip"),), members=("*.jpg",))
    here = workspace(root, remote, access="open", instructions="")
    with bounded():
        report = fetch.run(here, ["tiny"])
    assert report.exit_code == 3
    assert what in report.problems[0]
    assert "train.zip" in report.problems[0]
    assert here.files("tiny") is None
    assert not list(here.store)
