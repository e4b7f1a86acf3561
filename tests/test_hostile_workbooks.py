"""What lies under the name of a workbook: the right rows, or a message that says what it is; in little room."""

from __future__ import annotations

import datetime
import io
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import ole
import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parsing import FIXTURES, book, complaint, parse_these, told

from curate.errors import ParseError
from curate.files import Files
from curate.records import Case, Claim
from curate.sources import workbook

CASE: list[object] = ["wart", 7.0, "M", "R/O wart", "wart;", "Rt. hand", "Arm"]
GOOD = book([CASE, ["nevus", 61, "F", "x", "y", "z", "Leg"]])
PH2 = (FIXTURES / "ph2" / "PH2Dataset" / "PH2_dataset.xlsx").read_bytes()
SHEET = "xl/worksheets/sheet1.xml"
HTML = "<html><head><title>Sign in</title></head><body><table><tr><td>wart</td></tr></table></body></html>"


def severance(folder: Path, data: bytes) -> list[Claim]:
    return parse_these("severance", folder, {"SeveranceA.xls": data})


def saved(made: openpyxl.Workbook) -> bytes:
    data = io.BytesIO()
    made.save(data)
    return data.getvalue()


def changed(part: str, change: Callable[[bytes], bytes], data: bytes = GOOD) -> bytes:
    """Return the workbook with one part of its zip changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, change(before.read(name)) if name == part else before.read(name))
    return out.getvalue()


def cells(xml: str) -> bytes:
    """Return a workbook whose sheet has these rows."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return changed(SHEET, lambda _: f'<worksheet xmlns="{space}"><sheetData>{xml}</sheetData></worksheet>'.encode())


