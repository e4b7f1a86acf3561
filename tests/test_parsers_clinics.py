"""The quirks of the sources from single clinics, and what their bad files get."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook
from parsing import FIXTURES, book, complaint, labels, parse, parse_these, records

from curate.records import Case, Sheet

# Sheets of ASAN and Hallym


def test_sheets_are_named_after_their_files() -> None:
    sheets = [claim for claim in parse("asan", FIXTURES / "asan") if isinstance(claim, Sheet)]
    assert [(sheet.name, sheet.source_label, sheet.published_split, sheet.diagnosis_method) for sheet in sheets] == [
        ("test-biopsy-actinickeratosis", "actinickeratosis", "test", "biopsy"),
        ("train-biopsy-intraepithelial-carcinoma", "intraepithelial carcinoma", "train", "biopsy"),
        ("train-non-biopsy-pyogenic-granuloma", "pyogenic granuloma", "train", "non-biopsy"),
    ]
    sheets = [claim for claim in parse("hallym", FIXTURES / "hallym") if isinstance(claim, Sheet)]
    assert [(sheet.name, sheet.source_label, sheet.published_split) for sheet in sheets] == [
        ("back-bcc", "bcc", "test"),
        ("hallym-bcc", "bcc", "test"),
    ]


@pytest.mark.parametrize("source", ["asan", "hallym"])
@pytest.mark.parametrize(
    "name",
    [
        "L#12dx#holiday.png",
        "L#12dx#train-asan90#biopsy# .png",
        "L#12dx#hallym#back  .png",
        "L#12dx#hallym#back b\x1b.png",
    ],
)
def test_a_sheet_of_another_name(tmp_path: Path, source: str, name: str) -> None:
    error = complaint(source, tmp_path, {name: b""})
    assert error.found == name.replace("\x1b", r"\x1b")


def test_a_sheet_named_in_latin_1(tmp_path: Path) -> None:
    """Half a letter cannot be a label: no table holds it."""
    (tmp_path / os.fsdecode(b"L#12dx#hallym#back n\xe6vus.png")).write_bytes(b"")
    assert r"n\udce6vus" in str(complaint("hallym", tmp_path, {}).found)


def test_a_sheet_in_the_other_folder(tmp_path: Path) -> None:
    path = "Asan test dataset/L#12dx#train-asan90#biopsy#wart.png"
    assert complaint("asan", tmp_path, {path: b""}).where == path


def test_one_sheet_in_two_folders(tmp_path: Path) -> None:
    name = "L#12dx#train-asan90#biopsy#wart.png"
    assert "twice" in complaint("asan", tmp_path, {f"a/{name}": b"", f"b/{name}": b""}).what


# Severance


CASE: list[object] = ["wart", 7.0, "M", "R/O wart", "wart;", "Rt. hand", "Arm"]


def test_severance_cases_and_sheets() -> None:
    claims = parse("severance", FIXTURES / "severance")
    cases = [claim for claim in claims if isinstance(claim, Case)]
    assert [case.number for case in cases] == [1, 2, 3]
    assert (cases[0].source_label, cases[0].age, cases[0].sex, cases[0].site) == (
        "actinickeratosis",
        "61",
        "F",
        "Head&Neck",
    )
    assert cases[0].claims == {
        "clinical_impression": "R/O AK\nR/O SCC",
        "mapped_impressions": "actinickeratosis;squamouscellcarcinoma;",
        "site": "cheek",
    }
    sheets = [claim for claim in claims if isinstance(claim, Sheet)]
    assert [(sheet.name, sheet.position, sheet.layout) for sheet in sheets] == [
        ("001", 1, "captioned"),
        ("002", 2, "captioned"),
        ("007", 7, "captioned"),
    ]


def test_severance_workbook_goes_by_its_bytes_not_its_ending(tmp_path: Path) -> None:
    (case,) = parse_these("severance", tmp_path, {"SeveranceA.xls": book([CASE])})
    assert isinstance(case, Case)
    assert case.source_label == "wart"


def test_severance_half_years_stay(tmp_path: Path) -> None:
    (case,) = parse_these("severance", tmp_path, {"SeveranceA.xlsx": book([["wart", 1.5, *CASE[2:]]])})
    assert isinstance(case, Case)
    assert case.age == "1.5"


def test_severance_workbook_with_missing_columns(tmp_path: Path) -> None:
    error = complaint("severance", tmp_path, {"SeveranceA.xlsx": book([CASE[:5], CASE[:5]])})
    assert error.what == "the workbook has the wrong number of columns"
    assert error.found == "5"


@pytest.mark.parametrize(
    "row",
    [
        ["label", "age", "sex", "impression", "mapped", "site", "group"],
        [None] * 7,
        [None, *CASE[1:]],
        ["wart", None, *CASE[2:]],
        ["wart", 7.0, "X", *CASE[3:]],
    ],
)
def test_severance_a_row_that_is_no_case_would_shift_the_rest(tmp_path: Path, row: list[object]) -> None:
    error = complaint("severance", tmp_path, {"SeveranceA.xlsx": book([CASE, row, CASE])})
    assert error.where == "SeveranceA.xlsx, row 2"


def test_severance_workbook_one_row_short(tmp_path: Path) -> None:
    """A row less at the end is a case less, never a shift: the label cells then name a case that is not there."""
    short = parse_these("severance", tmp_path / "a", {"SeveranceA.xlsx": book([CASE, CASE])})
    whole = parse_these("severance", tmp_path / "b", {"SeveranceA.xlsx": book([CASE, CASE, CASE])})
    assert short == whole[:2]


def test_severance_workbook_without_a_row(tmp_path: Path) -> None:
    assert complaint("severance", tmp_path, {"SeveranceA.xls": book([])}).what == "the workbook has no rows"


@pytest.mark.parametrize("data", [b"", b"no workbook", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", book([CASE])[:700]])
def test_severance_no_workbook(tmp_path: Path, data: bytes) -> None:
    assert "workbook" in complaint("severance", tmp_path, {"SeveranceA.xls": data}).what


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as zipped:
        zipped.writestr("hello.txt", "hello")
    complaint("severance", tmp_path, {"SeveranceA.xlsx": data.getvalue()})


def test_severance_sheet_of_another_name(tmp_path: Path) -> None:
    error = complaint("severance", tmp_path, {"SeveranceA.xlsx": book([CASE]), "SeveranceA_Thumbnails/cover.jpg": b""})
    assert error.found == "cover.jpg"


# PH2


def ph2_files() -> dict[str, bytes]:
    return {
        name: (FIXTURES / "ph2" / "PH2Dataset" / name).read_bytes() for name in ("PH2_dataset.txt", "PH2_dataset.xlsx")
    }


def test_ph2_both_tables_say_the_same(tmp_path: Path) -> None:
    files = ph2_files()
    text = parse_these("ph2", tmp_path / "a", {"PH2_dataset.txt": files["PH2_dataset.txt"]})
    workbook = parse_these("ph2", tmp_path / "b", {"PH2_dataset.xlsx": files["PH2_dataset.xlsx"]})
    both = parse_these("ph2", tmp_path / "c", files)
    assert text == workbook == both
    assert labels(text) == {"IMD901": "0", "IMD902": "1", "IMD903": "2"}
    assert records(text)[2].claims["colors"] == "1 5 6"
    assert [record.claims.get("histological_diagnosis") for record in records(text)] == [
        None,
        "Dysplastic Nevus",
        "Melanoma",
    ]
    assert {record.diagnosis_method for record in records(text)} == {"clinical diagnosis"}, "what the label is"


def test_ph2_pictures_and_masks() -> None:
    first = records(parse("ph2", FIXTURES / "ph2"))[0]
    assert first.file is not None
    assert first.file.endswith("IMD901_Dermoscopic_Image/IMD901.bmp")
    assert first.mask is not None
    assert first.mask.endswith("IMD901_lesion/IMD901_lesion.bmp")


def changed(column: int, value: object, row: int = 14) -> bytes:
    """Return the fixture's workbook with one cell changed."""
    workbook = load_workbook(FIXTURES / "ph2" / "PH2Dataset" / "PH2_dataset.xlsx")
    workbook.active.cell(row, column).value = value
    data = io.BytesIO()
    workbook.save(data)
    return data.getvalue()


