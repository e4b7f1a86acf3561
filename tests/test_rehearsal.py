"""`dedup --dry-run` says what would change, and changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_corpus
from conftest import Curate

from curate.pipeline import rehearse
from curate.scratch import scratch

PAIR = ("isic_2018:ISIC_0000003", "isic_2018:ISIC_0000004")


def state(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def build(root: Path, curate: Curate) -> None:
    for stage in ("dedup", "label", "split"):
        done = curate(stage, root=root)
        assert done.returncode == 0, done.stderr


def test_a_decision_is_rehearsed_and_nothing_is_changed(tmp_path: Path, curate: Curate) -> None:
    small_corpus.build(tmp_path)
    decisions = tmp_path / "decisions.csv"
    decisions.write_text("decision,first,second,note\n")
    build(tmp_path, curate)
    assert curate("dedup", "--dry-run", root=tmp_path).returncode == 0

    decisions.write_text(f"decision,first,second,note\naccept,{','.join(PAIR)},the same\n")
    before = state(tmp_path)
    done = curate("dedup", "--dry-run", "--json", root=tmp_path)
    assert done.returncode == 1, done.stderr
    assert state(tmp_path) == before
    found = json.loads(done.stdout)
    left = [row for row in found["changes"] if row["kind"] == "left the corpus"]
    assert {each["id"] for row in left for each in row["first"]} >= {PAIR[1]}
    assert {row["now"] for row in left} == {"label conflict"}  # a nevus and a carcinoma cannot be one picture
    assert [cause["what"] for cause in found["causes"]] == ["decision"]
    told = curate("dedup", "--dry-run", root=tmp_path)
    assert "left the corpus" in told.stdout
    assert told.stdout.endswith("nothing was changed\n")

    build(tmp_path, curate)
    assert curate("dedup", "--dry-run", root=tmp_path).returncode == 0


def test_where_nothing_was_looked_at_it_is_said(tmp_path: Path, curate: Curate) -> None:
    done = curate("dedup", "--dry-run", root=tmp_path)
    assert done.returncode == 3
    assert "curate build" in done.stderr


def test_without_a_corpus_the_copies_are_counted(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path, until="dedup")
    found = rehearse(workspace)
    assert found["changes"] is None
    assert found["reports"][-1]["left_out"]["duplicate"] == 3
    with workspace.database(read_only=True) as database:
        assert not database.has("corpus")


_WAITS = """
import sys, time
from pathlib import Path
import duckdb
from curate.db.opening import stoppable
from curate.scratch import scratch
with scratch(Path(sys.argv[1]), ".dry-run-"):
    print("here", flush=True)
    if sys.argv[2] == "sleeping":
        time.sleep(60)
    with stoppable():
        while True:
            duckdb.execute("select count(*) from range(30000) t(i), range(100) where i % 7 = 3")
"""


@pytest.mark.parametrize("what", ["sleeping", "asking"])
def test_what_a_stopped_rehearsal_leaves_is_taken_away(tmp_path: Path, what: str) -> None:
    def left() -> int:
        return len(list(tmp_path.glob(".dry-run-*")))

    def started() -> subprocess.Popen[str]:
        run = subprocess.Popen([sys.executable, "-c", _WAITS, str(tmp_path), what], stdout=subprocess.PIPE, text=True)
        assert run.stdout is not None
        assert run.stdout.readline() == "here\n"
        return run

    stopped = started()
    time.sleep(0.5)  # DuckDB is at it
    stopped.terminate()
    assert stopped.wait(30) == 128 + signal.SIGTERM
    assert left() == 0

    killed, running = started(), started()
    killed.kill()
    killed.wait(30)
    (tmp_path / ".dry-run-young").mkdir()
    (tmp_path / ".dry-run-old").mkdir()
    os.utime(tmp_path / ".dry-run-old", (time.time() - 3600,) * 2)
    assert left() == 4
    with scratch(tmp_path, ".dry-run-"):
        assert left() == 3, "the one that runs, the one that may be beginning, and this"
    running.terminate()
    running.wait(30)
