"""Two photographs of one lesion are a family and no twins, whichever copy knows the lesion."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from test_nearness import CHANGES, lesion
from test_searching import MANIFEST, built, table

from curate import pipeline
from curate.audit import splits
from curate.audit.split_words import lines
from curate.audit.story import story
from curate.db import Database
from curate.images import codec
from curate.stages import dedup, fetch, inspect
from curate.workspace import Workspace

PICTURE = dict[str, str | bytes]


def drawn(seed: int, change: str = "", quality: int = 95, **told: str) -> PICTURE:
    pixels = lesion(seed)
    return told | {"data": codec.encode(CHANGES[change](pixels) if change else pixels, "JPEG", quality)}


def holding(root: Path, held: dict[str, list[PICTURE]], namespace: str = "") -> Workspace:
    """Return a root of sources that hold these pictures, in files 1.jpg, 2.jpg and so on; nothing is built."""
    (root / "manifests").mkdir(parents=True)
    (root / "label_maps").mkdir()
    for name, pictures in held.items():
        text = MANIFEST.format(name=name, namespace=namespace or name, records=len(pictures))
        (root / "manifests" / f"{name}.toml").write_text(text, encoding="utf-8")
        rows = "source_label,subtype,category,note\nnaevus,melanocytic_nevus,,\n"
        (root / "label_maps" / f"{name}.csv").write_text(rows, encoding="utf-8")
        folder = root / "drawn" / name
        folder.mkdir(parents=True)
        table = ["file,diagnosis,lesion_id,isic_id"]
        for place, picture in enumerate(pictures, 1):
            (folder / f"{place}.jpg").write_bytes(bytes(picture["data"]))  # type: ignore[arg-type]
            table.append(f"{place}.jpg,naevus,{picture.get('lesion', '')},{picture.get('isic', '')}")
        (folder / f"{name}.csv").write_text("\n".join(table) + "\n", encoding="utf-8")
    here = Workspace(root, workers=1)
    for name in held:
        fetch.run(here, [name], from_=[root / "drawn" / name])
    return here


def on_a_sheet(here: Workspace) -> None:
    """Make the pictures of each source tiles of one sheet, in their order, and find copies anew."""
    with here.database() as database:
        records = database.table("records").to_pylist()
        for row in records:
            row["location"], row["cell"] = f"{row['source']} sheet", int(row["image_id"].partition(".")[0])
        database.replace("records", pa.Table.from_pylist(records, schema=database.table("records").schema))
    dedup.run(here)


def edges(here: Workspace, kind: str = "near") -> set[tuple[str, str]]:
    return {(row["first"], row["second"]) for row in table(here, "edges") if row["kind"] == kind}


def kin(here: Workspace) -> set[tuple[str, str]]:
    return {(row["first"], row["second"]) for row in table(here, "near_pairs") if row["is_kin"]}


def decide(here: Workspace, *pairs: tuple[str, str]) -> None:
    rows = "".join(f"reject,{first},{second},\n" for first, second in pairs)
    here.decisions_path.write_text("decision,first,second,note\n" + rows, encoding="utf-8")


@pytest.mark.parametrize("other", ["zz", "aa"])
def test_a_copy_without_the_lesion_makes_no_twins_of_two_photographs(tmp_path: Path, other: str) -> None:
    first, second = drawn(1, lesion="L"), drawn(1, "crop to half", lesion="L")
    here = holding(tmp_path, {"clinic": [first, second], other: [{"data": first["data"]}]})
    built(here)
    assert edges(here) == set()
    assert edges(here, "same bytes") == {tuple(sorted(("clinic:1.jpg", f"{other}:1.jpg")))}
    assert kin(here) == {tuple(sorted((min("clinic", other) + ":1.jpg", "clinic:2.jpg")))}


@pytest.mark.parametrize("knows", ["early", "late"])
def test_what_a_copy_with_the_same_id_knows_counts(tmp_path: Path, knows: str) -> None:
    held = {}
    for name, quality in (("early", 95), ("late", 90)):
        told = {"lesion": "L"} if name == knows else {}
        held[name] = [
            drawn(1, quality=quality, isic="ISIC_0000001", **told),
            drawn(1, "crop to half", quality, isic="ISIC_0000002", **told),
        ]
    here = holding(tmp_path, held, "isic")
    built(here)
    assert edges(here, "same id") == {(f"early:{place}.jpg", f"late:{place}.jpg") for place in (1, 2)}
    assert len({row["twin"] for row in table(here, "twins")}) == 2


def test_a_reject_of_copies_is_heard(tmp_path: Path) -> None:
    first, second = drawn(1, lesion="L"), drawn(1, "crop to half", lesion="L")
    here = holding(tmp_path, {"clinic": [first, second], "zz": [{"data": first["data"]}]})
    assert not [report.problems for report in pipeline.build(here, until="split") if report.problems]
    for name, other in (
        ("clinic:1.jpg", "clinic:2.jpg"),
        ("clinic:2.jpg", "clinic:1.jpg"),
        ("zz:1.jpg", "clinic:2.jpg"),
    ):
        assert [row["other"] for row in story(here, name)["kin"]] == [other]
    decide(here, ("zz:1.jpg", "clinic:2.jpg"))
    assert not [report.problems for report in pipeline.build(here, until="split") if report.problems]
    assert kin(here) == set()
    assert story(here, "clinic:1.jpg")["kin"] == story(here, "clinic:2.jpg")["kin"] == []


def test_a_reject_in_vain_within_a_family_is_told(tmp_path: Path) -> None:
    here = holding(tmp_path, {"atlas": [drawn(1), drawn(1, "crop to half"), drawn(1, "border")]})
    built(here)
    assert len(edges(here)) == 3, "no sheet yet"
    on_a_sheet(here)
    assert (edges(here), len(kin(here))) == (set(), 3)
    pairs = [("atlas:1.jpg", "atlas:2.jpg"), ("atlas:2.jpg", "atlas:3.jpg")]
    decide(here, pairs[0])
    (note,) = dedup.run(here).notes
    assert "stay photographs of one lesion through atlas:3.jpg; reject those pairs too" in note
    decide(here, *pairs)
    assert dedup.run(here).notes == []
    assert kin(here) == {("atlas:1.jpg", "atlas:3.jpg")}


def test_a_seen_lesion_that_is_torn_is_a_leak(tmp_path: Path) -> None:
    here = holding(tmp_path, {"atlas": [drawn(1), drawn(1, "crop to half"), drawn(2)]})
    built(here)
    on_a_sheet(here)
    file = tmp_path / "split.csv"
    file.write_text("image,split\natlas:1.jpg,train\natlas:2.jpg,test\natlas:3.jpg,test\n", encoding="utf-8")
    found = splits.audit(here, file)
    assert {entry["kind"]: entry["pictures"] for entry in found["pairs"][0]["kinds"] if entry["pictures"]} == {
        "lesion": 1
    }
    assert "e.g. atlas:2.jpg and atlas:1.jpg (seen: atlas:1.jpg)" in "\n".join(lines(found))
    decide(here, ("atlas:1.jpg", "atlas:2.jpg"))
    dedup.run(here)
    assert not splits.audit(here, file)["leaks"]


@pytest.mark.parametrize("change", ["crop to half", "JPEG quality 30"])
def test_every_copy_has_its_near_edge_where_equal_bytes_join_nothing(tmp_path: Path, change: str) -> None:
    first, second = drawn(1), drawn(1, change)
    here = holding(tmp_path, {"east": [first, first], "west": [second, second]})
    built(here)
    assert edges(here) == {("east:1.jpg", "west:1.jpg")}
    (tmp_path / "curate.toml").write_text("[dedup]\nsame_bytes = false\nsame_pixels = false\n", encoding="utf-8")
    here = Workspace(tmp_path, workers=1)
    built(here)
    assert edges(here) == {(f"east:{i}.jpg", f"west:{j}.jpg") for i in (1, 2) for j in (1, 2)}


def test_a_pair_that_is_found_from_both_sides_is_told_once(tmp_path: Path) -> None:
    both = [drawn(1), drawn(1, "crop to half")]
    here = holding(tmp_path, {"east": both, "west": both[::-1]})
    assert len(built(here)) > 1
    (edge,) = [row for row in table(here, "edges") if row["kind"] == "near"]
    assert edge["evidence"].count("laid on each other") == 1
    assert "turned by 0 degrees" in edge["evidence"]


def test_a_run_says_what_is_there_apart_from_what_it_searched(tmp_path: Path) -> None:
    here = holding(tmp_path, {"east": [drawn(1), drawn(2)], "west": [drawn(1, "JPEG quality 30"), drawn(2, "mirror")]})
    for report in pipeline.build(here, until="inspect"):
        assert not report.problems
    once, again = dedup.run(here), dedup.run(here)
    looked = once.details["looked_at"]
    assert (looked["by hash"], once.there) == (1, 0)
    assert looked["by places"] > 1
    assert once.made == sum(looked.values())
    assert (again.made, again.there) == (0, 1)


def test_sheets_that_are_cut_otherwise_are_looked_at_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = holding(tmp_path, {"east": [drawn(1), drawn(2)]})
    built(here)
    whole = {"sha256": "0" * 64, "cell": 0, "version": 1, "places": b""}
    with here.database() as database:
        before = contents(database, 0)
        assert contents(database, 0) == before != contents(database, 1) != contents(database, 2)
        rows = [whole, whole | {"cell": 1}]
        database.insert("features", pa.Table.from_pylist(rows, schema=database.table("features").schema))
        known = database.table("features").num_rows
    inspect.run(here)
    assert len(table(here, "features")) == known, "the same cut"
    monkeypatch.setattr(inspect, "_ALGORITHMS", [{"montage": 999}])
    inspect.run(here)
    assert [row for row in table(here, "features") if row["cell"]] == []
    assert len(table(here, "features")) == known - 1, "whole pictures stay known"


def contents(database: Database, left: int) -> str:
    """Return what a search says of a source whose one tile has its box there; 0: whole pictures."""
    box = {f"box_{side}": left or None for side in ("left", "top", "width", "height")}
    rows = [{"source": "east", "sha256": "0", "cell": min(left, 1)} | box]
    kinds = pa.schema([("source", pa.string()), ("sha256", pa.string()), ("cell", pa.int32())])
    for name in box:
        kinds = kinds.append(pa.field(name, pa.int32()))
    with database.lent(searchable=pa.Table.from_pylist(rows, schema=kinds)):
        (row,) = database.rows("to_search", nearness=-1)
    return str(row["contents"])


def test_pictures_that_agree_less_than_copies_do_are_a_family(tmp_path: Path) -> None:
    here = holding(tmp_path, {"atlas": [drawn(1)], "other": [drawn(1, "crop to half")]})
    built(here)
    (score,) = (row["score"] for row in table(here, "near_pairs") if row["by_places"])
    pair = ("atlas:1.jpg", "other:1.jpg")
    for bound, one in ((score - 0.001, True), (score + 0.001, False)):
        (tmp_path / "curate.toml").write_text(f"[dedup]\nnear = true\nnear_overlap = {bound}\n", encoding="utf-8")
        again = Workspace(tmp_path, workers=1)
        assert not [report.problems for report in pipeline.build(again, until="split") if report.problems]
        assert edges(again) == ({pair} if one else set())
        assert kin(again) == (set() if one else {pair})
        (count,) = {len({row["family"] for row in table(again, "families")})}
        assert count == 1, "never torn"
    decide(again, pair)
    assert not [report.problems for report in pipeline.build(again, until="split") if report.problems]
    assert kin(again) == set()
    assert len({row["family"] for row in table(again, "families")}) == 2
