"""Splits: no family is torn, published tests stay test, same input same splits, a new source moves what it joins."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from conftest import Curate
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from curate import Workspace, freshness
from curate.errors import UsageError
from curate.recipe import Recipe
from curate.stages import dedup, inspect, label, parse, split

LABELS = ("NV", "MEL", "BKL", "BCC", "DF")


def name(number: int) -> str:
    return f"ISIC_{number:07}"


def claims(seed: int, *, with_2018: bool) -> list[dict[str, Any]]:
    """Return label rows: 2019 with lesions or none, 2020 and PAD with patients; 2018 repeats some of 2019."""
    random, beside = Random(seed), Random(seed + 1)
    rows: list[dict[str, Any]] = []

    def claim(source: str, image_id: str, word: str, **more: Any) -> None:
        rows.append({"source": source, "image_id": image_id, "source_label": word, "ordinal": len(rows)} | more)

    for number in range(200):
        word = random.choice(LABELS)
        lesion = random.choice([None, f"L{random.randrange(90)}"])
        part = "test" if random.random() < 0.1 else "train"
        claim("isic_2019", name(number), word, isic_id=name(number), lesion_id=lesion, published_split=part)
        if with_2018 and number % 4 == 0:
            both = {"isic_id": name(number), "lesion_id": f"M{beside.randrange(40)}", "published_split": "train"}
            claim("isic_2018", name(number), word, **both)
    for number in range(200, 300):
        claim("isic_2020", name(number), "nevus", isic_id=name(number), patient_id=f"P{random.randrange(30)}")
    for number in range(60):
        patient = f"PAT_{number % 25}"
        claim("pad_ufes_20", f"{patient}_{number % 3}_{number}", "NEV", patient_id=patient, lesion_id=None)
    return rows


def split_up(workspace: Workspace, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Build the root from these label rows on, and return its rows of `splits` by id."""
    with workspace.database(create=True) as database:
        database.build("facts")
        for table in ("claims", "listed_pairs"):
            some = rows if table == "claims" else []
            database.replace(table, pa.Table.from_pylist(some, schema=database.table(table).schema))
        database.replace("mode", pa.table({"labels_only": [True]}))
        database.replace("sources", parse._sources(workspace))
        database.build("records")
        freshness.stamp(database, "parse", None)
    for stage in (inspect, dedup, label, split):
        stage.run(workspace)
    with workspace.database(read_only=True) as database:
        return {row["id"]: row for row in database.table("splits").to_pylist()}


def root(folder: Path, recipe: str = "") -> Workspace:
    folder.mkdir(parents=True)
    (folder / "curate.toml").write_text(f"[split]\n{recipe}\n")
    return Workspace(folder, workers=1)


@given(seed=st.integers(0, 2**32), quotas=st.booleans(), folds=st.sampled_from([0, 2, 5]))
@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_no_family_is_torn_and_the_order_of_arrival_says_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int, quotas: bool, folds: int
) -> None:
    folder = tmp_path_factory.mktemp("splits")
    recipe = f"quotas = {str(quotas).lower()}\nfolds = {folds}"
    rows = claims(seed, with_2018=True)
    first = split_up(root(folder / "a", recipe), rows)
    again = split_up(root(folder / "b", recipe), Random(seed).sample(rows, len(rows)))
    assert first == again

    groups: dict[str, set[tuple[str, Any]]] = defaultdict(set)
    for row in rows:
        placed = first[f"{row['source']}:{row['image_id']}"]
        for kind in ("isic_id", "lesion_id", "patient_id"):
            if row.get(kind) is not None:  # unknown is no group
                groups[f"{kind} {row[kind]}"].add((placed["split"], placed["fold"]))
        if row.get("published_split") == "test":
            assert placed["split"] == "test"
        assert (placed["fold"] is None) == (folds == 0 or placed["split"] == "test")
        assert placed["fold"] is None or 0 <= placed["fold"] < folds
    assert all(len(found) == 1 for found in groups.values())


@given(seed=st.integers(0, 2**32))
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
def test_a_new_source_moves_only_the_families_that_it_joins(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    workspace = root(tmp_path_factory.mktemp("more") / "root", "folds = 3")
    before = split_up(workspace, claims(seed, with_2018=False))
    after = split_up(workspace, claims(seed, with_2018=True))
    joined = {row["family"] for key, row in after.items() if key.startswith("isic_2018:")}
    for key, row in before.items():
        if after[key]["family"] not in joined:
            assert (row["split"], row["fold"]) == (after[key]["split"], after[key]["fold"])


def test_deviations_and_what_quotas_move_are_reported(tmp_path: Path, curate: Curate) -> None:
    rows = claims(7, with_2018=False)
    split_up(root(tmp_path / "hash"), rows)
    workspace = root(tmp_path / "quotas", "quotas = true")
    split_up(workspace, rows)
    report = split.run(workspace)
    moved = report.details["moved_by_quotas"]
    assert moved["families"] > 0
    assert any("moved from where their hash is" in note for note in report.notes)
    worst = {}
    for path in (tmp_path / "hash", tmp_path / "quotas"):
        with Workspace(path).database(read_only=True) as database:
            found = database.table("split_deviation").to_pylist()
            kinds = {row["kind"] for row in found}
            assert {"all", "subtype", "source", "tone_reported"} <= kinds
            for part in {(row["kind"], row["value"]) for row in found}:
                mine = [row for row in found if (row["kind"], row["value"]) == part]
                assert [row["split"] for row in mine] == ["train", "validation", "test"]
                assert sum(row["pictures"] for row in mine) == mine[0]["pictures_of_all_splits"]
            many = [row for row in found if row["kind"] == "subtype" and row["families"] >= 50]
            # what was published as test stays: a subtype whose published tests are over the share is held to the rest
            worst[path.name] = max(
                abs(row["points"])
                for row in many
                if row["published_test"] <= row["recipe"] * row["pictures_of_all_splits"]
            )
    assert worst["quotas"] <= 2 < worst["hash"]


def test_folds_come_with_the_exported_splits(tmp_path: Path, curate: Curate) -> None:
    split_up(root(tmp_path / "root", "folds = 4"), claims(3, with_2018=True))
    done = curate("export", "splits", "--out", tmp_path / "out", root=tmp_path / "root")
    assert done.returncode == 0, done.stderr
    header, *lines = (tmp_path / "out" / "splits.csv").read_text(encoding="utf-8").splitlines()
    assert header.split(",")[:3] == ["id", "split", "fold"]
    found = {(line.split(",")[1] == "test", line.split(",")[2]) for line in lines}
    assert found == {(True, "")} | {(False, str(fold)) for fold in range(4)}
    done = curate("audit", tmp_path / "out" / "splits.csv", "--split-column", "split", root=tmp_path / "root")
    assert done.returncode == 0, done.stdout


def test_one_fold_is_none(tmp_path: Path) -> None:
    (tmp_path / "curate.toml").write_text("[split]\nfolds = 1\n")
    with pytest.raises(UsageError, match="one fold"):
        Recipe.read(tmp_path / "curate.toml")
