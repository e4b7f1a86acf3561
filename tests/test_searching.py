"""The search by places: what it finds hangs on what the sources hold, not on when they came or who looked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_nearness import CHANGES, lesion

from curate import look, pipeline
from curate.errors import CorpusError
from curate.images import codec, features
from curate.pairs import Known, Sight, settle
from curate.stages import fetch
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
