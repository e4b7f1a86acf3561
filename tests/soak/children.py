"""Commands, each in a child of a process that has loaded curate and never worked with it: it has no threads to fork."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import pandas  # noqa: F401
import pyarrow.pandas_compat  # noqa: F401
import scipy.fftpack
import scipy.sparse.csgraph  # noqa: F401
import tqdm  # noqa: F401
import xlrd  # noqa: F401
from PIL import Image

import curate.audit.verify
import curate.cli
import curate.pipeline
import curate.sources

# Loaded before the first fork, so that no child has to: a command then costs what it does, not what Python loads.
for _name in ("fetch", "parse", "inspect", "dedup", "label", "split", "shard"):
    importlib.import_module(f"curate.stages.{_name}")
for _found in pkgutil.iter_modules(curate.sources.__path__):
    importlib.import_module(f"curate.sources.{_found.name}")
Image.init()
gc.collect()
gc.freeze()  # a child that collects would copy the pages of all that is loaded

LIMIT_S = 120.0  # of one command: a build of such a world takes about a second, and what takes longer hangs

Fault = Callable[[], object]
"""What is done in the child before the command begins."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: `code` is negative where a signal ended it, None where it hung.

    `seconds` by the clock on the wall, `work` those that processors were busy with it and what it started.
    """

    words: tuple[str, ...]
    code: int | None
    said: str
    complained: str
    seconds: float
    work: float

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.said + self.complained


@dataclass(frozen=True)
class Blow:
    """A signal that comes from outside, that many seconds after the start; `to_worker`: to one that it started."""

    signal: signal.Signals
    after: float
    to_worker: bool = False


def command(root: Path, *words: str, fault: Fault | None = None, blow: Blow | None = None) -> Ended:
    """Type `curate --root ROOT WORDS` in a child, and wait for its end."""
    with _begun(_typed(root, words, fault)) as running:
        return running.end(words, blow)


def both(root: Path, *words: str) -> tuple[Ended, Ended]:
    """Type the same twice at the same time, and wait for both ends."""
    with _begun(_typed(root, words, None)) as one, _begun(_typed(root, words, None)) as other:
        return one.end(words), other.end(words)


def _typed(root: Path, words: tuple[str, ...], fault: Fault | None) -> Callable[[], None]:
    def work() -> None:
        if fault is not None:
            fault()
        sys.argv = ["curate", "--root", str(root), *words]
        curate.cli.main()

    return work


def ask(question: Callable[[], Any]) -> Any:
    """Answer a question in a child, since this process must start no thread; the answer goes through JSON."""
    with _begun(lambda: sys.stdout.write(json.dumps(question()))) as running:
        ended = running.end(("ask",))
    if ended.code != 0:
        raise RuntimeError(ended.text)
    return json.loads(ended.said)


@contextmanager
def beside(work: Callable[[Callable[[str], None]], object]) -> Iterator[str]:
    """Let a child do something while the block runs; yields the first line that it says."""
    reads, writes = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reads)
        _end(lambda: work(lambda line: os.write(writes, f"{line}\n".encode())))
    os.close(writes)
    with os.fdopen(reads) as said:
        try:
            yield said.readline().strip()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


@dataclass(frozen=True)
class _Running:
    pid: int
    said: IO[str]
    complained: IO[str]
    started: float

    def end(self, words: tuple[str, ...], blow: Blow | None = None) -> Ended:
        """Wait for the end; what takes longer than the limit is killed, and hung."""
        code, busy = _waited(self.pid, blow)
        seconds = time.monotonic() - self.started
        for file in (self.said, self.complained):
            file.seek(0)
        return Ended(words, code, self.said.read(), self.complained.read(), seconds, busy)


@contextmanager
def _begun(work: Callable[[], object]) -> Iterator[_Running]:
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        started = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.dup2(said.fileno(), 1)
            os.dup2(complained.fileno(), 2)
            _end(work)
        yield _Running(pid, said, complained, started)


def _end(work: Callable[[], object]) -> NoReturn:
    """Do the work in a child, and end it there: nothing of the parent's way out may run in it."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background is deaf to it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - what nobody caught is what the soak looks for
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _waited(pid: int, blow: Blow | None) -> tuple[int | None, float]:
    handle = os.pidfd_open(pid)
    try:
        ends = select.poll()
        ends.register(handle, select.POLLIN)
        if blow is not None and not ends.poll(blow.after * 1000):
            _strike(pid, blow, ends)
        hangs = not ends.poll(LIMIT_S * 1000)
        if hangs:
            os.kill(pid, signal.SIGKILL)
        _, status, used = os.wait4(pid, 0)
        return None if hangs else os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
    finally:
        os.close(handle)


def _strike(pid: int, blow: Blow, ends: select.poll) -> None:
    if not blow.to_worker:
        os.kill(pid, blow.signal)
        return
    while not ends.poll(20):  # until it has a worker, or ends without ever having had one
        for worker in workers_of(pid):
            os.kill(worker, blow.signal)
            return


def workers_of(pid: int) -> list[int]:
    """Return the processes that a command has started for work on pictures."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        return [int(child) for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    except (FileNotFoundError, ProcessLookupError):  # it has ended this moment
        return []