def zipped(count: int) -> bytes:
    """Return a zip of so many empty files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for at in range(count):
            archive.writestr(zipfile.ZipInfo(f"{at}.xml"), b"")
    return out.getvalue()


# What is no workbook

DISGUISES: dict[str, tuple[bytes, str]] = {
    "a web page": (HTML.encode(), "that is a web page (HTML), not a workbook"),
    "a web page of another case": (
        b"\xef\xbb\xbf\r\n <!DOCTYPE HTML><HTML>",
        "that is a web page (HTML), not a workbook",
    ),
    "a table of a web page": (b"<table border=1><tr><td>wart</td></tr></table>", "that is a web page (HTML)"),
    "a spreadsheet in XML": (b'<?xml version="1.0"?><Workbook xmlns="urn:x"/>', "that is a text, not a workbook"),
    "a CSV": (b"wart,7,M,x,y,z,Arm\r\n", "that is a text, not a workbook"),
    "a CSV in Latin-1": ("wärt,7,M,x,y,z,Arm\r\n".encode("latin-1"), "that is a text, not a workbook"),
    "nothing": (b"", "the workbook is empty"),
    "a picture": (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "that is no workbook"),
    "half a container": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "the workbook cannot be opened"),
    "a container of something else": (ole.container({"WordDocument": b"hello"}), "the workbook cannot be opened"),
    "a locked .xlsx": (
        ole.container({"EncryptionInfo": b"\4\0\4\0", "EncryptedPackage": b"\1" * 9000}),
        "the workbook is locked with a password",
    ),
    "half a zip": (GOOD[:700], "the workbook cannot be opened"),
    "a zip of something else": (zipped(3), "the workbook cannot be opened"),
}


@pytest.mark.parametrize("name", DISGUISES)
@pytest.mark.parametrize(("source", "file"), [("severance", "SeveranceA.xls"), ("ph2", "PH2_dataset.xlsx")])
def test_what_is_no_workbook_is_called_what_it_is(tmp_path: Path, source: str, file: str, name: str) -> None:
    data, what = DISGUISES[name]
    error = complaint(source, tmp_path, {file: data})
    assert error.what.startswith(what), str(error)
    assert error.where == file
    assert error.hint


def test_a_page_shows_how_it_begins_and_says_what_to_do(tmp_path: Path) -> None:
    error = complaint("severance", tmp_path, {"SeveranceA.xls": HTML.encode()})
    assert "Sign in" in str(error.found)
    assert "save it as .xlsx" in str(error.hint)


# What is a workbook, of another kind or with more in it


def test_a_workbook_of_excel_95(tmp_path: Path) -> None:
    """xlrd reads it, with the code page that it names: nothing is guessed."""
    data = ole.biff5([["wart", 7.0, "M", "R/O wärt", "wart;", "Rt. hand", "Arm"]])
    (case,) = severance(tmp_path, data)
    assert isinstance(case, Case)
    assert (case.source_label, case.age, case.claims["clinical_impression"]) == ("wart", "7", "R/O wärt")


def test_what_xlrd_mutters_stands_not_between_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    severance(tmp_path, ole.biff5([CASE]).replace(b"\x42\0\2\0\xe4\4", b"\x99\0\2\0\xe4\4"))  # no code page
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("hidden", ["visible", "hidden", "veryHidden"])
def test_the_first_sheet_that_a_person_sees_is_read(tmp_path: Path, hidden: str) -> None:
    made = openpyxl.load_workbook(io.BytesIO(GOOD))
    made.create_sheet("Other", 0 if hidden != "visible" else 1).append(["keloid", *CASE[1:]])
    made["Other"].sheet_state = hidden
    made.active = made["Sheet"]
    assert severance(tmp_path / "a", saved(made)) == severance(tmp_path / "b", GOOD)


def test_a_sheet_of_notes_before_the_cases_is_told(tmp_path: Path) -> None:
    made = openpyxl.load_workbook(io.BytesIO(GOOD))
    made.create_sheet("Notes", 0).append(["see the other sheet"])
    assert complaint("severance", tmp_path / "a", {"SeveranceA.xls": saved(made)}).where == "SeveranceA.xls, row 1"


def test_a_formula_says_what_was_computed_and_is_told_where_nothing_was(tmp_path: Path) -> None:
    row = '<c t="str" r="A1"><f>"wa"&amp;"rt"</f>{}</c><c r="B1"><v>7</v></c>'
    row += "".join(f'<c t="inlineStr" r="{at}1"><is><t>{"M" if at == "C" else at}</t></is></c>' for at in "CDEFG")
    (case,) = severance(tmp_path / "a", cells(f'<row r="1">{row.format("<v>wart</v>")}</row>'))
    assert isinstance(case, Case)
    assert case.source_label == "wart"
    error = complaint("severance", tmp_path / "b", {"SeveranceA.xls": cells(f'<row r="1">{row.format("")}</row>')})
    assert (error.what, error.where) == ("a formula of the workbook has no value", "SeveranceA.xls, row 1, cell A1")


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#DIV/0!"])
def test_a_formula_that_failed(tmp_path: Path, error: str) -> None:
    told = complaint("severance", tmp_path, {"SeveranceA.xls": book([CASE, [*CASE[:5], error, "Arm"]])})
    assert (told.what, told.where) == ("a formula of the workbook failed", "SeveranceA.xls, row 2, cell F2")


def test_merged_cells_have_their_text_in_the_first_alone(tmp_path: Path) -> None:
    """A label merged over two cases is the label of the first: the second has none, and is told, not guessed."""
    made = openpyxl.load_workbook(io.BytesIO(GOOD))
    made.active.merge_cells("A1:A2")
    assert complaint("severance", tmp_path, {"SeveranceA.xls": saved(made)}).where == "SeveranceA.xls, row 2"


def test_a_date_is_no_age(tmp_path: Path) -> None:
    """A spreadsheet of another country takes 1.5 for the first of May."""
    row = [CASE[0], datetime.date(2016, 5, 1), *CASE[2:]]
    error = complaint("severance", tmp_path, {"SeveranceA.xls": book([row])})
    assert error.what == "a row of the workbook is no case"
    assert "2016-05-01" in str(error.found)


def test_control_characters_and_endless_cells(tmp_path: Path) -> None:
    row = "".join(f'<c t="inlineStr" r="{at}1"><is><t>M</t></is></c>' for at in "BCDEFG")
    for at, (label, what) in enumerate(
        {"x&#x7f;": "control character", "x" * (10 << 20): "longer than a cell"}.items()
    ):
        xml = f'<row r="1"><c t="inlineStr" r="A1"><is><t>{label}</t></is></c>{row}</row>'
        assert what in complaint("severance", tmp_path / str(at), {"SeveranceA.xls": cells(xml)}).what


# What would fill the memory, or take hours: each in a process that may have little of both


def of_zeros(size: int) -> bytes:
    """Return a workbook whose sheet unpacks to so many spaces."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            if name != SHEET:
                after.writestr(name, before.read(name))
        with after.open(SHEET, "w", force_zip64=True) as part:
            for _ in range(size >> 20):
                part.write(b" " * (1 << 20))
    return out.getvalue()


