"""RARs: both forms read in place, what means harm refused, and where no reader is installed, what to install."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import shutil
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Curate
from hypothesis import given
from hypothesis import strategies as st
from tiny_source import LABELS, PICTURES, adopt, locked, packed, tree, workspace
from written_rar import SIGNATURE_4, Odd, link5, password5, rar4, rar5

from curate import rar
from curate.archive import members_of, unread
from curate.errors import FetchError, ReaderError
from curate.files import Files, Location, read_location
from curate.manifest import RemoteFile
from curate.stages import fetch
from curate.workspace import Workspace

BOTH = pytest.mark.parametrize("write", [rar4, rar5])
ALL = RemoteFile("All.rar", "pictures", members=("T_*.jpg", "labels.csv"), provides=("labels.csv",))
FILES = (RemoteFile("labels.csv", "labels"), ALL)
CONTENT = {"labels.csv": LABELS, **PICTURES}


@pytest.fixture
def no_reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "no programs").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))


@BOTH
def test_stored_members_are_read_in_place_without_a_reader(
    root: Path, place: Callable[..., Path], write: Callable[..., bytes], no_reader: None
) -> None:
    here = workspace(root, *FILES)
    report = adopt(here, place("d", **{"All.rar": write(CONTENT | {"__MACOSX/T_9.jpg": b"no"})}))
    assert (report.made, report.exit_code) == (1, 0)
    assert tree(here) == {f"All.rar/{name}": data for name, data in CONTENT.items()}
    assert list(locked(here).files) == ["All.rar"]
    assert not fetch.needs(here, "tiny")
    shutil.rmtree(here.cache)
    assert fetch.run(here, ["tiny"]).exit_code == 0
    assert len(tree(here)) == 3


@BOTH
def test_members_have_size_and_checksum(tmp_path: Path, write: Callable[..., bytes]) -> None:
    path = tmp_path / "a.rar"
    path.write_bytes(write({"Bilder/nævus 1.jpg": b"1" * 70_000, "empty.jpg": b""}))
    assert [(one.members, one.size, one.crc) for one in members_of(path)] == [
        (("Bilder/nævus 1.jpg",), 70_000, zlib.crc32(b"1" * 70_000)),
        (("empty.jpg",), 0, 0),
    ]
    assert list(Files.of_folder(tmp_path)) == ["a.rar/Bilder/nævus 1.jpg", "a.rar/empty.jpg"]
    assert Files.of_folder(tmp_path).read("a.rar/empty.jpg") == b""


@pytest.mark.parametrize("size", [0, 5, 64, 700, 10_000])
def test_a_blake2_stands_in_for_the_crc(root: Path, place: Callable[..., Path], size: int) -> None:
    data = (b"0123456789" * 1000)[:size]
    kept = {"T_1.jpg": Odd(data, checksum="blake2"), "more/T_1.jpg": Odd(data, checksum="none")}
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"All.rar": rar5(kept)}))
    assert list(tree(here).values()) == [data], "equal content of one name is one file, though no CRC says so"
    if size:
        spoilt = rar5({"T_1.jpg": Odd(data, checksum="blake2")}).replace(data, b"x" + data[1:])
        folder = place("e", **{"All.rar": spoilt})
        with pytest.raises(FetchError, match="damaged"):
            Files.of_folder(folder).read("All.rar/T_1.jpg")


def test_a_reference_to_equal_content_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.rar"
    path.write_bytes(
        rar5({"a.jpg": b"123", "b.jpg": Odd(b"", size=3, crc=zlib.crc32(b"123"), extra=link5("a.jpg", 5))})
    )
    assert [member.size for member in members_of(path)] == [3, 3]
    assert Files.of_folder(tmp_path).read("a.rar/b.jpg") == b"123"


LARGE = 1 << 31
UNPACKS = "\udcff" * 9  # the old form's packing of names: 9 bytes that stand for 516 characters
HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "a path outside": (rar4({"../T_1.jpg": b"1"}), "leads outside", "../T_1.jpg"),
    "a path outside, Windows": (rar4({"a\\..\\..\\T_1.jpg": b"1"}), "leads outside", "a/../../T_1.jpg"),
    "an absolute path": (rar5({"/etc/T_1.jpg": b"1"}), "leads outside", "/etc/T_1.jpg"),
    "a drive": (rar5({"C:/T_1.jpg": b"1"}), "leads outside", "C:/T_1.jpg"),
    "a backslash": (rar5({"a\\..\\T_1.jpg": b"1"}), "leads outside", "T_1.jpg"),
    "control characters": (rar5({"T_1\x1b[2J.jpg": b"1"}), "control characters", "T_1\\x1b[2J.jpg"),
    "a name without end": (rar5({"T" * 5000: b"1"}), "too long", "5000 characters"),
    "a name that unpacks": (rar4({"T\0\0" + UNPACKS * 2000: Odd(b"1", flags=0x200)}), "header is too large", "T"),
    "a link, old": (rar4({"T_1.jpg": Odd(b"/etc/passwd", mode=0o120777)}), "is a link", "T_1.jpg"),
    "a link, new": (rar5({"T_1.jpg": Odd(b"", extra=link5("/etc/passwd"))}), "is a link", "T_1.jpg"),
    "a hard link": (rar5({"T_1.jpg": Odd(b"", size=9, extra=link5("/etc/passwd", 4))}), "is a link", "T_1.jpg"),
    "a reference to nothing": (rar5({"T_1.jpg": Odd(b"", extra=link5("/etc/passwd", 5))}), "is a link", "T_1.jpg"),
    "a reference to itself": (rar5({"T_1.jpg": Odd(b"", extra=link5("T_1.jpg", 5))}), "is a link", "T_1.jpg"),
    "encrypted, old": (rar4({"T_1.jpg": Odd(flags=4)}), "is encrypted", "T_1.jpg"),
    "encrypted, new": (rar5({"T_1.jpg": Odd(extra=password5())}), "is encrypted", "T_1.jpg"),
    "encrypted headers, old": (rar4(CONTENT, main_flags=0x80), "the archive is encrypted", "All.rar"),
    "encrypted headers, new": (rar5(CONTENT, encrypted_headers=True), "the archive is encrypted", "All.rar"),
    "too large": (rar4({"T_1.jpg": Odd(method=3, size=LARGE)}), "too large", "T_1.jpg"),
    "too large, new": (rar5({"T_1.jpg": Odd(method=3, size=1 << 60)}), "too large", "T_1.jpg"),
    "a bomb": (rar5({"T_1.jpg": Odd(method=3, size=100 << 20)}), "is a bomb", "T_1.jpg"),
    "a volume, old": (rar4(CONTENT, main_flags=0x101), "one volume of several", "All.rar"),
    "a volume, new": (rar5(CONTENT, main_flags=1), "one volume of several", "All.rar"),
    "a later volume, new": (rar5(CONTENT, main_flags=3), "one volume of several", "All.rar"),
    "a member that goes on": (rar4({"T_1.jpg": Odd(flags=2)}), "one volume of several", "All.rar"),
    "a member that began before": (rar5({"T_1.jpg": Odd(flags=8)}), "one volume of several", "All.rar"),
    "two sizes": (rar4({"T_1.jpg": Odd(b"123", size=4)}), "cannot be read", "T_1.jpg"),
    "cut short, old": (rar4(CONTENT)[:-20], "cut short", "All.rar"),
    "cut short, new": (rar5(CONTENT)[:-20], "cut short", "All.rar"),
    "cut short between members": (rar4(CONTENT, end=False), "cut short", "All.rar"),
    "cut short between members, new": (rar5(CONTENT, end=False), "cut short", "All.rar"),
    "a flipped header": (rar4(CONTENT).replace(b"T_1.jpg", b"T_7.jpg"), "cannot be read", "All.rar"),
    "a flipped header, new": (rar5(CONTENT).replace(b"T_1.jpg", b"T_7.jpg"), "cannot be read", "All.rar"),
    "only a signature": (SIGNATURE_4, "cannot be read", "All.rar"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_rar_that_means_harm_is_not_adopted(root: Path, place: Callable[..., Path], name: str) -> None:
    data, what, member = HOSTILE[name]
    here = workspace(root, *FILES)
    folder = place("d", **{"All.rar": data, "labels.csv": LABELS})
    with pytest.raises(FetchError, match=what) as caught:
        adopt(here, folder)
    said = caught.value
    assert "All.rar" in str(said.where)
    assert member in str(said)
    assert (said.done, bool(said.hint)) == ("not adopted", True)
    assert str(said).isprintable() or "\x1b" not in str(said)
    assert here.files("tiny") is None
    assert not here.lock_path.exists()
    assert not [path for path in here.cache.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_wrong_crc_is_found_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.rar").write_bytes(rar4({"x.jpg": b"0123456789"}).replace(b"0123456789", b"0123456780"))
    with pytest.raises(FetchError, match="damaged") as caught:
        Files.of_folder(tmp_path).read("a.rar/x.jpg")
    assert "x.jpg" in str(caught.value)


def test_what_needs_a_reader_is_adopted_and_says_what_to_install(
    root: Path, place: Callable[..., Path], no_reader: None
) -> None:
    here = workspace(root, *FILES)
    folder = place("d", **{"All.rar": rar4({"labels.csv": LABELS, "T_1.jpg": Odd(method=3, size=99)})})
    for report in (adopt(here, folder), fetch.run(here, ["tiny"])):
        assert report.exit_code == 3
        [problem] = report.problems
        for words in ("All.rar is here", "nothing is installed that unpacks a RAR", str(folder / "All.rar"), "unrar"):
            assert words in problem
        assert "install unar" in problem
        assert "curate fetch tiny; or unpack it, then: curate fetch tiny --from FOLDER" in problem
        assert report.details["tiny"]["unread"] == ["All.rar"]
    assert set(tree(here)) == {"All.rar"}
    assert fetch.needs(here, "tiny"), "each build says it again"
    report = adopt(here, place("e", **CONTENT))
    assert report.exit_code == 0, "the unpacked folder will do"
    assert not fetch.needs(here, "tiny")
    assert set(tree(here)) == {"All.rar", *CONTENT}


def test_a_reader_that_is_gone_is_no_unreadable_picture(tmp_path: Path, no_reader: None) -> None:
    (tmp_path / "a.rar").write_bytes(rar5({"x.jpg": Odd(method=3, size=99)}))
    with pytest.raises(ReaderError, match="nothing is installed") as caught:
        read_location(Location("a", ("x.jpg",)), tmp_path / "a.rar")
    assert "install" in str(caught.value.hint)


def test_once_a_reader_is_installed_the_next_fetch_goes_on(
    root: Path, place: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program installed here is a small one of the test's own, which knows one member."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    here = workspace(root, *FILES)
    packed_member = Odd(b"squeezed", method=3, size=len(LABELS), crc=zlib.crc32(LABELS))
    adopt(here, place("d", **{"All.rar": rar4({"labels.csv": packed_member, **PICTURES})}))
    assert set(tree(here)) == {"All.rar"}
    text = here.lock_path.read_text()
    _install(programs / "unrar", "exit 0", f"exec /bin/cat '{tmp_path / 'labels.csv'}'")
    (tmp_path / "labels.csv").write_bytes(LABELS)
    rar._setups.cache_clear()  # a new call of curate asks anew what is installed
    assert fetch.needs(here, "tiny")
    report = fetch.run(here, ["tiny"])
    assert (report.exit_code, report.made) == (0, 1)
    assert "tiny: read now: All.rar" in report.notes
    assert tree(here) == {f"All.rar/{name}": data for name, data in CONTENT.items()}
    assert here.lock_path.read_text() == text
    assert not fetch.needs(here, "tiny")


@pytest.mark.parametrize("answer", ["echo no", "exit 2", "exec /bin/cat /dev/zero", "kill -9 $$"])
def test_a_reader_that_only_pretends(
    root: Path, place: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    _install(programs / "7z", "exit 0", answer)
    here = workspace(root, *FILES)
    report = adopt(here, place("d", **{"All.rar": rar4({"T_1.jpg": Odd(method=3, size=9, crc=1)})}))
    assert report.exit_code == 3
    assert "no reader that is installed unpacks this RAR" in report.problems[0]
    assert "7z: " in report.problems[0]
    assert "install" in report.problems[0]


def test_the_next_reader_is_asked_where_the_first_fails(
    tmp_path: Path, place: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    _install(programs / "unrar", "exit 0", "echo no")
    _install(programs / "bsdtar", "exit 0", "printf 123")
    folder = place("d", **{"a.rar": rar4({"x.jpg": Odd(method=3, size=3, crc=zlib.crc32(b"123"))})})
    assert Files.of_folder(folder).read("a.rar/x.jpg") == b"123"
    assert unread(folder / "a.rar") is None


def test_a_name_is_never_an_option_of_the_reader(
    tmp_path: Path, place: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a solid archive the reader is told the member's name; some of its options would run programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    _install(programs / "bsdtar", "exit 0", f"printf '%s\\n' \"$@\" > '{tmp_path / 'told'}'; printf 123")
    name = "--use-compress-program=sh"
    folder = place("d", **{"a.rar": rar4({name: Odd(method=3, size=3, crc=zlib.crc32(b"123"))}, main_flags=8)})
    assert Files.of_folder(folder).read(f"a.rar/{name}") == b"123"
    assert (tmp_path / "told").read_text().splitlines()[-3:] == [str(folder / "a.rar"), "--", name]


@pytest.mark.parametrize("reader", ["unrar", "unar", "bsdtar"])
def test_an_installed_reader_reads_what_this_test_writes(
    place: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    if reader not in rar.readers():
        pytest.skip(f"{reader} is not installed here")
    import rarfile

    monkeypatch.setattr(rarfile, "FORCE_TOOL", True)  # the library's own switch: stored members go to the reader too
    for write in (rar4,) if reader == "unar" else (rar4, rar5):  # unar wants more of the new form than is needed
        folder = place(write.__name__, **{"a.rar": write(CONTENT)})
        archive = rar.Rar(folder / "a.rar", "a.rar")
        assert {name: archive._drained(name, reader) for name in CONTENT} == CONTENT


def test_a_member_whose_header_lies_about_its_size(
    tmp_path: Path, place: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader would go on for ever: no more is taken of it than the header says."""
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    _install(programs / "unar", "exit 0", "exec /bin/cat /dev/zero")
    crc = zlib.crc32(bytes(10))
    folder = place("d", **{"a.rar": rar5({"x.jpg": Odd(method=3, size=10, crc=crc)})})
    assert Files.of_folder(folder).read("a.rar/x.jpg") == bytes(10)


