"""The command line as a newcomer meets it: quick help, exit codes, JSON, messages that say what to type next."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Curate

from curate import Workspace

COMMANDS = [
    "demo", "sources", "fetch", "build", "parse", "inspect", "dedup", "label", "split", "shard", "status", "explain",
    "sql", "report", "verify", "audit", "selftest", "diff", "export", "train", "evaluate", "predict", "quantize",
]  # fmt: skip


def test_help_loads_neither_tensorflow_nor_pandas() -> None:
    code = (
        "import sys\nsys.argv = ['curate', '--help']\nfrom curate.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'tensorflow', 'pandas', 'numpy', 'duckdb', 'PIL', 'cv2', 'requests', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_ends_in_an_example(curate: Curate, command: str) -> None:
    done = curate(command, "--help")
    assert done.returncode == 0, done.stderr
    tail = done.stdout.partition("Example:")[2]
    assert f"curate {command}" in tail, done.stdout


def test_wrong_words_end_with_2(curate: Curate, tmp_path: Path) -> None:
    for words in (["bild"], ["build", "isic_2077"], ["build", "--until", "lunch"], ["sql"], ["explain"]):
        done = curate(*words, root=tmp_path)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


def test_an_empty_root_says_what_to_type_next(curate: Curate, tmp_path: Path) -> None:
    for words in (["status"], ["explain", "x"], ["sql", "select 1"], ["parse"], ["report"], ["inspect"], ["shard"]):
        done = curate(*words, root=tmp_path)
        assert done.returncode == 3, (words, done.stdout, done.stderr)
        assert "next:" in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr


def test_errors_are_json_too(curate: Curate, tmp_path: Path) -> None:
    done = curate("status", "--json", root=tmp_path)
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["exit_code"] == 3
    assert document["error"]["next"]


def test_sources_from_anywhere(curate: Curate, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "curate", "--json", "sources"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    listed = {entry["source"]: entry for entry in json.loads(done.stdout)["sources"]}
    assert sorted(listed) == [
        "asan", "hallym", "isic_2016", "isic_2017", "isic_2018", "isic_2019", "isic_2020", "pad_ufes_20", "ph2",
        "severance",
    ]  # fmt: skip
    assert all(entry["here"] == "nothing" and entry["license"] for entry in listed.values())


def test_manifests_of_the_root_stand_beside_the_shipped_ones_and_before_them(curate: Curate, tmp_path: Path) -> None:
    shipped = Workspace(tmp_path).facts("manifests", "*.toml")["ph2.toml"].read_text(encoding="utf-8")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "ph2.toml").write_text(shipped.replace("PH2 database", "PH2 here", 1), encoding="utf-8")
    listed = json.loads(curate("sources", "--json", root=tmp_path).stdout)["sources"]
    assert len(listed) == 10
    assert [entry["title"].startswith("PH2 here") for entry in listed if entry["source"] == "ph2"] == [True]
    (tmp_path / "curate.toml").write_text('[corpus]\nsources = ["ph2"]\n', encoding="utf-8")
    listed = json.loads(curate("sources", "--json", root=tmp_path).stdout)["sources"]
    assert [entry["source"] for entry in listed] == ["ph2"]
    (tmp_path / "curate.toml").write_text('[corpus]\nsources = ["ph3"]\n', encoding="utf-8")
    wrong = curate("sources", root=tmp_path)
    assert wrong.returncode == 2
    assert "there is no source 'ph3'" in wrong.stderr


def test_global_words_stand_before_or_after(curate: Curate, tmp_path: Path) -> None:
    before = curate("--json", "sources", root=tmp_path)
    after = curate("sources", "--json", "--root", tmp_path)
    named = curate("sources", "--json", CURATE_ROOT=str(tmp_path))
    assert before.stdout == after.stdout == named.stdout
    assert json.loads(before.stdout)["sources"]


def test_views_are_listed_with_a_sentence(curate: Curate, tmp_path: Path) -> None:
    views = json.loads(curate("sql", "--views", "--json", root=tmp_path).stdout)["views"]
    assert {"class_balance", "ledger", "leakage", "label_conflicts", "tone_agreement"} <= set(views)
    assert all(sentence.endswith(".") for sentence in views.values())
