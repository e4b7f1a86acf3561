"""Reading in place: plain files, zips, zips in zips, and archives that mean harm."""

from __future__ import annotations

import io
import multiprocessing
import pickle
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.archive import members_of
from curate.errors import FetchError, ParseError
from curate.files import Files, Location, read_location


def packed(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(params=[zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    inner = packed({"part_1/x.png": b"inner" * 50, "__MACOSX/part_1/._x.png": b"no", "part_1/y.png": b"y"})
    outer = packed({"images/part_1.zip": inner, "metadata.csv": b"id\r\n1\r\n", "images/": b""}, request.param)
    (tmp_path / "all.zip").write_bytes(outer)
    (tmp_path / "sub dir").mkdir()
    (tmp_path / "sub dir" / "L#12dx#hallym#back bcc.png").write_bytes(b"sheet")
    (tmp_path / "sub dir" / ".DS_Store").write_bytes(b"no")
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbfa,b\r\n")
    (tmp_path / "latin.csv").write_bytes("a\nnævus".encode("latin-1"))
    return tmp_path


def test_one_view_of_all(folder: Path) -> None:
    files = Files.of_folder(folder)
    assert list(files) == [
        "all.zip/images/part_1.zip/part_1/x.png",
        "all.zip/images/part_1.zip/part_1/y.png",
        "all.zip/metadata.csv",
        "bom.csv",
        "latin.csv",
        "sub dir/L#12dx#hallym#back bcc.png",
    ]
    assert len(files) == 6
    assert files.named("x.png") == "all.zip/images/part_1.zip/part_1/x.png"
    assert files.named("X.png") is None
    assert files.matching("L#12dx#hallym#*.png") == ["sub dir/L#12dx#hallym#back bcc.png"]
    assert files.matching("*.PNG") == []
    assert files.matching("[xy].png") == list(files)[:2]
    assert files.read("all.zip/images/part_1.zip/part_1/x.png") == b"inner" * 50
    assert files.read("sub dir/L#12dx#hallym#back bcc.png") == b"sheet"
    with files.open("all.zip/metadata.csv") as file:
        assert file.read(2) == b"id"
        file.seek(0)
        assert file.read() == b"id\r\n1\r\n"
    assert files.text("bom.csv") == "a,b\r\n"
    assert pickle.loads(pickle.dumps(files)).read("bom.csv") == files.read("bom.csv")


def test_text_that_is_not_utf_8_names_the_byte(folder: Path) -> None:
    files = Files.of_folder(folder)
    with pytest.raises(ParseError) as caught:
        files.text("latin.csv")
    assert caught.value.where == "latin.csv, line 2, byte 3"
    assert files.text("latin.csv", encoding="latin-1") == "a\nnævus"


def test_a_text_in_which_a_letter_steers_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"a\r\nb\rc\x1b[2J\n")
    with pytest.raises(ParseError, match="a control character") as caught:
        Files.of_folder(tmp_path).text("bad.csv")
    assert (caught.value.where, caught.value.found) == ("bad.csv, line 3", "U+001B")


def test_a_text_that_is_too_large_is_not_read_to_its_end(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.files.LARGEST_TEXT", 7)
    files = Files.of_folder(folder)
    assert len(files.read("bom.csv")) == 8
    with pytest.raises(ParseError, match="larger than any label file"):
        files.text("bom.csv")


def test_a_path_that_is_not_in_the_tree(folder: Path) -> None:
    with pytest.raises(FetchError, match="no such file"):
        Files.of_folder(folder).read("other.csv")
    with pytest.raises(FetchError, match="not there"):
        read_location(Location("ab", ("x",)), folder / "gone.zip")
    with pytest.raises(FetchError, match="not there"):
        read_location(Location("ab", ("no such member",)), folder / "all.zip")


@given(st.lists(st.text(min_size=1), max_size=3))
def test_locations_come_back_from_their_text(members: list[str]) -> None:
    location = Location("ab" * 32, tuple(members))
    assert Location.parse(location.text()) == location


def _read(path: str) -> int:
    files = Files.of_folder(Path(path))
    return sum(len(files.read(name)) for _ in range(20) for name in files)


def test_processes_read_the_same_archive_at_once(folder: Path) -> None:
    here = _read(str(folder))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(_read, [str(folder)] * 6) == [here] * 6


@pytest.mark.parametrize("name", ["../up.jpg", "/etc/x.jpg", "a/../../b.jpg", "C:\\x.jpg", "a\\..\\x.jpg"])
def test_members_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.zip"
    path.write_bytes(packed({"good.jpg": b"1", name: b"2"}))
    with pytest.raises(FetchError, match="outside"):
        members_of(path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.jpg")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(FetchError, match="link"):
        members_of(tmp_path / "bad.zip")


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"x.jpg": b"123"}, zipfile.ZIP_STORED))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark) + offset
        data[at : at + 2] = struct.pack("<H", 1)
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(FetchError, match="encrypted"):
        members_of(tmp_path / "bad.zip")


def test_a_bomb_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.bmp", "w") as out,
    ):
        for _ in range(80):
            out.write(bytes(1 << 20))
    with pytest.raises(FetchError, match="bomb"):
        members_of(tmp_path / "bomb.zip")


def test_a_member_that_claims_ten_gigabytes_is_refused(tmp_path: Path) -> None:
    data = bytearray(packed({"x.bmp": b"1" * 100}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = struct.pack("<I", 3_900_000_000)
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(FetchError, match="too large"):
        members_of(tmp_path / "bad.zip")


@pytest.mark.parametrize("left", [0, 10, 100, -1, -20])
def test_a_zip_cut_short_is_an_error(tmp_path: Path, left: int) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(packed({"x.jpg": bytes(range(256)) * 4}, zipfile.ZIP_STORED)[:left])
    with pytest.raises(FetchError, match="cut short"):
        members_of(path)


def test_a_wrong_crc_is_found_when_it_is_read(tmp_path: Path) -> None:
    data = packed({"x.jpg": b"0123456789" * 10}, zipfile.ZIP_STORED).replace(b"0123456789", b"0123456780", 1)
    (tmp_path / "bad.zip").write_bytes(data)
    files = Files.of_folder(tmp_path)
    with pytest.raises(FetchError, match="damaged") as caught:
        files.read("bad.zip/x.jpg")
    assert "x.jpg" in str(caught.value)


def test_zips_nested_too_deep(tmp_path: Path) -> None:
    data = b"x"
    name = "x.jpg"
    for depth in range(6):
        data, name = packed({name: data}), f"{depth}.zip"
    (tmp_path / "deep.zip").write_bytes(data)
    with pytest.raises(FetchError, match="nested too deep"):
        members_of(tmp_path / "deep.zip")


@given(st.binary(max_size=300))
def test_no_bytes_break_the_listing_otherwise(data: bytes) -> None:
    whole = packed({"x.jpg": b"picture", "y.zip": packed({"z.jpg": b"z"})})
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        for given_bytes in (data, data + whole, whole[: len(data)] + data + whole[2 * len(data) :]):
            path.write_bytes(given_bytes)
            try:
                found = members_of(path)
                for member in found:
                    read_location(Location("a", member.members), path)
            except FetchError:
                continue
