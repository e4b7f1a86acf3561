"""The one place that knows how work is spread: over processes of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def available() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def worth(workers: int, pictures: float) -> int:
    """Return how many of the workers are worth starting for so many pictures: a process costs what 64 of them do."""
    return max(1, min(workers, int(pictures // 64)))


def spread(function: Callable[[Item], Result], items: Iterable[Item], *, workers: int) -> Iterator[Result]:
    """Yield `function(item)` for each item, in the order of the items, whatever the number of workers.

    `function` must be picklable (a function of a module); an error in it is raised here. At most four items for
    each worker are under way at a time, so that neither items nor results pile up. One worker means this process.
    A script that calls this with more workers needs the usual `if __name__ == "__main__":`.
    """
    if workers <= 1:
        yield from map(function, items)
        return
    # Spawned, not forked: the parent holds threads (DuckDB, Arrow) that a fork would copy in mid-step.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for number, item in enumerate(items):
                if number < workers:
                    with _deaf():
                        waiting.append(pool.submit(function, item))
                else:
                    waiting.append(pool.submit(function, item))
                if len(waiting) >= workers * 4:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


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


def _begin() -> None:
    """Keep each worker to one thread, since the processes share the processors already, and deaf to Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ[name] = "1"


def _end_with_parent() -> None:
    """End when the parent does: one that was killed cannot tell its workers, and they would wait for it for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
