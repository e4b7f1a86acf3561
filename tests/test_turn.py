"""Two that would write in one root: the second is told or waits, and what was killed is in nobody's way."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import small_corpus
from tiny_source import LABELS, adopt, workspace

from curate import Workspace, flock, pipeline
from curate.audit import verify
from curate.audit.leftovers import leftovers
from curate.errors import CorpusError

_HOLDS = """
import sys
from curate import Workspace
with Workspace(sys.argv[1]).turn:
    print("in", flush=True)
    sys.stdin.read()
"""
_SPREADS = """
import os, sys, time
from curate.workers import spread
def work(number):
    time.sleep(0.01)
    return os.getpid()
if __name__ == "__main__":
    for pid in spread(work, range(100_000), workers=2):
        print(pid, flush=True)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus.build(tmp_path_factory.mktemp("built")).root


@pytest.fixture
def corpus(built: Path, tmp_path: Path) -> Path:
    """A root of this test's own with a corpus."""
    return Path(shutil.copytree(built, tmp_path / "root"))


@contextmanager
def another(root: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that works on the root until its stdin ends."""
    command = [sys.executable, "-c", _HOLDS, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "in\n"
        yield process
        process.kill()


@contextmanager
def typed(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "curate", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_second_is_told_who_works_here_and_begins_at_once_after_a_kill(corpus: Path) -> None:
    with another(corpus) as first:
        for words in (["label"], ["build", "isic_2018"], ["dedup", "--dry-run"]):
            with typed("--root", corpus, *words) as second:
                _, told = second.communicate(timeout=60)
            assert second.returncode == 3, words
            assert "another curate works on this root" in told
            assert f"process {first.pid} on " in told
            assert ", since 20" in told
            assert "--wait" in told
        first.send_signal(signal.SIGKILL)
        first.wait(timeout=10)
        assert (corpus / "data_cache" / ".lock").read_text().startswith(f"process {first.pid}"), "the file stands"
        assert pipeline.run("label", Workspace(corpus)).made, "and nobody holds it"
    assert (corpus / "data_cache" / ".lock").read_text() == ""


def test_who_reads_is_not_kept_out(corpus: Path) -> None:
    here = Workspace(corpus)
    with another(corpus):
        assert here.ask("select count(*) as n from corpus").to_pylist()[0]["n"]
        assert not [note for note in verify.run(here).notes if ".lock" in note]
        assert leftovers(here) == []


def test_a_build_waits_for_who_reads(corpus: Path) -> None:
    here = Workspace(corpus)
    with typed("--root", corpus, "label") as second:
        with here.database(read_only=True), pytest.raises(subprocess.TimeoutExpired):
            second.wait(timeout=2)
        assert second.wait(timeout=60) == 0


def test_it_waits_and_says_so(corpus: Path) -> None:
    with another(corpus) as first, typed("--root", corpus, "label", "--wait") as second:
        assert second.stderr is not None
        said = second.stderr.readline()
        assert f"another curate works on this root (process {first.pid} on " in said
        assert "waiting" in said
        assert second.poll() is None
        first.communicate("", timeout=10)
        assert second.wait(timeout=60) == 0


def test_a_rehearsal_holds_the_root_until_it_has_compared(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Workspace(corpus)

    def compared(before: Path, after: Path) -> dict[str, object]:
        with pytest.raises(CorpusError, match="another curate works on this root"):
            pipeline.run("label", Workspace(corpus))
        return {"changes": []}

    monkeypatch.setattr("curate.audit.difference.difference", compared)
    assert pipeline.rehearse(here)["equal"]
    assert not here.turn.held


def test_other_label_maps_are_held_against_a_corpus_that_nobody_changes_meanwhile(corpus: Path) -> None:
    here = Workspace(corpus)
    with another(corpus), pytest.raises(CorpusError, match="another curate works on this root"):
        pipeline.label_changes(here)
    assert not pipeline.label_changes(here)["changes"]
    assert not here.turn.held


def test_who_waits_can_be_stopped(corpus: Path) -> None:
    with another(corpus), typed("--root", corpus, "label", "--wait") as second:
        assert second.stderr is not None
        assert "waiting" in second.stderr.readline()
        second.send_signal(signal.SIGINT)
        assert second.wait(timeout=10) == 130
        assert "stopped" in second.stderr.read()


def test_a_copy_is_not_locked(corpus: Path, tmp_path: Path) -> None:
    with another(corpus):
        shutil.copytree(corpus, tmp_path / "copy")
        assert pipeline.run("label", Workspace(tmp_path / "copy")).made


def test_a_build_holds_the_root_from_the_first_stage_to_the_last(root: Path, tmp_path: Path) -> None:
    here = workspace(root)
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "labels.csv").write_bytes(LABELS)
    adopt(here, tmp_path / "d")
    reports = pipeline.build(here, labels_only=True, until="inspect")
    assert next(reports).stage == "fetch"
    with pytest.raises(CorpusError, match="another curate works on this root") as told:
        pipeline.run("parse", Workspace(root))
    assert f"process {os.getpid()} on" in str(told.value.found)
    reports.close()  # type: ignore[attr-defined]
    with Workspace(root).turn:
        pass


def test_a_cache_that_was_taken_away_is_another_one(tmp_path: Path) -> None:
    first, second = Workspace(tmp_path), Workspace(tmp_path)
    with first.turn:
        shutil.rmtree(first.cache)
        with second.turn, pytest.raises(CorpusError):
            Workspace(tmp_path).turn.__enter__()


def test_a_stage_in_a_wrong_folder_leaves_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        pipeline.run("dedup", Workspace(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_locked_it_works_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flock, "fcntl", None)
    with Workspace(tmp_path).turn, Workspace(tmp_path).turn:
        pass


def test_the_workers_of_a_killed_run_end(tmp_path: Path) -> None:
    script = tmp_path / "spreads.py"
    script.write_text(_SPREADS, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout is not None
        workers: set[int] = set()
        while len(workers) < 2:
            workers.add(int(parent.stdout.readline()))
        parent.kill()
    deadline = time.monotonic() + 30
    while any(_runs(pid) for pid in workers):
        assert time.monotonic() < deadline, "they wait for a parent that is gone"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
