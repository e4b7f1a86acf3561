"""A Dask cluster: the same bytes as here, what a lost worker or scheduler means, and who is not fit for the work."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import ROOT, Curate, Once
from dask_cluster import DaskCluster, dask_cluster, deadly, doubled, handed_over, impatient
from demo_corpus import build as build_demo
from distributed import Client
from small_corpus import drawn
from test_shards import _hashes

from curate import cluster, pipeline, turn
from curate.corpus_rows import digest
from curate.errors import CorpusError, CurateError
from curate.export.handover import run as export
from curate.pictures_alike import alike
from curate.recipe import DedupRecipe
from curate.report import Advance
from curate.workers import Processes
from curate.workspace import Workspace

STAGES = ("parse", "inspect", "dedup", "label", "split", "shard")
RECIPE = '[corpus]\nsources = ["asan", "isic_2018"]\n[shard]\npictures_per_shard = 8\n'  # sheets, and pictures


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask") / "cluster", workers=2) as running:
        yield running


@pytest.fixture
def fetched(once: Once, tmp_path: Path) -> Callable[[str], Path]:
    """Make a root in which two sources of the drawn world were fetched, and nothing else was done."""
    return lambda name: _fetched(once, tmp_path / name)


def _fetched(once: Once, root: Path) -> Path:
    made = once("demo corpus", build_demo)
    for part in ("manifests", "data_cache/incoming", "data_cache/objects"):
        shutil.copytree(made / part, root / part)
    (root / "curate.toml").write_text(RECIPE)
    return root


@pytest.fixture(scope="module")
def alone(once: Once, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, str]]:
    """What one process of this machine makes of it."""
    return _built(Workspace(_fetched(once, tmp_path_factory.mktemp("alone") / "root"), workers=1))


def _built(workspace: Workspace) -> tuple[str, dict[str, str]]:
    """Build the corpus; return its hash, and those of all files of its shards."""
    for stage in STAGES:
        report = pipeline.run(stage, workspace)
    assert report.made > 40
    folder = Path(report.details["folder"])
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "current"}
    return digest(workspace), _hashes(folder)


def test_the_same_bytes_as_one_process(
    dask: DaskCluster, fetched: Callable[[str], Path], alone: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    root = fetched("far")
    with cluster.connect(dask.address, root) as workers:
        far = Workspace(root, workers=workers)
        assert _built(far) == alone
        export(far, "imagefolder", tmp_path / "far pictures")
    export(Workspace(root, workers=1), "imagefolder", tmp_path / "pictures")
    assert _hashes(tmp_path / "far pictures") == _hashes(tmp_path / "pictures")
    assert [path.name for path in (root / "data_cache").glob(".*")] == [turn.NAME]


def test_a_worker_that_is_killed_costs_its_tasks_alone(
    dask: DaskCluster, fetched: Callable[[str], Path], alone: tuple[str, dict[str, str]]
) -> None:
    root, at_work = fetched("root"), []
    with Client(dask.address, set_as_default=False) as client:
        before = set(client.nthreads())
        lost = dask.worker()
        (address,) = set(client.nthreads()) - before

        def kill() -> None:  # it is held fast until it has been given something to look at
            while not at_work and lost.poll() is None:
                at_work.extend(client.processing()[address])
            lost.kill()

        @contextmanager
        def progress(title: str, total: int | None, unit: str) -> Iterator[Advance]:
            if title == "inspect":
                lost.send_signal(signal.SIGSTOP)
                threading.Thread(target=kill).start()
            yield Advance(lambda amount: None)

        with cluster.connect(dask.address, root) as workers:
            assert _built(Workspace(root, workers=workers, progress=progress)) == alone
    assert at_work
    assert lost.wait() == -signal.SIGKILL


def test_a_lost_scheduler_is_said_and_the_next_run_goes_on(
    fetched: Callable[[str], Path], alone: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    root = fetched("root")
    pipeline.run("parse", Workspace(root, workers=1))
    with dask_cluster(tmp_path / "dask", workers=1) as running:
        line = [sys.executable, "-m", "curate", "--root", str(root), "inspect", "--scheduler", running.address]
        told = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with Client(running.address, set_as_default=False) as client:
            while not client.run_on_scheduler(handed_over):
                assert told.poll() is None
                time.sleep(0.02)
        running.scheduler.kill()
        out, said = told.communicate(timeout=60)
    assert told.returncode == 3, (out, said)
    assert said.splitlines()[0] == "curate: the Dask scheduler was lost in mid-work"
    assert "what was known before stands" in said
    assert said.splitlines()[-1].startswith("  next:     start it and its workers again, then type the same again")
    assert "Traceback" not in said
    assert "distributed" not in said
    here = Workspace(root, workers=2)
    went_on = pipeline.run("inspect", here)
    assert (went_on.made > 0, went_on.there > 0) == (True, True)
    assert _built(here) == alone


def test_in_their_order_some_at_a_time_and_errors_as_they_are(dask: DaskCluster, tmp_path: Path) -> None:
    given: list[int] = []

    def numbers() -> Iterator[int]:
        for before, number in enumerate([*range(100, 140), 13, 14]):
            assert before - len(given) <= 2 * 4
            yield number

    with cluster.connect_to_read(dask.address, tmp_path) as workers:
        with pytest.raises(CorpusError, match="no 13") as told:
            given.extend(workers.spread(doubled, numbers(), pictures=42))
        assert given == [2 * number for number in range(100, 140)]
        assert (told.value.where, told.value.hint) == ("here", "another number")
        stopped = workers.spread(doubled, iter(range(1000)), pictures=1000)
        assert next(stopped) == 0
        stopped.close()
        assert next(workers.spread(doubled, [21], pictures=1)) == 42


def test_a_wait_that_ends_is_not_the_outcome(
    dask: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_LOOK_S", 0.0001)
    with cluster.connect_to_read(dask.address, tmp_path) as workers:
        assert list(workers.spread(doubled, range(100, 140), pictures=40)) == [2 * n for n in range(100, 140)]
        with pytest.raises(TimeoutError, match="of its own"):
            list(workers.spread(impatient, [1], pictures=1))


def test_any_folder_of_pictures(dask: DaskCluster, tmp_path: Path) -> None:
    for seed in range(4):
        (tmp_path / f"{seed}.jpg").write_bytes(drawn(seed))
    (tmp_path / "again.jpg").write_bytes(drawn(2))
    with cluster.connect_to_read(dask.address, tmp_path) as workers:
        far = alike(tmp_path, DedupRecipe(), workers=workers)
    assert far == alike(tmp_path, DedupRecipe(), workers=1)
    assert [pair["kind"] for pair in far["pairs"]] == ["same bytes"]
    assert len(list(tmp_path.iterdir())) == 5


def test_what_kills_its_workers_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with dask_cluster(tmp_path / "dask", 1, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as running:
        with cluster.connect_to_read(running.address, tmp_path) as workers:
            with pytest.raises(CurateError, match="each worker that was at it was lost") as told:
                list(workers.spread(deadly, [tmp_path / "huge.png"], pictures=1))
            assert told.value.where == str(tmp_path / "huge.png")
            assert "type the same again" in str(told.value.hint)
            monkeypatch.setattr(cluster, "_LOOK_S", 0.1)
            monkeypatch.setattr(cluster, "_ALONE_S", 0.3)
            with pytest.raises(CurateError, match="has no worker"):
                list(workers.spread(doubled, [1], pictures=1))
        with pytest.raises(CurateError, match="has no worker") as told:
            _impatient(running.address, tmp_path)
        assert f"dask worker {running.address}" in str(told.value.hint)


def test_a_process_of_this_machine_that_is_killed() -> None:
    with pytest.raises(CurateError, match="was killed from outside") as told:
        list(Processes(2).spread(deadly, [Path("a"), Path("b")], pictures=128))
    assert "type the same again" in str(told.value.hint)


def _impatient(address: str, folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_FIRST_WORKER_S", 0.5)
        patch.setattr(cluster, "_CONNECT_S", 1)
        with cluster.connect_to_read(address, folder):
            pass


def test_who_is_not_fit_is_named(dask: DaskCluster, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(ROOT / "curate", other / "curate", ignore=shutil.ignore_patterns("__pycache__"))
    with (other / "curate" / "look.py").open("a") as code:
        code.write("# another version\n")
    strangers = {
        "another curate": lambda: dask.worker(PYTHONPATH=str(other)),
        "several things at a time": lambda: dask.worker("--nthreads", "2"),
    }
    with cluster.connect(dask.address, tmp_path) as workers:
        for said, start in strangers.items():
            stranger = start()
            try:
                with pytest.raises(CurateError, match=said) as told, cluster.connect(dask.address, tmp_path):
                    pass
                assert "tcp://127.0.0.1:" in str(told.value.where)
                assert told.value.expected != told.value.found
                with pytest.raises(CurateError, match=said):  # also one that comes when all is under way
                    list(workers.spread(doubled, range(100, 140), pictures=40))
            finally:
                stranger.terminate()
                stranger.wait()
    assert not list((tmp_path / "data_cache").iterdir())


@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no path here that leads each process elsewhere")
def test_a_worker_that_does_not_see_the_files(
    dask: DaskCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(CurateError, match="does not see the files") as told,
        cluster.connect(dask.address, Path("/proc/self/cwd")),
    ):
        pass
    assert "all machines" in str(told.value.hint)


@pytest.mark.parametrize("address", ["nonsense", "foo://here:1", "tcp://127.0.0.1:9"])
def test_an_address_at_which_nobody_answers(tmp_path: Path, address: str) -> None:
    with pytest.raises(CurateError, match="no Dask scheduler answers") as told:
        _impatient(address, tmp_path)
    assert (told.value.where, told.value.exit_code) == (address, 3)
    assert "dask scheduler" in str(told.value.hint)


def test_without_the_extra(tmp_path: Path) -> None:
    absent = "import sys; sys.modules['distributed'] = None; from curate.__main__ import main; main()"
    line = [sys.executable, "-c", absent, "--root", str(tmp_path), "inspect", "--scheduler", "tcp://127.0.0.1:9"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "pip install 'curate[cluster]'" in done.stderr.splitlines()[-1]


def test_processes_here_or_workers_there(curate: Curate, tmp_path: Path) -> None:
    both = curate("shard", "--workers", "2", "--scheduler", "tcp://127.0.0.1:9", root=tmp_path)
    assert both.returncode == 2
    assert "leave one out" in both.stderr
    typed = curate("shard", "--workers", "2", root=tmp_path, CURATE_SCHEDULER="tcp://127.0.0.1:9")
    assert "there is no corpus here yet" in typed.stderr
