"""A real Dask cluster on loopback, each part a process of its own that can be killed; and what it is given to do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.errors import CorpusError

TESTS = Path(__file__).parent


class DaskCluster:
    """A scheduler at `address`, and the workers that were started."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        told = folder / "scheduler.json"
        words = ("--port", "0", "--scheduler-file", told)
        self.scheduler = self._start("dask_scheduler", *words, **environment)
        _wait(told.exists)
        self.address = next(part for part in told.read_text().split('"') if part.startswith("tcp://"))

    def worker(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a worker of one thread, unless `words` say otherwise; wait until it has come."""
        log = self.folder / f"worker-{len(self.processes)}.log"
        words = ("--no-nanny", "--local-directory", str(self.folder), "--nthreads", "1", *words)
        process = self._start("dask_worker", self.address, *words, log=log, **environment)
        _wait(lambda: b"Starting established connection" in log.read_bytes())
        return process

    def _start(
        self, command: str, *words: str | Path, log: Path | None = None, **environment: str
    ) -> subprocess.Popen[bytes]:
        own = {"PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)])}
        line = [sys.executable, "-m", f"distributed.cli.{command}", *map(str, words)]
        line += ["--host", "127.0.0.1", "--no-dashboard"]
        with (log or self.folder / "scheduler.log").open("wb") as out:
            process = subprocess.Popen(
                line, stdout=out, stderr=out, cwd=self.folder, env={**os.environ, **own, **environment}
            )
        self.processes.append(process)
        return process

    def end(self) -> None:
        """Kill what still runs."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@contextmanager
def dask_cluster(folder: Path, workers: int, **environment: str) -> Iterator[DaskCluster]:
    """Yield a cluster of so many workers, and kill it afterwards."""
    folder.mkdir(parents=True)
    cluster = DaskCluster(folder, **environment)
    try:
        for _ in range(workers):
            cluster.worker()
        yield cluster
    finally:
        cluster.end()


def _wait(until: Callable[[], bool]) -> None:
    for _ in range(1200):
        if until():
            return
        time.sleep(0.05)
    raise TimeoutError("a part of the cluster did not come up")


# Called in the cluster.


def handed_over(dask_scheduler: Any) -> int:
    """Return how many tasks were done whose outcome was fetched: only then nobody wants them any more."""
    return sum(finish == "forgotten" for _, _, finish, *_ in dask_scheduler.transition_log)


def doubled(number: int) -> int:
    """Return twice the number; 13 is refused."""
    if number == 13:
        raise CorpusError("no 13", where="here", hint="another number")
    time.sleep(0.02 if number % 3 else 0)  # so that they do not come back in their order
    return 2 * number


def impatient(number: int) -> None:
    """Give up."""
    raise TimeoutError("of its own")


def deadly(path: Path) -> None:
    """Kill the worker that is at it, as the system does where memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)
