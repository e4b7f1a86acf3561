"""The real files, the whole way by the commands that a steward types; the counts are those of the files themselves."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import Curate

from curate import Workspace

pytestmark = pytest.mark.real

FETCHES = [
    (["isic_2016"], ["isic/metadata", "isic/images/uda1_original"]),
    (["isic_2017"], ["isic/metadata", "isic/images/isic2017_256x256"]),
    (["isic_2018"], ["isic/metadata", "isic/images/ham10000_600x450"]),
    (["isic_2019"], ["isic/metadata"]),
    (["isic_2020"], ["isic/metadata"]),
    (["asan", "hallym"], ["asan"]),
    (["severance"], ["severance"]),
    (["ph2"], ["ph2"]),
    (["pad_ufes_20"], ["pad_ufes_20"]),
]


@pytest.fixture(scope="module")
def fetched(real: Path, curate: Curate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root: Path = tmp_path_factory.mktemp("real root")
    for sources, folders in FETCHES:
        words = [word for folder in folders for word in ("--from", str(real / folder))]
        done = curate("fetch", *sources, *words, root=root)
        assert done.returncode == 0, done.stderr
    return root


@pytest.fixture(scope="module")
def built(fetched: Path, curate: Curate) -> Path:
    done = curate("build", root=fetched, timeout=900)
    assert done.returncode == 0, done.stderr
    return fetched


@pytest.fixture(scope="module")
def labels(fetched: Path, curate: Curate, tmp_path_factory: pytest.TempPathFactory, real: Path) -> Path:
    root: Path = tmp_path_factory.mktemp("labels")
    for sources, folders in FETCHES:
        words = [word for folder in folders for word in ("--from", str(real / folder))]
        assert curate("fetch", *sources, "--labels-only", *words, root=root).returncode in (0, 3)
    done = curate("build", "--labels-only", root=root)
    assert done.returncode == 0, done.stderr
    return root


def table(root: Path, name: str) -> list[dict[str, Any]]:
    with Workspace(root).database(read_only=True) as database:
        rows: list[dict[str, Any]] = database.table(name).to_pylist()
        return rows


def test_status_balances_to_the_last_row(built: Path, curate: Curate) -> None:
    book = json.loads(curate("status", "--json", root=built).stdout)
    assert book["balances"]
    claimed = {entry["source"]: entry["claimed"] for entry in book["sources"]}
    assert claimed == {
        "asan": 257,
        "hallym": 62,
        "isic_2016": 1279,
        "isic_2017": 2750,
        "isic_2018": 11720,
        "isic_2019": 33569,
        "isic_2020": 44108,
        "pad_ufes_20": 2298,
        "ph2": 200,
        "severance": 5579,
    }
    left = {entry["source"]: entry["left_out"] for entry in book["sources"]}
    assert left["severance"].pop("no label cell") == 24
    assert left["ph2"] == {"no picture": 194}
    assert left["pad_ufes_20"] == {"no picture": 2264}


def test_every_severance_tile_agrees_with_the_list_of_cases(built: Path, real: Path) -> None:
    with (real / "severance" / "severance_cases.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["case_id"]: row for row in csv.DictReader(lines)}
    tiles = [row for row in table(built, "records") if row["source"] == "severance" and row["problem"] is None]
    assert len(tiles) == 5555
    counts = Counter(row["id"].partition(":")[2].partition("/")[0] for row in tiles)
    assert len(counts) == 1616
    for row in tiles:
        case = known[row["id"].partition(":")[2].partition("/")[0]]
        assert (row["source_label"], row["age"], row["sex"], row["site"]) == (
            case["label"],
            case["age"],
            case["sex"],
            case["site"],
        )
    cut_off = [case for case, count in counts.items() if count != int(known[case]["images"])]
    assert all(counts[case] < int(known[case]["images"]) for case in cut_off)
    assert len(cut_off) <= 9


def test_asan_and_hallym_tiles_per_sheet(built: Path, real: Path) -> None:
    with (real / "asan" / "asan_sheets.csv").open(encoding="utf-8", newline="") as lines:
        known = {row["sheet"]: (int(row["tiles"]), row["class_token"]) for row in csv.DictReader(lines)}
    tiles = [row for row in table(built, "records") if row["source"] in ("asan", "hallym")]
    found = Counter(row["file"].rpartition("/")[2] for row in tiles)
    assert found == {name: known[name][0] for name in found}
    assert len(found) == 7
    assert all(row["source_label"] == known[row["file"].rpartition("/")[2]][1] for row in tiles)
    assert {row["published_split"] for row in tiles if row["source"] == "hallym"} == {"test"}


def test_an_id_at_two_sizes_is_kept_at_the_larger(built: Path) -> None:
    pictures = {row["id"]: row for row in table(built, "pictures")}
    copies = [row for row in table(built, "exclusions") if row["reason"] == "duplicate"]
    assert len(copies) > 90
    for row in copies:
        copy, kept = pictures[row["id"]], pictures[row["survivor"]]
        assert copy["width"] * copy["height"] <= kept["width"] * kept["height"]


def test_pairs_known_to_be_one_photograph_are_one_twin(built: Path, real: Path) -> None:
    twins = {row["id"]: row["twin"] for row in table(built, "twins")}
    with (real / "isic" / "duplicates" / "observed_image_pairs.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["verdict_by_eye_or_construction"].startswith("same photo")]
    folders = {"uda1_original": "isic_2016", "isic2017_256x256": "isic_2017", "ham10000_600x450": "isic_2018"}
    checked, missed = 0, []
    for row in rows:
        ends = []
        for file in (row["file_a"], row["file_b"]):
            folder, _, name = file.removeprefix("images/").partition("/")
            ends.append(f"{folders.get(folder)}:{name.removesuffix('.jpg')}")
        if all(end in twins for end in ends):
            checked += 1
            if twins[ends[0]] != twins[ends[1]]:
                missed.append(row["verdict_by_eye_or_construction"])
    assert checked >= 20
    assert missed == []


def test_a_second_photograph_of_a_lesion_is_family_and_no_twin(built: Path, real: Path) -> None:
    """Severance tells the case of each tile; Asan and Hallym tell nothing, but show a lesion in tiles side by side."""
    records = {row["id"]: row for row in table(built, "records")}
    families = {row["id"]: row["family"] for row in table(built, "families")}
    twins = {row["id"]: row["twin"] for row in table(built, "twins")}
    seen = [row for row in table(built, "near_pairs") if row["by_places"] and row["score"] >= 0.85]
    counts: Counter[str] = Counter()
    for row in seen:
        first, second = records[row["first"]], records[row["second"]]
        if first["source"] != second["source"] or first["source"] not in ("severance", "asan", "hallym"):
            continue
        counts[first["source"]] += 1
        if None not in (first["lesion_id"], second["lesion_id"]):  # a tile without a label cell has no case
            assert first["lesion_id"] == second["lesion_id"], "no two cases are taken for one lesion"
        assert row["bound"] is None
        assert families[first["id"]] == families[second["id"]]
        if first["source"] != "severance":  # a case may go on over the end of a sheet
            assert first["file"] == second["file"]
            assert abs(first["cell"] - second["cell"]) <= 6
            assert twins[first["id"]] != twins[second["id"]]
    assert counts["severance"] > 3000
    assert counts["asan"] > 80
    assert counts["hallym"] >= 15


def test_no_two_lesions_known_to_differ_are_twins(built: Path, real: Path) -> None:
    twins = {row["id"]: row["twin"] for row in table(built, "twins")}
    with (real / "isic" / "duplicates" / "observed_image_pairs.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["verdict_by_eye_or_construction"].startswith("different l")]
    ends = [[f"isic_2017:{Path(row[file]).stem}" for file in ("file_a", "file_b")] for row in rows]
    assert len(ends) == 2
    assert all(twins[first] != twins[second] for first, second in ends)


def test_no_split_tears_a_family(built: Path) -> None:
    assert table(built, "leakage") == []


def test_labels_alone_give_every_label_row(labels: Path) -> None:
    records = table(labels, "records")
    training = [row for row in records if row["source"].startswith("isic") and row["published_split"] == "train"]
    assert len(training) == 71_372
    assert len({row["image_id"] for row in training}) == 59_818
    assert len({row["isic_id"] for row in training}) == 58_498
    assert sum(row["source"] == "severance" for row in records) == 10_426
    reasons = Counter(row["reason"] for row in table(labels, "exclusions"))
    assert set(reasons) == {"no label", "out of scope", "label conflict", "duplicate"}
    assert reasons["no label"] == 10_982
    assert reasons["out of scope"] == 2_047


def test_label_changes_between_years(labels: Path) -> None:
    published = {row["id"]: row["published_split"] for row in table(labels, "records")}
    conflicts = {row["id"].partition(":")[2].removesuffix("_downsampled") for row in table(labels, "label_conflicts")
                 if row["rule"] == "categories disagree: left out"}  # fmt: skip
    assert conflicts == {"ISIC_0000077", "ISIC_0000511", "ISIC_0010094"}
    akiec = [row for row in table(labels, "labels") if row["source_label"] == "AKIEC"]
    assert Counter(row["subtype"] for row in akiec) == {
        "actinic_keratosis": 130 + 0 + 19,
        "bowen_disease": 197 + 8 + 24,
    }
    named = Counter(
        (published[row["id"]], row["decided_subtype"])
        for row in table(labels, "label_conflicts")
        if row["source_label"] == "AKIEC" and row["rule"].startswith("the newer label tells")
    )
    assert named == {
        ("train", "actinic_keratosis"): 130,
        ("train", "bowen_disease"): 197,
        ("test", "actinic_keratosis"): 19,
        ("test", "bowen_disease"): 24,
        ("validation", "bowen_disease"): 8,
    }
    finer = [row for row in table(labels, "label_conflicts") if row["rule"] == "the more specific subtype wins"]
    assert {row["decided_subtype"] for row in finer} == {"seborrheic_keratosis"}


def test_what_a_source_itself_calls_malignant_is_so_but_for_the_named_deviation(labels: Path) -> None:
    meant = {row["id"]: row for row in table(labels, "labels")}
    told = [row for row in table(labels, "records") if row["source"] == "isic_2020" and row["source_label"]]
    assert len(told) == 33_126
    other = {
        meant[row["id"]]["subtype"]
        for row in told
        if json.loads(row["claims"])["benign_malignant"] != meant[row["id"]]["category"]
    }
    assert other == {"atypical_melanocytic_proliferation"}


def test_how_a_diagnosis_was_made_is_what_the_files_say(labels: Path) -> None:
    said = {row["id"]: row["diagnosis_method"] for row in table(labels, "metadata")}
    counts = Counter((row["source"], said[row["id"]]) for row in table(labels, "records") if row["source_label"])
    assert {key: count for key, count in counts.items() if key[1] is not None} == {
        ("isic_2018", "histopathology"): 5_340,
        ("isic_2018", "follow_up"): 3_704,
        ("isic_2018", "consensus"): 902,
        ("isic_2018", "confocal"): 69,
        ("isic_2020", "histopathology"): 584,
        ("pad_ufes_20", "histopathology"): 1_342,
        ("pad_ufes_20", "consensus"): 956,
        ("ph2", "clinical"): 200,
        ("severance", "histopathology"): 10_426,
    }
