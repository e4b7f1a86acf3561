"""What every CSV is held to: a message, or a row with what it lacks; nothing lost, nothing guessed."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from parsing import (
    CLASSES_2018,
    CLASSES_2019,
    HEADER_2017,
    HEADER_2018,
    HEADER_2019,
    HEADER_2020,
    TEST_2016,
    TRAIN_2016,
    TRAIN_2017,
    TRAIN_2018,
    TRAIN_2019,
    TRAIN_2020,
    complaint,
    labels,
    parse,
    parse_these,
    records,
)

from curate.errors import ParseError

# What every CSV of a source is held to


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_byte_order_mark_say_nothing(tmp_path: Path, end: str, mark: str, last: bool) -> None:
    text = mark + end.join(["image_id,melanoma,seborrheic_keratosis", "ISIC_9000001,1.0,0.0"]) + (end if last else "")
    assert labels(parse_these("isic_2017", tmp_path, {TRAIN_2017: text})) == {"ISIC_9000001": "melanoma"}


def test_white_space_and_quotes_around_a_cell_say_nothing(tmp_path: Path) -> None:
    text = f'{HEADER_2018}"ISIC_9000001", 0.0 ,1.0,0,0,0,0,0\n\n'
    assert labels(parse_these("isic_2018", tmp_path, {TRAIN_2018: text})) == {"ISIC_9000001": "NV"}


def test_an_empty_cell_is_none_and_no_claim(tmp_path: Path) -> None:
    row = "ISIC_9000001,IP_9000001,,,,,nevus,benign,\n"
    (record,) = records(parse_these("isic_2020", tmp_path, {TRAIN_2020: HEADER_2020 + row}))
    assert (record.lesion_id, record.sex, record.age, record.site) == (None, None, None, None)
    assert record.claims == {"benign_malignant": "benign"}


def test_more_columns_become_claims(tmp_path: Path) -> None:
    text = f"image,{CLASSES_2018},camera\nISIC_9000001,0,1,0,0,0,0,0,old\n"
    (record,) = records(parse_these("isic_2018", tmp_path, {TRAIN_2018: text}))
    assert record.claims == {"camera": "old"}


@pytest.mark.parametrize(
    ("source", "name", "text", "found"),
    [
        ("isic_2017", TRAIN_2017, "image_id,melanoma\nISIC_9000001,1.0\n", "image_id, melanoma"),
        ("isic_2018", TRAIN_2018, "image,MEL,NV\nISIC_9000001,1.0,0.0\n", "image, MEL, NV"),
        ("isic_2019", TRAIN_2019, "name,MEL\nISIC_9000001,1.0\n", "name, MEL"),
        ("isic_2020", TRAIN_2020, "image_name,target\nISIC_9000001,1\n", "image_name, target"),
        ("pad_ufes_20", "metadata.csv", "img_id,age\nPAT_1_2_3.png,4\n", "img_id, age"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, source: str, name: str, text: str, found: str) -> None:
    error = complaint(source, tmp_path, {name: text})
    assert "is missing" in error.what
    assert error.found == found
    assert error.where == f"{name}, line 1"


def test_an_empty_file(tmp_path: Path) -> None:
    assert complaint("isic_2017", tmp_path, {TRAIN_2017: ""}).what == "the file is empty"


def test_a_doubled_column(tmp_path: Path) -> None:
    text = "image_id,melanoma,seborrheic_keratosis,melanoma\nISIC_9000001,1.0,0.0,0.0\n"
    assert "'melanoma' stands there twice" in complaint("isic_2017", tmp_path, {TRAIN_2017: text}).what


@pytest.mark.parametrize("row", ["ISIC_9000002,1.0", "ISIC_9000002,1.0,0.0,0.0", "ISIC_9000002"])
def test_a_ragged_row_is_named_by_its_line(tmp_path: Path, row: str) -> None:
    error = complaint("isic_2017", tmp_path, {TRAIN_2017: f"{HEADER_2017}ISIC_9000001,1.0,0.0\n{row}\n"})
    assert error.what == "a row has the wrong number of cells"
    assert error.where == f"{TRAIN_2017}, line 3"


def test_broken_quotes(tmp_path: Path) -> None:
    error = complaint("isic_2017", tmp_path, {TRAIN_2017: f'{HEADER_2017}"ISIC_9000001,1.0,0.0\n'})
    assert error.what == "the file is not a CSV"


def test_another_encoding(tmp_path: Path) -> None:
    complaint("isic_2017", tmp_path, {TRAIN_2017: HEADER_2017.encode() + b"ISIC_900000\xe9,1.0,0.0\n"})


def test_a_name_twice_in_one_file(tmp_path: Path) -> None:
    text = HEADER_2017 + "ISIC_9000001,1.0,0.0\nISIC_9000001,1.0,0.0\n"
    error = complaint("isic_2017", tmp_path, {TRAIN_2017: text})
    assert error.what == "ISIC_9000001 is there twice"
    assert error.found == f"also at {TRAIN_2017}, line 2"


def test_a_name_in_two_splits(tmp_path: Path) -> None:
    error = complaint("isic_2016", tmp_path, {TRAIN_2016: "ISIC_9000001,benign\n", TEST_2016: "ISIC_9000001,0.0\n"})
    assert TRAIN_2016 in str(error)
    assert TEST_2016 in str(error)


def test_a_row_without_a_name(tmp_path: Path) -> None:
    complaint("isic_2017", tmp_path, {TRAIN_2017: f"{HEADER_2017},1.0,0.0\n"})


@pytest.mark.parametrize("name", ["ISIC_123", "ISIC_90000011", "isic_9000001", "ISIC_9000001.jpg", "cat"])
def test_a_name_that_is_not_isic(tmp_path: Path, name: str) -> None:
    error = complaint("isic_2017", tmp_path, {TRAIN_2017: f"{HEADER_2017}{name},1.0,0.0\n"})
    assert error.found == repr(name)


@pytest.mark.parametrize(
    "source",
    ["isic_2016", "isic_2017", "isic_2018", "isic_2019", "isic_2020", "severance", "ph2", "pad_ufes_20"],
)
def test_no_label_file_at_all(tmp_path: Path, source: str) -> None:
    error = complaint(source, tmp_path, {"notes.txt": "nothing"})
    assert error.hint == f"curate fetch {source}"
    assert error.expected


@pytest.mark.parametrize("source", ["asan", "hallym"])
def test_sheet_sources_without_sheets_say_nothing(tmp_path: Path, source: str) -> None:
    assert parse(source, tmp_path) == []


# One-hot labels


@pytest.mark.parametrize(
    ("source", "name", "header", "row"),
    [
        ("isic_2017", TRAIN_2017, HEADER_2017, "1.0,1.0"),
        ("isic_2018", TRAIN_2018, HEADER_2018, "1.0,0.0,0.0,0.0,0.0,0.0,1.0"),
        ("isic_2019", TRAIN_2019, HEADER_2019, "0,1,0,0,0,0,0,0,1"),
    ],
)
def test_two_labels_in_a_row(tmp_path: Path, source: str, name: str, header: str, row: str) -> None:
    error = complaint(source, tmp_path, {name: f"{header}ISIC_9000001,{row}\n"})
    assert error.what == "a row has two labels"
    assert " and " in str(error.found)
    assert error.where == f"{name}, line 2"


@pytest.mark.parametrize("cell", ["", "2", "0.5", "yes", "nan"])
def test_a_one_hot_cell_that_is_neither(tmp_path: Path, cell: str) -> None:
    error = complaint("isic_2017", tmp_path, {TRAIN_2017: f"{HEADER_2017}ISIC_9000001,{cell},0.0\n"})
    assert error.where == f"{TRAIN_2017}, line 2, column melanoma"


def test_no_label_set(tmp_path: Path) -> None:
    """2017 means a nevus by it; 2018 and 2019 have a column for every class, so such a row has no label."""
    assert labels(parse_these("isic_2017", tmp_path / "a", {TRAIN_2017: f"{HEADER_2017}ISIC_9000001,0,0\n"})) == {
        "ISIC_9000001": "neither"
    }
    row = "ISIC_9000001,0,0,0,0,0,0,0"
    assert labels(parse_these("isic_2018", tmp_path / "b", {TRAIN_2018: f"{HEADER_2018}{row}\n"})) == {
        "ISIC_9000001": None
    }
    assert labels(parse_these("isic_2019", tmp_path / "c", {TRAIN_2019: f"{HEADER_2019}{row},0,0\n"})) == {
        "ISIC_9000001": None
    }


# Drawn at random: no exception but ParseError, and no row lost

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
NAME = st.from_regex(r"ISIC_[0-9]{7}(_downsampled)?", fullmatch=True)
ANY_ROW = st.lists(CELL | NAME | st.sampled_from(["0", "1", "0.0", "1.0"]), max_size=12)
TABLES = {
    "isic_2016": (TRAIN_2016, ""),
    "isic_2017": (TRAIN_2017, HEADER_2017),
    "isic_2018": (TRAIN_2018, HEADER_2018),
    "isic_2019": (TRAIN_2019, HEADER_2019),
    "isic_2020": (TRAIN_2020, HEADER_2020),
}


def as_csv(rows: list[list[str]]) -> str:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


@settings(max_examples=150, deadline=None)
@given(source=st.sampled_from(sorted(TABLES)), headed=st.booleans(), rows=st.lists(ANY_ROW, max_size=5))
@example(source="isic_2016", headed=False, rows=[["\r", "x"]])
def test_anything_at_all_is_parsed_or_complained_of(source: str, headed: bool, rows: list[list[str]]) -> None:
    name, header = TABLES[source]
    with tempfile.TemporaryDirectory() as folder:
        text = (header if headed else "") + as_csv(rows)
        try:
            found = parse_these(source, Path(folder), {name: text})
        except ParseError:
            return
    named = [row for row in rows if any(cell.strip() for cell in row)]
    assert len(found) in (len(named), len(named) - (not headed))


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_parsed_or_complained_of(raw: bytes) -> None:
    wanted = {
        **{source: name for source, (name, _) in TABLES.items()},
        "pad_ufes_20": "metadata.csv",
        "ph2": "PH2_dataset.txt",
        "severance": "SeveranceA.xls",
    }
    for source, name in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                parse_these(source, Path(folder), {name: raw})
            except ParseError:
                continue


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(NAME, unique_by=lambda name: name, min_size=1, max_size=8),
    chosen=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    end=st.sampled_from(["\n", "\r\n"]),
    form=st.sampled_from([("0", "1"), ("0.0", "1.0")]),
)
def test_good_tables_come_back_whole(names: list[str], chosen: list[int], end: str, form: tuple[str, str]) -> None:
    classes = CLASSES_2019.split(",")
    wanted = {name: classes[at] if at < 9 else None for name, at in zip(names, chosen, strict=False)}
    rows = [",".join([name, *(form[word == label] for word in classes)]) for name, label in wanted.items()]
    with tempfile.TemporaryDirectory() as folder:
        found = parse_these("isic_2019", Path(folder), {TRAIN_2019: end.join([HEADER_2019.strip(), *rows])})
    assert labels(found) == wanted
    assert [record.image_id for record in records(found)] == list(wanted)
