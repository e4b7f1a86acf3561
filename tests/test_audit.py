"""The audit of a split: every planted leak is found, by its kind, and nothing else; every bad file gets an answer."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import Curate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate import Workspace, freshness
from curate.audit.split_words import lines
from curate.audit.splits import KINDS, audit
from curate.errors import CorpusError, UsageError
from curate.stages import parse

PICTURES = 12  # of isic_2019 in the small root; the first four are in isic_2018 too, under the same ids


def name(number: int) -> str:
    return f"ISIC_{number:07}"


def parsed_root(folder: Path, lesions: Sequence[int | None], patients: Sequence[int | None]) -> Workspace:
    """Return a root of labels only: isic_2018, isic_2019 with the lesions, isic_2020 with the patients and a list."""
    workspace = Workspace(folder, workers=1)
    rows: list[dict[str, Any]] = []

    def claim(source: str, image_id: str, **more: Any) -> None:
        rows.append({"source": source, "image_id": image_id, "source_label": "NV", "ordinal": len(rows)} | more)

    for number in range(PICTURES):
        suffix = "_downsampled" if number % 3 == 0 else ""
        lesion = lesions[number]
        claim(
            "isic_2019", name(number) + suffix, isic_id=name(number), lesion_id=None if lesion is None else f"L{lesion}"
        )
        if number < 4:
            claim("isic_2018", name(number), isic_id=name(number))
    for number in range(PICTURES, 2 * PICTURES):
        patient = patients[number - PICTURES]
        claim("isic_2020", name(number), isic_id=name(number), patient_id=None if patient is None else f"P{patient}")
    claim("severance", "2")
    pairs = [{"source": "isic_2020", "first": name(12), "second": name(13), "origin": "list"}]
    with workspace.database(create=True) as database:
        database.build("facts")
        database.replace("claims", pa.Table.from_pylist(rows, schema=database.table("claims").schema))
        database.replace("listed_pairs", pa.Table.from_pylist(pairs, schema=database.table("listed_pairs").schema))
        database.replace("mode", pa.table({"labels_only": [True]}))
        database.replace("sources", parse._sources(workspace))
        database.build("records")
    return workspace


def written(folder: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ("image", "split")) -> Path:
    path = folder / "split.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def kinds(found: dict[str, Any], split: str = "test", against: str = "train") -> dict[str, int]:
    pair = next(pair for pair in found["pairs"] if (pair["split"], pair["against"]) == (split, against))
    return {entry["kind"]: entry["pictures"] for entry in pair["kinds"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    lesions = [0, 0, None, 1, 2, 3, 4, 5, None, None, 6, 6]
    patients = [0, 1, 2, 2, None, None, *range(3, 9)]
    return parsed_root(tmp_path_factory.mktemp("root"), lesions, patients)


@given(
    places=st.lists(st.sampled_from(["train", "test", "val", ""]), min_size=2 * PICTURES, max_size=2 * PICTURES),
    lesions=st.lists(st.none() | st.integers(0, 5), min_size=PICTURES, max_size=PICTURES),
    patients=st.lists(st.none() | st.integers(0, 5), min_size=PICTURES, max_size=PICTURES),
    again=st.lists(st.tuples(st.integers(0, 2 * PICTURES - 1), st.sampled_from(["train", "test", "val"])), max_size=3),
    dress=st.sampled_from(["{}", "{}.jpg", "a/b/{}.PNG", "{}_downsampled.jpeg", "C:\\x\\{}.jpg"]),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_planted_leaks_are_all_found_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory,
    places: list[str],
    lesions: list[int | None],
    patients: list[int | None],
    again: list[tuple[int, str]],
    dress: str,
) -> None:
    folder = tmp_path_factory.mktemp("planted")
    workspace = parsed_root(folder, lesions, patients)
    rows = [(dress.format(name(number)), place) for number, place in enumerate(places)]
    rows += [(name(number), place) for number, place in again]
    put = [(number, place) for number, place in enumerate(places) if place] + again
    if len({place for _, place in put}) < 2:
        return
    group: dict[str, dict[int, object]] = {
        "id": {number: number for number in range(2 * PICTURES)},
        "listed": {12: "pair", 13: "pair"},
        "lesion": {number: lesion for number, lesion in enumerate(lesions) if lesion is not None},
        "patient": {number + PICTURES: patient for number, patient in enumerate(patients) if patient is not None},
        "bytes": {},
        "near": {},
    }
    found = audit(workspace, written(folder, rows))
    for pair in found["pairs"]:
        for entry in pair["kinds"]:
            of_kind = group[entry["kind"]]
            torn: dict[object, set[str]] = defaultdict(set)
            for number, place in put:
                if number in of_kind:
                    torn[of_kind[number]].add(place)
            mine = {number for number, place in put if place == pair["split"]}
            leaking = {n for n in mine if n in of_kind and {pair["split"], pair["against"]} <= torn[of_kind[n]]}
            assert entry["pictures"] == len(leaking), (pair["split"], pair["against"], entry)
            assert entry["of"] == len(mine)
            if entry["kind"] in ("lesion", "patient"):
                assert entry["unknown"] == len([number for number in mine if number not in of_kind])
            named = {
                row["name"]
                for row in found["examples"]
                if (row["split"], row["against"], row["kind"]) == (pair["split"], pair["against"], entry["kind"])
            }
            assert len(named) == len(leaking)
    assert found["leaks"] == any(entry["pictures"] for pair in found["pairs"] for entry in pair["kinds"])


@pytest.mark.parametrize(
    "written_as",
    [
        "isic_2019:ISIC_0000003_downsampled",
        "isic_2019:ISIC_0000003",
        "ISIC_0000003",
        "isic_0000003.JPG",
        "ISIC_0000003_downsampled.png",
        "train/images/ISIC_0000003.jpg",
        "images\\ISIC_0000003.jpeg",
        " ISIC_0000003 ",
        "isic_2018:ISIC_0000003.jpg",
    ],
)
def test_a_picture_is_known_however_it_is_written(root: Workspace, tmp_path: Path, written_as: str) -> None:
    found = audit(root, written(tmp_path, [(written_as, "test"), ("ISIC_0000003", "train")]))
    assert found["unmatched"] == {"names": 0, "rows": 0, "listed": []}
    assert kinds(found)["id"] == 1


def own_root(folder: Path, image_ids: Sequence[tuple[str, str]]) -> Workspace:
    """Return a root of labels only whose records are of these sources and names."""
    workspace = Workspace(folder, workers=1)
    rows = [
        {"source": source, "image_id": image_id, "source_label": "NV", "ordinal": ordinal}
        for ordinal, (source, image_id) in enumerate(image_ids)
    ]
    with workspace.database(create=True) as database:
        database.build("facts")
        database.replace("claims", pa.Table.from_pylist(rows, schema=database.table("claims").schema))
        database.replace("mode", pa.table({"labels_only": [True]}))
        database.replace("sources", parse._sources(workspace))
        database.build("records")
    return workspace


@pytest.mark.parametrize(
    ("here", "train", "test"),
    [
        ("x.jpg", "x", "x.jpg"),
        ("x.jpg", "x", "pad_ufes_20:x.jpg"),
        ("x.jpg", "X.PNG", "x.jpg"),
        ("x.jpg", "images/x.jpg", "x.jpg"),
        ("x.jpg", "images/x", "x"),
        ("x_downsampled.jpg", "x.jpg", "x_downsampled.jpg"),
        ("x_downsampled", "x", "x_downsampled.png"),
        ("P001/1.jpg", "P001/1", "P001/1.jpg"),
    ],
)
def test_an_ending_in_the_sources_own_names_hides_no_leak(tmp_path: Path, here: str, train: str, test: str) -> None:
    workspace = own_root(tmp_path / "root", [("pad_ufes_20", here), ("pad_ufes_20", "other.jpg")])
    found = audit(workspace, written(tmp_path, [(train, "train"), (test, "test")]))
    assert found["unmatched"]["listed"] == []
    assert kinds(found)["id"] == 1


def test_a_name_that_only_its_ending_tells_from_another_is_said_to_be_open(tmp_path: Path) -> None:
    workspace = own_root(tmp_path / "root", [("pad_ufes_20", "x.jpg"), ("pad_ufes_20", "x.png"), ("ph2", "x.bmp")])
    found = audit(workspace, written(tmp_path, [("a/x.jpg", "train"), ("x.png", "test"), ("pad_ufes_20:x", "val")]))
    assert found["unmatched"]["listed"] == [
        {"name": "pad_ufes_20:x", "problem": "means several pictures of pad_ufes_20", "rows": 1}
    ]
    assert found["sources"] == {"pad_ufes_20": 2}
    assert not found["leaks"]
    found = audit(workspace, written(tmp_path, [("x", "train"), ("x.bmp", "test")]))
    assert [row["problem"] for row in found["unmatched"]["listed"]] == ["means pictures of several sources"]


def test_a_name_as_it_is_written_goes_before_one_that_was_shortened(tmp_path: Path) -> None:
    workspace = own_root(tmp_path / "root", [("pad_ufes_20", "x"), ("pad_ufes_20", "x.jpg"), ("ph2", "x_downsampled")])
    found = audit(workspace, written(tmp_path, [("x", "train"), ("x.jpg", "test"), ("x_downsampled", "val")]))
    assert (found["known"], found["pictures"], found["leaks"]) == (3, 3, False)


def test_a_bare_number_in_a_folder_is_no_picture_of_that_number(root: Workspace, tmp_path: Path) -> None:
    found = audit(root, written(tmp_path, [("severance:6481/2", "test"), ("a/2.jpg", "train"), ("2", "val")]))
    assert [row["name"] for row in found["unmatched"]["listed"]] == ["a/2.jpg", "severance:6481/2"]
    assert not found["leaks"]


def test_unmatched_rows_are_listed_and_still_compared_by_name(root: Workspace, tmp_path: Path) -> None:
    rows = [(name(0), "train"), ("stranger.jpg", "train"), ("stranger", "test"), ("other", "test")]
    found = audit(root, written(tmp_path, rows))
    assert {row["name"]: row["rows"] for row in found["unmatched"]["listed"]} == {
        "stranger.jpg": 1,
        "stranger": 1,
        "other": 1,
    }
    assert kinds(found) == dict.fromkeys(KINDS, 0) | {"id": 1}


def test_one_picture_in_two_splits_is_a_finding_of_its_own(root: Workspace, tmp_path: Path) -> None:
    found = audit(root, written(tmp_path, [(name(2), "train"), (name(2), "test"), (name(4), "train")]))
    assert found["doubled"]["listed"] == [{"name": name(2), "splits": ["test", "train"]}]
    assert found["doubled"]["names"] == 1
    assert "doubled" in "\n".join(lines(found))


def test_by_source_and_by_any_column(root: Workspace, tmp_path: Path) -> None:
    rows = [(name(0), "test", "a"), (name(1), "train", "a"), (name(10), "test", "b"), (name(4), "test", "b")]
    found = audit(root, written(tmp_path, rows, ("file", "fold", "center")), by="center")
    (pair,) = found["pairs"]
    by = {value: {e["kind"]: (e["pictures"], e["of"]) for e in entries} for value, entries in pair["by_column"].items()}
    assert {value: entry["lesion"] for value, entry in by.items()} == {"a": (1, 1), "b": (0, 2)}
    sources = {value: {e["kind"]: (e["pictures"], e["of"]) for e in es} for value, es in pair["by_source"].items()}
    assert sources["isic_2018"]["lesion"] == (1, 1)
    assert sources["isic_2019"]["lesion"] == (1, 3)
    assert found["needs"] == {"bytes": "needs pictures", "near": "needs pictures"}
    text = "\n".join(lines(found))
    assert "lesion   1 of 3 test pictures (33.3 %) have their lesion in train" in text
    assert text.count("needs pictures") == 2


def test_bytes_and_near_where_there_are_pictures(tmp_path: Path) -> None:
    workspace = parsed_root(tmp_path / "root", [None] * PICTURES, [None] * PICTURES)
    ids = [f"isic_2020:{name(number)}" for number in range(14, 22)]
    pictures = [
        {"id": picture, "sha256": f"b{max(place, 1)}", "phash": max(place, 1), "cell": 0, "problem": None}
        for place, picture in enumerate(ids[:6])
    ]
    edges = [(ids[0], ids[1], "same bytes"), (ids[2], ids[3], "near"), (ids[3], ids[4], "same pixels")]
    with workspace.database() as database:
        schema = pa.schema([(name, pa.string()) for name in ("id", "sha256", "problem")])
        schema = schema.append(pa.field("cell", pa.int32())).append(pa.field("phash", pa.uint64()))
        database.replace("pictures", pa.Table.from_pylist(pictures, schema=schema))
        names = ("first", "second", "kind")
        for stage, after in (("parse", None), ("inspect", "parse"), ("dedup", "inspect")):
            freshness.stamp(database, stage, after)
        database.replace("edges", pa.table({n: [edge[place] for edge in edges] for place, n in enumerate(names)}))
    rows = [(picture, "train" if place in (0, 2) else "test") for place, picture in enumerate(ids)]
    found = audit(workspace, written(tmp_path, rows))
    assert found["needs"] == {}
    (pair,) = found["pairs"]
    entries = {entry["kind"]: (entry["pictures"], entry["of"], entry.get("unknown")) for entry in pair["kinds"]}
    assert entries["bytes"] == (1, 6, 2)
    assert entries["near"] == (2, 6, 2)  # the far end of the chain too
    assert (entries["id"], entries["listed"], entries["lesion"]) == ((0, 6, None), (0, 6, None), (0, 6, 6))
    with workspace.database() as database:
        freshness.stamp(database, "inspect", "parse")
    found = audit(workspace, tmp_path / "split.csv")
    assert "not compared yet" in found["needs"]["near"]
    assert "no leak seen" not in "\n".join(lines(found))


def test_bytes_are_those_of_the_record_that_the_name_means(tmp_path: Path) -> None:
    workspace = parsed_root(tmp_path / "root", [None] * PICTURES, [None] * PICTURES)
    shas = {
        f"isic_2018:{name(0)}": "large",
        f"isic_2019:{name(0)}_downsampled": "small",
        f"isic_2018:{name(1)}": "both",
        f"isic_2019:{name(1)}": "both",
        f"isic_2018:{name(2)}": "here",
    }
    rows = [{"id": picture, "sha256": sha, "phash": 1, "cell": 0} for picture, sha in shas.items()]
    columns = {"id": pa.string(), "sha256": pa.string(), "phash": pa.uint64(), "problem": pa.string()}
    with workspace.database() as database:
        schema = pa.schema(columns | {"cell": pa.int32()})
        database.replace("pictures", pa.Table.from_pylist(rows, schema=schema))

    def seen(test: str, train: str) -> tuple[int, int, int]:
        (pair,) = audit(workspace, written(tmp_path, [(test, "test"), (train, "train")]))["pairs"]
        by = {entry["kind"]: entry for entry in pair["kinds"]}
        return by["id"]["pictures"], by["bytes"]["pictures"], by["bytes"]["unknown"]

    assert seen(f"isic_2019:{name(0)}_downsampled", f"isic_2018:{name(0)}") == (1, 0, 0)
    assert seen(f"isic_2019:{name(1)}", f"isic_2018:{name(1)}") == (1, 1, 0)
    assert seen(name(1), f"isic_2018:{name(1)}") == (1, 1, 0)
    assert seen(name(0), f"isic_2018:{name(0)}") == (1, 0, 1)  # the bare id means two records of different bytes
    assert seen(name(2), f"isic_2018:{name(2)}") == (1, 0, 1)  # of the two records that it means, one is not here


def test_splits_that_differ_in_case_are_one(root: Workspace, tmp_path: Path) -> None:
    rows = [(name(5), "Train"), (name(6), "train"), (name(7), "train"), (name(0), "TEST")]
    found = audit(root, written(tmp_path, rows))
    assert [(row["split"], row["rows"]) for row in found["splits"]] == [("TEST", 1), ("train", 3)]
    assert not found["leaks"]
    assert "note:    'train' and 'Train' are taken as one split, 'train'" in "\n".join(lines(found))


def test_a_picture_in_two_splits_is_known_once(root: Workspace, tmp_path: Path) -> None:
    found = audit(root, written(tmp_path, [(name(2), "train"), (name(2), "test"), (name(5), "train")]))
    assert (found["known"], found["pictures"], found["sources"]) == (3, 2, {"isic_2018": 1, "isic_2019": 2})
    assert "known:   3 rows, 2 pictures (isic_2018 1, isic_2019 2)" in "\n".join(lines(found))


def test_no_leak_is_said_of_what_is_known_only(root: Workspace, tmp_path: Path) -> None:
    found = audit(root, written(tmp_path, [(name(5), "train"), (name(8), "test"), ("stranger", "test")]))
    assert lines(found)[-1].startswith("no leak seen among the 2 of 3 rows known; not looked for:")


BAD = {
    "empty": (b"", "the file is empty"),
    "blank lines": (b"\n\n", "the file is empty"),
    "no rows": (b"image,split\n", "a header and no rows"),
    "no header": (b"ISIC_0000000,train\nISIC_0000001,test\n", "no header line"),
    "no header, names of a stranger": (b"foo_1,train\nfoo_2,test\n", "no header line"),
    "no header, bare numbers": (b"1,train\n2,test\n", "no header line"),
    "other columns": (b"a,b\nISIC_0000000,train\n", "no column looks like the name"),
    "no split": (b"image,b\nISIC_0000000,train\n", "no column looks like the split"),
    "split twice": (b"image,split,split\nISIC_0000000,a,b\n", "no column looks like the split"),
    "ragged": (b"image,split\nISIC_0000000,train\nISIC_0000001,a,b\n", "not one table"),
    "one split": (b"image,split\nISIC_0000000,train\nISIC_0000001,Train\n", "one split only"),
    "only empty splits": (b"image,split\nISIC_0000000,\n", "no split"),
    "binary": (b"PK\x03\x04\0\0\0", "no text"),
    "nobody knows them": (b"image,split\nx,train\ny,test\n", "no row of the column 'image' names a picture"),
}


@pytest.mark.parametrize("trouble", BAD)
def test_a_bad_file_is_answered(root: Workspace, tmp_path: Path, trouble: str) -> None:
    text, words = BAD[trouble]
    path = tmp_path / "bad.csv"
    path.write_bytes(text)
    with pytest.raises(UsageError, match=words) as told:
        audit(root, path)
    assert told.value.hint
    assert str(path) in str(told.value)


def test_a_column_that_is_no_split(root: Workspace, tmp_path: Path) -> None:
    path = written(tmp_path, [(name(0), str(number)) for number in range(200)])
    with pytest.raises(UsageError, match="200 different words"):
        audit(root, path)


@pytest.mark.parametrize(("encoding", "read_as"), [("latin-1", "latin-1"), ("utf-8-sig", "utf8"), ("utf-16", "utf-16")])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_any_dialect(root: Workspace, tmp_path: Path, encoding: str, read_as: str, delimiter: str) -> None:
    rows = [("image", "Fold", "hôpital"), (name(0), "entraînement", "a"), (name(1), "épreuve", "b")]
    path = tmp_path / "split.csv"
    path.write_bytes("".join(delimiter.join(row) + "\r\n" for row in rows).encode(encoding))
    found = audit(root, path, by="hôpital")
    assert found["encoding"] == read_as
    assert {row["split"] for row in found["splits"]} == {"entraînement", "épreuve"}
    assert found["leaks"]


def test_the_column_that_names_most_pictures_is_taken(root: Workspace, tmp_path: Path) -> None:
    found = audit(root, written(tmp_path, [("1", name(0), "train"), ("2", name(1), "test")], ("id", "isic_id", "set")))
    assert found["columns"] == {"picture": "isic_id", "split": "set", "by": None}


def test_a_root_without_claims_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as told:
        audit(Workspace(tmp_path / "nothing"), written(tmp_path, [(name(0), "train")]))
    assert told.value.hint == "curate build"


def test_exit_codes_and_json(root: Workspace, tmp_path: Path, curate: Curate) -> None:
    leaking = written(tmp_path, [(name(0), "train"), (name(1), "test")])
    done = curate("audit", leaking, "--json", root=root.root)
    assert done.returncode == 1, done.stderr
    assert kinds(json.loads(done.stdout))["lesion"] == 1
    sound = written(tmp_path, [(name(0), "train"), (name(4), "test")])
    done = curate("audit", sound, root=root.root)
    assert done.returncode == 0, done.stderr
    assert "no leak seen; not looked for: bytes, near" in done.stdout
    one = written(tmp_path, [(name(0), "train")])
    assert curate("audit", one, root=root.root).returncode == 2
    sound = written(tmp_path, [(name(0), "train"), (name(4), "test")])
    assert curate("audit", sound, "--id-column", "x", root=root.root).returncode == 2
    assert curate("audit", sound, root=tmp_path / "nothing").returncode == 3
    assert curate("audit", tmp_path / "absent.csv", root=root.root).returncode == 2


def test_splits_whose_names_say_nothing_are_compared_and_named(root: Workspace, tmp_path: Path) -> None:
    rows = [(name(0), "foo"), (name(1), "bar"), (name(4), "train"), (name(5), "")]
    found = audit(root, written(tmp_path, rows))
    assert found["notes"] == ["'bar', 'foo' are none of train, validation and test: compared as they stand"]
    assert [row["split"] for row in found["splits"]] == ["bar", "foo", "train"]
    assert found["leaks"]  # one lesion in foo and bar
    told = "\n".join(lines(found))
    assert "note:    'bar', 'foo' are none of" in told
    assert "1 row has no split: nothing is said about it" in told
    assert audit(root, written(tmp_path, [(name(0), "Training"), (name(4), "val_1")]))["notes"] == []


def test_a_million_rows_in_bounded_memory(root: Workspace, tmp_path: Path) -> None:
    """The names of strangers, and among them a few pictures that are known: found, in no more memory than is promised.

    `benchmarks/audit.py` holds five million rows to the 2 GB that they may have.
    """
    path = tmp_path / "split.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("image,split\n")
        for number in range(5):
            file.write(f"{name(number)},{'test' if number == 1 else 'train'}\n")
        for start in range(0, 1_000_000, 100_000):
            rows = range(start, start + 100_000)
            file.write(
                "".join(f"strange/pictures_{number}.jpg,{'test' if number % 5 else 'train'}\n" for number in rows)
            )
    code = (
        "import json, resource, subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-m', 'curate', *sys.argv[1:]], capture_output=True, text=True)\n"
        "print(json.dumps([done.returncode, done.stdout, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]))\n"
    )
    command = [sys.executable, "-c", code, "--root", str(root.root), "audit", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    status, told, kilobytes = json.loads(done.stdout)
    assert status == 1
    assert "1,000,005 rows" in told
    assert "1 of 800,001 test pictures (0.0 %) have their lesion in train" in told
    assert "unknown: 1,000,000 rows" in told
    assert kilobytes < 1_200_000


@pytest.mark.real
def test_fed_isic_and_seventy_thousand_rows(real: Path, curate: Curate, tmp_path: Path) -> None:
    years = [f"isic_{year}" for year in range(2016, 2021)]
    root = tmp_path / "root"
    metadata = real / "isic" / "metadata"
    assert curate("fetch", *years, "--labels-only", "--from", metadata, root=root).returncode == 0
    assert curate("parse", root=root).returncode == 0
    done = curate("audit", real / "published" / "fed_isic2019_train_test_split.csv", "--by", "center", root=root)
    assert done.returncode == 1, done.stderr
    assert "3,066 of 4,650 test pictures (65.9 %) have their lesion in train" in done.stdout
    for centre in ("2,301/2,483", "1/791", "487/672", "223/452", "5/164", "49/88"):
        assert centre in done.stdout
    with Workspace(root).database(read_only=True) as database:
        records = database.table("records").to_pylist()
    rows = [(row["id"], "ab"[index % 2]) for index, row in enumerate(records) if row["published_split"] == "train"]
    assert len(rows) == 71_372
    path = written(tmp_path, rows)
    assert curate("audit", path, "-q", root=root).returncode == 1
