"""The quirks of the five ISIC years."""

from __future__ import annotations

from pathlib import Path

import pytest
from parsing import (
    FIXTURES,
    HEADER_2018,
    HEADER_2020,
    TEST_2016,
    TRAIN_2016,
    TRAIN_2018,
    TRAIN_2020,
    complaint,
    labels,
    parse,
    parse_these,
    records,
)

from curate.records import ListedPair


def test_2016_has_no_header_and_passes_one_over(tmp_path: Path) -> None:
    rows = "ISIC_9000001,benign\r\nISIC_9000002,malignant"
    plain = parse_these("isic_2016", tmp_path / "a", {TRAIN_2016: rows})
    headed = parse_these("isic_2016", tmp_path / "b", {TRAIN_2016: f"image_id,label\r\n{rows}"})
    assert plain == headed
    assert labels(plain) == {"ISIC_9000001": "benign", "ISIC_9000002": "malignant"}


def test_2016_a_header_further_down_is_no_header(tmp_path: Path) -> None:
    complaint("isic_2016", tmp_path, {TRAIN_2016: "ISIC_9000001,benign\nimage_id,label\n"})


def test_2016_the_header_of_another_table_is_told(tmp_path: Path) -> None:
    error = complaint("isic_2016", tmp_path, {TRAIN_2016: "image_name,patient_id,sex\n"})
    assert error.what == "a row has the wrong number of cells"


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", "\x1a", " \r\n,\r\n"])
def test_2016_an_empty_file_is_told(tmp_path: Path, text: str) -> None:
    error = complaint("isic_2016", tmp_path, {TRAIN_2016: text, TEST_2016: "ISIC_9000001,benign\n"})
    assert error.what == "the file is empty"


def test_2016_labels_are_verbatim_and_splits_from_the_file() -> None:
    found = records(parse("isic_2016", FIXTURES / "isic_2016"))
    assert [(record.source_label, record.published_split) for record in found] == [
        ("benign", "train"),
        ("malignant", "train"),
        ("benign", "train"),
        ("0.0", "test"),
        ("1.0", "test"),
    ]
    assert [bool(record.file) for record in found] == [True, True, False, False, False]
    assert found[0].mask is not None
    assert found[0].mask.endswith("ISIC_9000001_Segmentation.png")


def test_2017_takes_age_and_sex_from_the_picture_archive() -> None:
    found = {record.image_id: record for record in records(parse("isic_2017", FIXTURES / "isic_2017"))}
    assert (found["ISIC_9000001"].age, found["ISIC_9000001"].sex) == ("35", "female")
    assert found["ISIC_9000002"].age == "unknown"
    assert found["ISIC_9000023"].age is None
    assert found["ISIC_9000001"].file is not None
    assert found["ISIC_9000001"].file.endswith("/ISIC_9000001.jpg")
    assert {record.published_split for record in found.values()} == {"train", "validation", "test"}


def test_a_metadata_row_without_a_label_row_is_kept(tmp_path: Path) -> None:
    people = "image,age_approx,anatom_site_general,sex\nISIC_9000009,40,,male\n"
    found = records(parse_these("isic_2019", tmp_path, {"ISIC_2019_Test_Metadata.csv": people}))
    assert [(record.image_id, record.source_label, record.published_split) for record in found] == [
        ("ISIC_9000009", None, "test")
    ]


def test_2018_reads_ham10000_before_the_lesion_groupings() -> None:
    found = {record.image_id: record for record in records(parse("isic_2018", FIXTURES / "isic_2018"))}
    told = found["ISIC_9000032"]
    assert (told.lesion_id, told.age, told.sex, told.site) == ("HAM_9000002", "75.0", "male", "face")
    assert told.diagnosis_method == "histo"
    assert told.claims == {"dx": "akiec", "dataset": "rosendahl"}
    grouped = found["ISIC_9000033"]
    assert (grouped.lesion_id, grouped.diagnosis_method, grouped.age) == ("HAM_9000003", "histopathology", None)
    assert found["ISIC_9000042"].lesion_id is None