def test_a_rar_under_the_name_of_a_zip_and_the_other_way_round(root: Path, place: Callable[..., Path]) -> None:
    here = workspace(root, dataclasses.replace(ALL, also_named=("All.zip",), provides=()))
    adopt(here, place("d", **{"All.zip": rar5(CONTENT)}))
    assert len(tree(here)) == 3
    adopt(here, place("e", **{"All.rar": packed(CONTENT)}))
    assert len(tree(here)) == 3


def _read(path: str) -> int:
    files = Files.of_folder(Path(path))
    return sum(len(files.read(name)) for _ in range(5) for name in files)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_processes_read_the_same_rar_at_once(place: Callable[..., Path], start: str) -> None:
    folder = str(place("d", **{"a.rar": rar4(CONTENT), "b.rar": rar5(CONTENT)}))
    here = _read(folder)
    with multiprocessing.get_context(start).Pool(2) as pool:
        assert pool.map(_read, [folder] * 4) == [here] * 4


@given(st.binary(max_size=40), st.integers(0, 400), st.sampled_from([rar4, rar5]))
def test_no_bytes_break_the_listing_otherwise(data: bytes, at: int, write: Callable[..., bytes]) -> None:
    import tempfile

    whole = write({"x.jpg": b"picture", "y.csv": Odd(b"123", flags=0 if write is rar5 else 0x200)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.rar"
        path.write_bytes(whole[:at] + data + whole[at + len(data) :])
        try:
            for member in members_of(path):
                read_location(Location("a", member.members), path)
        except FetchError:
            return


def test_verify_knows_a_rar(root: Path, place: Callable[..., Path], curate: Curate) -> None:
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"All.rar": rar5(CONTENT)}))
    done = curate("verify", root=root)
    assert done.returncode == 0, done.stdout + done.stderr
    spoilt = here.store.path(locked(here).files["All.rar"].sha256)
    shutil.copyfile(spoilt, root / "copy")
    spoilt.unlink()
    spoilt.write_bytes((root / "copy").read_bytes().replace(b"T_1", b"T_3"))
    assert curate("verify", root=root).returncode == 1