def test_ph2_two_tables_that_disagree(tmp_path: Path) -> None:
    text = ph2_files()["PH2_dataset.txt"].replace(b"                  1 ||", b"                  2 ||")
    error = complaint("ph2", tmp_path, {**ph2_files(), "PH2_dataset.txt": text})
    assert "IMD902" in error.what
    assert "PH2_dataset.txt" in str(error)
    assert "PH2_dataset.xlsx" in str(error)


def test_ph2_a_lesion_of_one_table_only_is_kept(tmp_path: Path) -> None:
    lines = ph2_files()["PH2_dataset.txt"].split(b"\n")
    assert len(records(parse_these("ph2", tmp_path, {**ph2_files(), "PH2_dataset.txt": b"\n".join(lines[:3])}))) == 3


def test_ph2_bad_tables(tmp_path: Path) -> None:
    text = ph2_files()["PH2_dataset.txt"]
    bad: list[dict[str, bytes]] = [
        {"PH2_dataset.txt": b"hello\n"},
        {"PH2_dataset.txt": text.replace(b"Clinical Diagnosis ||", b"Diagnosis ||")},
        {"PH2_dataset.txt": text.replace(b"|                 P ||", b"||")},
        {"PH2_dataset.txt": text.replace(b"IMD902", b"IMD901")},
        {"PH2_dataset.txt": text.replace(b"IMD902", b"      ")},
        {"PH2_dataset.xlsx": changed(3, None)},
        {"PH2_dataset.xlsx": changed(4, "X")},
        {"PH2_dataset.xlsx": changed(1, None)},
        {"PH2_dataset.xlsx": changed(1, "IMD902")},
        {"PH2_dataset.xlsx": changed(5, "Tumour", row=13)},
        {"PH2_dataset.xlsx": changed(1, "Picture", row=13)},
    ]
    for at, files in enumerate(bad):
        complaint("ph2", tmp_path / str(at), files)