@pytest.mark.parametrize("name", ["HAM10000_metadata", "HAM10000_metadata.csv", "HAM10000_metadata.tab"])
def test_2018_knows_every_name_of_the_ham10000_table(tmp_path: Path, name: str) -> None:
    table = (
        "lesion_id,image_id,dx,dx_type,age,sex,localization\nHAM_9000001,ISIC_9000001,nv,confocal,5.0,unknown,unknown\n"
    )
    if name.endswith(".tab"):
        table = table.replace(",", "\t")
    row = "ISIC_9000001,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n"
    (found,) = records(parse_these("isic_2018", tmp_path, {name: table, TRAIN_2018: HEADER_2018 + row}))
    assert (found.lesion_id, found.diagnosis_method, found.claims) == ("HAM_9000001", "confocal", {"dx": "nv"})


def test_2018_two_copies_of_the_ham10000_table_are_one(tmp_path: Path) -> None:
    short = (
        "lesion_id,image_id,dx,dx_type,age,sex,localization\nHAM_9000001,ISIC_9000001,nv,histo,5.0,unknown,unknown\n"
    )
    long = short.replace("localization\n", "localization,dataset\n").replace("unknown\n", "unknown,vienna_dias\n")
    row = "ISIC_9000001,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n"
    files = {"HAM10000_metadata.csv": short, "HAM10000_metadata": long, TRAIN_2018: HEADER_2018 + row}
    (found,) = records(parse_these("isic_2018", tmp_path, files))
    assert found.claims == {"dx": "nv", "dataset": "vienna_dias"}


def test_2018_a_lesion_row_without_a_label_row_is_kept(tmp_path: Path) -> None:
    groupings = "image,lesion_id,diagnosis_confirm_type\nISIC_9000009,HAM_9000009,histopathology\n"
    row = "ISIC_9000001,0.0,1.0,0.0,0.0,0.0,0.0,0.0\n"
    files = {TRAIN_2018: HEADER_2018 + row, "ISIC2018_Task3_Training_LesionGroupings.csv": groupings}
    assert labels(parse_these("isic_2018", tmp_path, files)) == {"ISIC_9000001": "NV", "ISIC_9000009": None}


def test_2019_keeps_downsampled_in_the_name_alone() -> None:
    found = {record.image_id: record for record in records(parse("isic_2019", FIXTURES / "isic_2019"))}
    assert found["ISIC_9000002_downsampled"].isic_id == "ISIC_9000002"
    assert found["ISIC_9000002_downsampled"].file is not None
    assert found["ISIC_9000061"].source_label == "UNK"
    assert found["ISIC_9000062"].claims == {"score_weight": "1.0", "validation_weight": "0.5"}
    assert found["ISIC_9000051"].lesion_id == "BCN_9000001"


def test_2020_reads_one_version_only(tmp_path: Path) -> None:
    both = parse("isic_2020", FIXTURES / "isic_2020")
    assert len(records(both)) == 6
    assert records(both)[0].lesion_id == "IL_9000001"
    earlier = (FIXTURES / "isic_2020" / "ISIC_2020_Training_GroundTruth.csv").read_bytes()
    alone = records(parse_these("isic_2020", tmp_path, {"ISIC_2020_Training_GroundTruth.csv": earlier}))
    assert [record.image_id for record in alone] == [record.image_id for record in records(both)[:4]]
    assert (alone[0].lesion_id, alone[0].age) == (None, "45.0")


def test_2020_labels_pairs_and_the_unlabelled_test() -> None:
    claims = parse("isic_2020", FIXTURES / "isic_2020")
    assert labels(claims)["ISIC_9000071"] == "unknown"
    assert records(claims)[0].claims == {"benign_malignant": "benign", "target": "0"}
    assert labels(claims)["ISIC_9000081"] is None
    assert [claim for claim in claims if isinstance(claim, ListedPair)] == [
        ListedPair("ISIC_9000071", "ISIC_9000072", "ISIC_2020_Training_Duplicates.csv")
    ]


def test_2020_a_pair_with_one_name(tmp_path: Path) -> None:
    row = "ISIC_9000001,IP_9000001,,,,,nevus,benign,0\n"
    pairs = "image_name_1,image_name_2\nISIC_9000001,\n"
    error = complaint(
        "isic_2020", tmp_path, {TRAIN_2020: HEADER_2020 + row, "ISIC_2020_Training_Duplicates.csv": pairs}
    )
    assert error.what == "a pair lacks a name"


def test_a_diagnosis_nobody_knows_is_copied_as_it_is(tmp_path: Path) -> None:
    row = "ISIC_9000001,IP_9000001,,,,,Something New,benign,0\n"
    assert labels(parse_these("isic_2020", tmp_path, {TRAIN_2020: HEADER_2020 + row})) == {
        "ISIC_9000001": "Something New"
    }