def test_verify_does_not_mind_a_reader_that_came_or_went(
    root: Path, place: Callable[..., Path], curate: Curate, no_reader: None
) -> None:
    here = workspace(root, *FILES)
    adopt(here, place("d", **{"All.rar": rar5({"T_1.jpg": Odd(method=3, size=99)})}))
    for path in (os.environ["PATH"], os.defpath):
        done = curate("verify", root=root, PATH=path)
        assert done.returncode == 0, done.stdout + done.stderr


def _install(path: Path, check: str, answer: str) -> None:
    """Write a program that says it is there, and answers so when it is asked for a member."""
    asked = "'-inul -?'|-version|i|--version"
    path.write_text(f'#!/bin/sh\ncase "$*" in {asked}) {check};; esac\n{answer}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def _ph2(real: Path, write: Callable[..., bytes]) -> bytes:
    paths = sorted(path for path in (real / "ph2").rglob("*") if path.is_file() and path.suffix != ".md")
    return write({f"PH2Dataset/{path.relative_to(real / 'ph2').as_posix()}": path.read_bytes() for path in paths})


@pytest.mark.real
@BOTH
def test_the_real_files_of_ph2_in_a_rar_give_the_same_records(
    real: Path, tmp_path: Path, write: Callable[..., bytes]
) -> None:
    from curate import pipeline

    (tmp_path / "rar").mkdir()
    (tmp_path / "rar" / "PH2Dataset.rar").write_bytes(_ph2(real, write))
    told = []
    for folder in (real / "ph2", tmp_path / "rar"):
        root = tmp_path / f"root of {folder.name}"
        root.mkdir()
        here = Workspace(root)
        assert fetch.run(here, ["ph2"], from_=[folder]).exit_code == 0
        assert not fetch.needs(here, "ph2")
        for stage in ("parse", "inspect"):
            assert pipeline.run(stage, here).exit_code == 0
        with here.database(read_only=True) as database:
            rows = database.table("records").to_pylist()
            told.append((rows_without_place(rows), database.table("fingerprints").sort_by("sha256").to_pylist()))
    assert told[0] == told[1]
    assert len(told[0][0]) == 200


def rows_without_place(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    kept = [{name: value for name, value in row.items() if name not in ("location", "file", "mask")} for row in rows]
    return sorted(kept, key=lambda row: str(row["id"]))