def test_ph2_a_code_nobody_knows_is_copied_as_it_is(tmp_path: Path) -> None:
    text = ph2_files()["PH2_dataset.txt"].replace(b"                  1 ||", b"                  7 ||")
    assert labels(parse_these("ph2", tmp_path, {"PH2_dataset.txt": text}))["IMD902"] == "7"


# PAD-UFES-20


def test_pad_lesions_are_told_apart_by_patient() -> None:
    found = records(parse("pad_ufes_20", FIXTURES / "pad_ufes_20"))
    assert [record.lesion_id for record in found] == ["PAT_9001/7", "PAT_9002/7", "PAT_9002/8"]
    assert [record.diagnosis_method for record in found] == ["not biopsed", "biopsed", "biopsed"]
    assert [record.tone_reported for record in found] == [None, "3.0", "3.0"]
    assert [record.sex for record in found] == [None, "FEMALE", "FEMALE"]
    assert found[0].claims["grew"] == "UNK"
    assert found[1].claims["background_mother"] == "BRASIL"
    assert found[1].image_id == "PAT_9002_7_39"
    assert [bool(record.file) for record in found] == [True, True, False]


def test_pad_biopsed_is_true_or_false(tmp_path: Path) -> None:
    header = "patient_id,lesion_id,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    error = complaint("pad_ufes_20", tmp_path, {"metadata.csv": header + "PAT_1,2,3,,,ARM,NEV,PAT_1_2_3.png,maybe\n"})
    assert error.found == "maybe"
