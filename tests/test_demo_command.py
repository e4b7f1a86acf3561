"""`curate demo` as a newcomer types it, at a smaller size: the whole way, learnt well above chance, and never twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Curate

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def toured(curate: Curate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("demo") / "a world"
    done = curate("demo", folder, "--size", "small", "--epochs", "10", timeout=900)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    for word in ("balances to the last row", "int8", "report.html", "Three to try next:"):
        assert word in done.stdout, done.stdout
    return folder


def test_the_model_is_clearly_above_chance_in_every_form(toured: Path) -> None:
    (run,) = (path.parent for path in (toured / "data_cache" / "runs").glob("[!.]*/recipe.json"))
    scores = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]
    assert scores["balanced_accuracy"] > 0.6, scores
    assert scores["accuracy"] > scores["majority"] + 0.1, scores
    forms = {row["mode"]: row for row in json.loads((run / "quantize.json").read_text(encoding="utf-8"))["table"]}
    assert set(forms) == {"float", "float16", "dynamic", "int8"}
    assert forms["float16"]["bytes"] < 0.6 * forms["float"]["bytes"]
    assert forms["dynamic"]["bytes"] < 0.4 * forms["float"]["bytes"]
    assert forms["int8"]["bytes"] < 0.4 * forms["float"]["bytes"]
    for row in forms.values():
        assert row["balanced_accuracy"] > 0.55, row
        assert row["agreement"] > 0.85, row
        assert row["ms_1_thread"] > 0
        assert row["ms_2_threads"] > 0
    assert "not a medical device" in (run / "card.md").read_text(encoding="utf-8").lower()


def test_what_it_says_to_try_next_works(toured: Path, curate: Curate) -> None:
    assert curate("status", root=toured).returncode == 0
    assert curate("sql", "select * from category_by_skin_tone", root=toured).returncode == 0
    assert curate("verify", root=toured).returncode == 0
    scored = curate("evaluate", "--json", root=toured)
    assert scored.returncode == 0, scored.stderr
    document = json.loads(scored.stdout)
    assert document["reports"][0]["details"]["evaluation"]["targets"]["category"]["pictures"] > 50


def test_pictures_are_answered(toured: Path, curate: Curate, tmp_path: Path) -> None:
    (run,) = (path.parent for path in (toured / "data_cache" / "runs").glob("[!.]*/recipe.json"))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    whole = next((toured / "data_cache" / "objects").rglob("*"))
    assert whole.exists()
    done = curate("predict", run.name, tmp_path, "--json", root=toured)
    assert done.returncode == 1
    (row,) = json.loads(done.stdout)["pictures"]
    assert row["problem"]


def test_a_second_tour_does_nothing_twice(toured: Path, curate: Curate) -> None:
    done = curate("demo", toured, "--size", "small", "--epochs", "10", "--json", timeout=900)
    assert done.returncode == 0, done.stderr
    made = {report["stage"]: report["made"] for report in json.loads(done.stdout)["reports"]}
    assert {stage: made[stage] for stage in ("fetch", "parse", "inspect", "dedup", "shard", "train", "quantize")} == {
        "fetch": 0, "parse": 0, "inspect": 0, "dedup": 0, "shard": 0, "train": 0, "quantize": 0,
    }  # fmt: skip


def test_a_folder_with_something_else_is_left_alone(curate: Curate, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear to somebody")
    done = curate("demo", tmp_path)
    assert done.returncode == 3
    assert "not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
