"""The one door through which work is spread: over processes of this machine; over a cluster, see `curate.cluster`."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from types import TracebackType
from typing import Protocol, TypeVar

from curate.errors import CurateError

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 4  # items for each worker that are under way at a time
_WORTH = 64  # pictures; to start a process costs what they do
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")
"""The variables that keep a worker to one thread: workers share the processors already."""


class Workers(Protocol):
    """Those who do what is spread."""

    def spread(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, pictures: float
    ) -> Generator[Result, None, None]:
        """Yield `function(item)` for each item, in the order of the items, whoever does it.

        `function` is one of a module, and its outcome follows from the item and the files it names alone, since it may
        be called again where a worker is lost. `pictures` says how much work there is. An error in it is raised here;
        then, or when this is closed, no item is left under way.
        """
        ...

    def kept(self, pictures: float) -> AbstractContextManager[Workers]:
        """Give the same workers for several things to spread, the largest of so many pictures, one after the other."""
        ...


@dataclass(frozen=True)
class Processes:
    """So many processes of this machine, or fewer where there is little to do."""

    count: int

    def spread(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, pictures: float
    ) -> Generator[Result, None, None]:
        """Yield `function(item)` for each item, in their order: see `Workers`."""
        return spread(function, items, workers=worth(self.count, pictures))

    @contextmanager
    def kept(self, pictures: float) -> Iterator[Workers]:
        """Start processes once for several things to spread: see `Workers`."""
        workers = worth(self.count, pictures)
        if workers == 1:
            yield Processes(1)
            return
        with _Pool(workers) as pool:
            yield pool


def chosen(workers: Workers | int | None) -> Workers:
    """Return who does the work: those who are given, so many processes, or one process for each processor."""
    if workers is None or isinstance(workers, int):
        return Processes(workers or available())
    return workers


def threads(workers: Workers) -> int:
    """Return how many threads may work in this process: no more than processes, where those were said."""
    return min(workers.count, available()) if isinstance(workers, Processes) else available()


def available() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def worth(workers: int, pictures: float) -> int:
    """Return how many of the workers are worth starting for so many pictures: a process costs what 64 do."""
    return max(1, min(workers, int(pictures // _WORTH)))


def spread(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Generator[Result, None, None]:
    """Yield `function(item)` for each item, in the order of the items, whatever the number of workers.

    `function` must be picklable (a function of a module); an error in it is raised here, and CurateError where a
    process was killed. At most four items for each worker are under way at a time, so that neither items nor results
    pile up. One worker means this process. A script that calls this with more workers needs the usual
    `if __name__ == "__main__":`.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    with _Pool(workers) as pool:
        yield from pool.spread(function, items, pictures=_WORTH * workers)


class _KilledError(Exception):
    """A process ended before it answered."""


class _Pool:
    """Processes that are started as there is work for them, and ended together.

    Each has a pipe of its own, and a thread here that hands it an item and waits for the answer. So who is killed is
    heard of at once, whatever it was doing: in the executor of the standard library all answer through one pipe and one
    lock, and one that is killed within an answer leaves everybody waiting for the rest of it for ever.
    """

    def __init__(self, workers: int) -> None:
        # Spawned, not forked: the parent holds threads (DuckDB, Arrow) that a fork would copy in mid-step.
        self._context = multiprocessing.get_context("spawn")
        self._threads = ThreadPoolExecutor(workers)
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._idle: SimpleQueue[Connection] = SimpleQueue()
        self._workers = workers

    def __enter__(self) -> _Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        for pipe in self._pipes:
            pipe.close()  # which tells its process that there is no more
        for process in self._processes:
            process.join()

    def spread(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, pictures: float
    ) -> Generator[Result, None, None]:
        if worth(self._workers, pictures) == 1:
            yield from map(function, items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(self._give(function, item))
                if len(waiting) >= self._workers * AHEAD:
                    yield _first(waiting)
            while waiting:
                yield _first(waiting)
        except _KilledError as killed:
            raise CurateError(
                "a process that worked on pictures was killed from outside",
                where=f"one of {self._workers} on this machine",
                found="most often the system does that where memory runs out",
                done="what was known before stands",
                hint="type the same again; with --workers 1 it needs the least memory",
            ) from killed
        finally:
            wait([future for future in waiting if not future.cancel()])

    @contextmanager
    def kept(self, pictures: float) -> Iterator[Workers]:
        yield self

    def _give(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        if len(self._processes) < self._workers:
            self._start()
        return self._threads.submit(self._answer, function, item)

    def _start(self) -> None:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(there,), daemon=True)
        with _deaf():
            process.start()
        there.close()  # else its end would not be heard of
        self._processes.append(process)
        self._pipes.append(here)
        self._idle.put(here)

    def _answer(self, function: Callable[[Item], Result], item: Item) -> Result:
        asked = pickle.dumps((function, item))
        pipe = self._idle.get()
        try:
            pipe.send_bytes(asked)
            answer = pipe.recv_bytes()
        except BaseException as gone:
            pipe.close()  # it may hold half an answer, for which whoever took it next would wait
            if isinstance(gone, EOFError | OSError):
                raise _KilledError from gone
            raise
        finally:
            self._idle.put(pipe)
        found, error, where = pickle.loads(answer)
        if error is not None:
            error.add_note(f"in a worker:\n{where}")
            raise error
        result: Result = found
        return result


def _first(waiting: deque[Future[Result]]) -> Result:
    """Return what the first is waiting for; who is stopped meanwhile still finds it among those under way."""
    result = waiting[0].result()
    waiting.popleft()
    return result


@contextmanager
def _deaf() -> Iterator[None]:
    """Let a process that is started inside be deaf to Ctrl-C from its first moment: the parent hears it for all."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _serve(pipe: Connection) -> None:
    """Do what comes through the pipe, on one thread and deaf to Ctrl-C, until nothing more can come."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ONE_THREAD:
        os.environ[name] = "1"
    while True:
        try:
            pipe.send_bytes(_answer_to(pipe.recv_bytes()))
        except (EOFError, ConnectionError):
            return


def _answer_to(asked: bytes) -> bytes:
    try:
        function, item = pickle.loads(asked)
        return pickle.dumps((function(item), None, ""))
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the answer is waited for
        where = traceback.format_exc()
        try:
            return pickle.dumps((None, error, where))
        except Exception:  # noqa: BLE001 - there are errors that cannot be handed over
            return pickle.dumps((None, RuntimeError(str(error)), where))


def _end_with_parent() -> None:
    """End when the parent does: one that was killed cannot tell its workers, and they would wait for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
