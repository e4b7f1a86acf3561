"""The search by places: what it finds hangs on what the sources hold, not on when they came or who looked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from test_nearness import CHANGES, lesion

from curate import look, pipeline
from curate.audit import splits
from curate.audit.split_words import lines
from curate.audit.story import story
from curate.db import Database
from curate.errors import CorpusError
from curate.images import codec, features
from curate.pairs import Known, Sight, settle
from curate.stages import dedup, fetch, inspect
from curate.workers import spread
from curate.workspace import Workspace

MANIFEST = """
name = "{name}"
title = "Drawn lesions, {name}"
parser = "table"
namespace = "{namespace}"
released = 2025
modality = "dermoscopic"
license = "CC0-1.0"
license_url = "https://creativecommons.org/publicdomain/zero/1.0/"
redistribution = "yes"
attribution = "nobody"
citation = ["drawn"]
homepage = "https://example.org"
access = "manual"
instructions = "curate fetch {name} --from FOLDER"

[expected]
records = {records}

[columns]
image = "file"
label = "diagnosis"

[[files]]
name = "{name}.csv"
role = "labels"

[[files]]
name = "{name}.zip"
role = "pictures"
members = ["*.jpg"]
"""

# Which lesion, and what was done to it: `east` holds the photographs, the others what became of some of them.
HELD = {
    "east": [(seed, "") for seed in range(12)],
    "north": [(0, "mirror"), (1, "rotation"), (20, ""), (21, "crop to half"), (2, "border")],
    "west": [(0, "quarter"), (3, "crop to half"), (20, "ruler"), (30, "")],
}
TWINS = [("east", 0, "north", 0), ("east", 1, "north", 1), ("east", 2, "north", 4)]
TWINS += [("east", 0, "west", 0), ("east", 3, "west", 1), ("north", 2, "west", 2), ("north", 0, "west", 0)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("drawn")
    for name, pictures in HELD.items():
        (folder / name).mkdir()
        lines = ["file,diagnosis"]
        for place, (seed, change) in enumerate(pictures):
            pixels = lesion(seed)
            pixels = CHANGES[change](pixels) if change else pixels
            (folder / name / f"{name}-{place}.jpg").write_bytes(codec.encode(pixels, "JPEG", 95))
            lines.append(f"{name}-{place}.jpg,naevus")
        (folder / name / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def add(root: Path, folder: Path, *names: str) -> Workspace:
    (root / "manifests").mkdir(parents=True, exist_ok=True)
    (root / "label_maps").mkdir(exist_ok=True)
    for name in names:
        text = MANIFEST.format(name=name, namespace=name, records=len(HELD[name]))
        (root / "manifests" / f"{name}.toml").write_text(text, encoding="utf-8")
        rows = "source_label,subtype,category,note\nnaevus,melanocytic_nevus,,\n"
        (root / "label_maps" / f"{name}.csv").write_text(rows, encoding="utf-8")
    here = Workspace(root, workers=1)
    for name in names:
        fetch.run(here, [name], from_=[folder / name])
    return here


def table(here: Workspace, name: str) -> list[dict[str, Any]]:
    with here.database(read_only=True) as database:
        rows: list[dict[str, Any]] = database.table(name).to_pylist()
    return rows


def built(here: Workspace) -> list[dict[str, Any]]:
    for report in pipeline.build(here, until="dedup"):
        assert not report.problems, report.problems
    return sorted(table(here, "aligned"), key=lambda row: [str(value) for value in row.values()])


def test_the_same_is_found_in_whatever_order_the_sources_came(folder: Path, tmp_path: Path) -> None:
    whole = add(tmp_path / "whole", folder, "east", "north", "west")
    found = built(whole)
    edges = table(whole, "edges")
    told = {(row["first"], row["second"]) for row in edges}
    for a, i, b, j in TWINS:
        assert (f"{a}:{a}-{i}.jpg", f"{b}:{b}-{j}.jpg") in told
    assert len(told) == len(TWINS), "and no other pair"
    for number, order in enumerate((["west", "east", "north"], ["north", "west", "east"])):
        for name in order:
            here = add(tmp_path / str(number), folder, name)
            built(here)
        assert built(here) == found
        assert table(here, "edges") == edges


def test_what_was_compared_is_not_compared_again(folder: Path, tmp_path: Path) -> None:
    here = add(tmp_path, folder, "east", "north")
    built(here)
    before = table(here, "searches")
    assert {(row["asking"], row["asked"]) for row in before} == {
        ("east", "east"),
        ("north", "north"),
        ("north", "east"),
    }
    assert not next(report.made for report in pipeline.build(here, until="dedup") if report.stage == "dedup")
    here = add(tmp_path, folder, "west")
    built(here)
    assert [row for row in table(here, "searches") if row in before] == before


def test_a_search_cut_short_goes_on(folder: Path, tmp_path: Path) -> None:
    here = add(tmp_path / "cut", folder, "east", "north", "west")

    @contextmanager
    def impatient(words: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if words == "dedup: compare" and done >= total / 2:
                raise KeyboardInterrupt

        yield advance

    with pytest.raises(KeyboardInterrupt):
        built(Workspace(here.root, workers=1, progress=impatient))
    assert 0 < len(table(here, "searches")) < 6
    assert built(here) == built(add(tmp_path / "whole", folder, "east", "north", "west"))


def test_a_source_that_left_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    here = add(tmp_path / "left", folder, "east", "north", "west")
    built(here)
    (here.root / "curate.toml").write_text('[corpus]\nsources = ["east", "west"]\n', encoding="utf-8")
    left = built(Workspace(here.root, workers=1))
    assert left == built(add(tmp_path / "whole", folder, "east", "west"))


def test_as_many_workers_as_one_likes_find_the_same(folder: Path) -> None:
    paths = sorted(folder.rglob("*.jpg"))
    known = []
    for path in paths:
        data = path.read_bytes()
        sight = Sight(hashlib.sha256(data).hexdigest(), 0, path.name, path, None)
        known.append(Known(sight, features.features(codec.decode(data).pixels)))
    pairs = [(known[i], known[j], mirror) for i in range(len(known)) for j in range(i) for mirror in (False, True)]
    batches = [pairs[start : start + 20] for start in range(0, len(pairs), 20)]
    assert list(spread(settle, batches, workers=2)) == list(spread(settle, batches, workers=1))
    assert sum(map(len, spread(settle, batches, workers=1))) >= len(TWINS)


def test_low_detail_has_no_say(tmp_path: Path) -> None:
    noise = np.random.default_rng(1)
    (tmp_path / "drawn" / "north").mkdir(parents=True)
    lines = ["file,diagnosis"]
    for place in range(len(HELD["north"])):
        plain = np.full((200, 300, 3), 180, np.float32) + noise.normal(0, 2, (200, 300, 1))
        data = codec.encode(plain.clip(0, 255).astype(np.uint8), "JPEG", 95)
        (tmp_path / "drawn" / "north" / f"north-{place}.jpg").write_bytes(data)
        lines.append(f"north-{place}.jpg,naevus")
    (tmp_path / "drawn" / "north" / "north.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    here = add(tmp_path / "root", tmp_path / "drawn", "north")
    assert built(here) == []
    assert table(here, "edges") == []


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


def test_what_inspect_has_not_seen_is_not_passed_over(folder: Path, tmp_path: Path) -> None:
    here = add(tmp_path, folder, "north", "west")
    (tmp_path / "curate.toml").write_text("[dedup]\nby_places = false\n", encoding="utf-8")
    built(Workspace(tmp_path, workers=1))
    (tmp_path / "curate.toml").unlink()
    before = table(here, "edges")
    for run in (lambda: pipeline.run("dedup", here), lambda: pipeline.rehearse(here, ("dedup",))):
        with pytest.raises(CorpusError, match="inspect has not run since") as told:
            run()
        assert told.value.hint == "curate build"
        assert told.value.done == "nothing was changed"
    assert table(here, "edges") == before
    assert built(here)
    assert pipeline.run("dedup", here).details["edges"]["near"] > 0


def test_places_of_another_version_are_not_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = add(tmp_path, folder, "north", "west")
    found = built(here)
    assert found
    monkeypatch.setitem(look.LOOKED_AT, "features", features.VERSION + 1)
    monkeypatch.setattr(features, "VERSION", features.VERSION + 1)
    with pytest.raises(CorpusError, match="inspect has not run since"):
        pipeline.run("dedup", here)
    kept = sorted(table(here, "aligned"), key=lambda row: [str(value) for value in row.values()])
    assert kept == found