def lying(data: bytes) -> bytes:
    """Return the zip with a directory that says 100 bytes where there are many more."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = archive.getinfo(SHEET).file_size
    start = data.rfind(b"PK\1\2", 0, data.rfind(SHEET.encode()))
    return data[: start + 24] + (100).to_bytes(4, "little") + data[start + 28 :] if size else data


ENTITIES = "".join(f'<!ENTITY a{at} "{f"&a{at - 1};" * 10}">' for at in range(1, 12))
LAUGH = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{ENTITIES}]><x>&a11;</x>'
CORNERS = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a sheet of half a gigabyte of spaces": (
        lambda: of_zeros(512 << 20),
        "the workbook is larger than any label table",
    ),
    "a directory that lies": (lambda: lying(of_zeros(96 << 20)), "the workbook cannot be opened"),
    "entities": (
        lambda: changed(SHEET, lambda _: LAUGH.encode()),
        "the workbook declares XML entities, which no spreadsheet writes",
    ),
    "entities in UTF-16": (
        lambda: changed(SHEET, lambda _: LAUGH.encode("utf-16")),
        "the workbook declares XML entities, which no spreadsheet writes",
    ),
    "a cell in the last corner": (lambda: cells(CORNERS), "the workbook is larger than any label table"),
    "a last cell in every row": (
        lambda: cells('<row><c r="XFD1"><v>1</v></c></row>' * 300_000),
        "the workbook is larger than any label table",
    ),
    "a row of a number beyond all": (
        lambda: cells(f'<row r="{10**15}"><c><v>1</v></c></row>'),
        "the workbook is larger than any label table",
    ),
    "20,000 parts": (
        lambda: changed(SHEET, bytes, zipped(20_000)),
        "the workbook is larger than any label table",
    ),
    "65 MB of nothing": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(65 << 20), "the workbook is larger than"),
}


READ = """
import sys
from pathlib import Path
from curate.errors import ParseError
from curate.files import Files
from curate.sources import workbook
try:
    workbook.read(Files.of_folder(Path(sys.argv[1])), "book.xlsx")
except ParseError as told:
    print(told)
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_told_in_little_time_and_room(tmp_path: Path, name: str) -> None:
    make, what = BOMBS[name]
    (tmp_path / "book.xlsx").write_bytes(make())
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
    )
    assert done.stdout.startswith(what), done.stdout + done.stderr
    assert "next:" in done.stdout
    assert time.perf_counter() - begun < 30


def test_the_size_that_a_sheet_claims_is_not_believed(tmp_path: Path) -> None:
    claims = changed(SHEET, lambda xml: xml.replace(b'ref="A1:G2"', b'ref="A1:XFD1048576"'))
    assert claims != GOOD
    assert severance(tmp_path / "a", claims) == severance(tmp_path / "b", GOOD)


# Drawn at random


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["xlsx", "ph2", "xls"]), st.data())
def test_flipped_and_cut_workbooks_are_read_or_told(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    whole = bytearray({"xlsx": GOOD, "ph2": PH2, "xls": ole.biff5([CASE, CASE])}[kind])
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.just(len(whole)) | st.integers(0, len(whole)))
    folder = tmp_path_factory.mktemp("book")
    (folder / "book").write_bytes(bytes(whole[:cut]))
    rows = told(lambda: workbook.read(Files.of_folder(folder), "book"))
    assert isinstance(rows, ParseError) or len({len(row) for row in rows}) <= 1


XML = st.sampled_from(
    (
        *("<row>", "</row>", '<row r="2">', '<row r="-1">', '<row r="x">', '<c r="A1">', '<c r="ZZZZ9">', '<c t="s">'),
        *("</c>", '<c t="d">', '<c t="e">', '<c t="b">', '<c s="9">', "<v>", "</v>", "<f>", "</f>", "<is>", "</is>"),
        *('<f t="shared" si="0">', '<f t="dataTable"/>', '<f t="array"/>', "<t>", "</t>", "1", "-1", "1e999", "nan"),
        *("#N/A", "x"),
    )
)


@settings(max_examples=100, deadline=None)
@given(st.lists(XML, max_size=12))
@example(['<row r="1">', '<c t="s">', "<v>", "9", "</v>", "</c>", "</row>"])
def test_any_sheet_is_read_or_told(tmp_path_factory: pytest.TempPathFactory, xml: list[str]) -> None:
    folder = tmp_path_factory.mktemp("book")
    (folder / "book").write_bytes(cells("".join(xml)))
    told(lambda: workbook.read(Files.of_folder(folder), "book"))
