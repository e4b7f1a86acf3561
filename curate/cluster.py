"""Work spread over a Dask cluster: the same bytes as on this machine, or an error that says who is not fit for it.

A worker has to run the same code on the same libraries, since other code would give other bytes; to see the same files
under the same names, since it reads and writes them itself; and to do one thing at a time. It is asked for all that
before it does anything, also one that joins later. How it is used: docs/cluster.md. The only door to `distributed`.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import pickle
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from curate.errors import CurateError
from curate.fitness import STANDS, Terms
from curate.fitness import require as _require_fit
from curate.scratch import scratch
from curate.workers import AHEAD, ONE_THREAD, Workers

Item = TypeVar("Item")
Result = TypeVar("Result")

_CONNECT_S = 10
_FIRST_WORKER_S = 10
_LOOK_S = 5  # how often it is looked who is still there
_ALONE_S = 60  # how long there may be no worker at all, before that is an error


@contextmanager
def connect(address: str, root: Path | str) -> Iterator[Cluster]:
    """Yield the workers of the Dask scheduler at `address` (`tcp://host:8786`), fit to work on the root of a corpus.

    Raises CurateError where `distributed` is not installed, nobody answers, there is no worker, or one of them is not
    fit: it runs another version, has several threads, or does not see the root.
    """
    cache = Path(root).absolute() / "data_cache"
    cache.mkdir(parents=True, exist_ok=True)
    with scratch(cache, ".cluster-") as seen:
        (seen / uuid.uuid4().hex).touch()  # a name that only this folder on this disk holds
        with connect_to_read(address, seen) as cluster:
            yield cluster


@contextmanager
def connect_to_read(address: str, folder: Path | str) -> Iterator[Cluster]:
    """Yield the workers of a scheduler, fit to read what lies in a folder; see `connect`. Nothing is written there."""
    distributed = _library()
    from distributed.comm.addressing import resolve_address

    folder = Path(folder).absolute()
    try:
        terms = Terms.of(address, folder)
    except OSError as refused:
        raise CurateError(
            "the folder cannot be read", where=str(folder), found=refused.strerror, hint="name another folder"
        ) from refused
    try:
        resolve_address(address)  # else a client that never came about waits for itself as it goes
        client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as silent:
        raise CurateError(
            "no Dask scheduler answers",
            where=address,
            expected="the address that `dask scheduler` prints, such as tcp://192.0.2.7:8786",
            found=_first_line(silent),
            done="nothing was begun",
            hint="mend the address, or start one with `dask scheduler`; without --scheduler this machine does the work",
        ) from silent
    try:
        cluster = Cluster(client, terms)
        cluster.require_fit()
        yield cluster
    finally:
        with suppress(OSError, RuntimeError, AssertionError):  # it is gone already, which was said
            client.close(timeout=2)


class Cluster:
    """The workers of one scheduler; see `curate.workers.Workers`."""

    def __init__(self, client: Any, terms: Terms) -> None:
        self._client = client
        self._terms = terms
        self._places = 1
        self._looked = 0.0

    def spread(
        self, function: Callable[[Item], Result], items: Iterable[Item], *, pictures: float
    ) -> Generator[Result, None, None]:
        """Yield `function(item)` for each item, in their order, whichever worker does it.

        What a lost worker had begun is done again by another. At most four items for each worker are under way, however
        much there is to do. Raises CurateError where the scheduler is lost, no worker is left, or an item has cost
        several workers their life.
        """
        waiting: deque[tuple[Any, Item]] = deque()
        try:
            for item in items:
                packed = pickle.dumps((function, item))  # else dask would look through it for tasks of its own
                with self._heard():
                    waiting.append((self._client.submit(_task, self._terms, packed, pure=False), item))
                if len(waiting) >= self._bound():
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            if waiting and self._client.status == "running":
                self._call_off([future for future, _ in waiting])

    @contextmanager
    def kept(self, pictures: float) -> Iterator[Workers]:
        """Give these workers: they are kept anyway."""
        yield self

    def require_fit(self) -> None:
        """Raise CurateError where there is no worker, or one that is not fit for the work."""
        try:
            with self._heard():
                self._client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError as none:
            raise self._deserted() from none
        with self._heard():
            answers = self._client.run(_require_fit, self._terms, on_error="return")
        for worker, said in sorted(answers.items()):
            if isinstance(said, CurateError):
                raise said
            if isinstance(said, BaseException):
                raise CurateError(
                    "a worker of the cluster cannot run curate as it is installed here",
                    where=worker,
                    found=_first_line(said),
                    done="nothing was begun",
                    hint="install there what is installed here, start that worker again, then type the same again",
                )

    def _bound(self) -> int:
        """Return how many items may be under way: workers come and go."""
        now = time.monotonic()
        if now - self._looked > _LOOK_S:
            with self._heard():
                self._places = max(1, sum(self._client.nthreads().values()))
            self._looked = now
        return self._places * AHEAD

    def _result(self, future: Any, item: Item) -> Any:
        from distributed import KilledWorker

        alone_since = None
        while True:
            is_own = future.status == "error"  # then a TimeoutError is the item's, and not that of the wait for it
            try:
                with self._heard():  # what is done has still to come from the worker: that takes as long as it is large
                    return future.result(timeout=_ALONE_S if future.done() else _LOOK_S)
            except TimeoutError:
                if is_own:
                    raise
                with self._heard():
                    anybody = bool(self._client.nthreads())
                alone_since = None if anybody else alone_since or time.monotonic()
                if alone_since is not None and time.monotonic() - alone_since > _ALONE_S:
                    raise self._deserted() from None
            except KilledWorker as killed:
                files = [str(path) for path in _paths(item)]
                more = f" and {len(files) - 4} more" if len(files) > 4 else ""
                raise CurateError(
                    "a piece of work was given up: each worker that was at it was lost",
                    where=", ".join(files[:4]) + more or self._terms.address,
                    found=f"the last one was {getattr(killed.last_worker, 'address', killed.last_worker)}",
                    done=STANDS,
                    hint="look at that worker's log (memory?), then type the same again; "
                    "without --scheduler this machine does the work",
                ) from None

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Say that the scheduler is lost where it is; any other error passes."""
        from distributed import CancelledError
        from distributed.comm.core import CommClosedError

        try:
            yield
        except (CancelledError, CommClosedError) as lost:
            raise self._lost() from lost
        except (OSError, RuntimeError) as error:
            if self._client.status == "running":
                raise
            raise self._lost() from error

    def _lost(self) -> CurateError:
        return CurateError(
            "the Dask scheduler was lost in mid-work",
            where=self._terms.address,
            found="the connection to it ended",
            done=f"{STANDS}; nothing half-written stands under a final name",
            hint="start it and its workers again, then type the same again; without --scheduler this machine goes on",
        )

    def _deserted(self) -> CurateError:
        return CurateError(
            "the Dask scheduler has no worker",
            where=self._terms.address,
            done=STANDS,
            hint=f"dask worker {self._terms.address} --nworkers auto --nthreads 1   on each machine",
        )

    def _call_off(self, futures: list[Any]) -> None:
        """Take back what nobody has begun, and wait until nobody is at the rest: it writes into a folder that goes."""
        with suppress(CurateError, OSError, RuntimeError), self._heard():  # lost: there is nobody to wait for
            self._client.cancel(futures, force=True)
            until = time.monotonic() + _ALONE_S
            while time.monotonic() < until and any(self._client.run(_at_work).values()):
                time.sleep(0.1)


def _library() -> Any:
    """Load `distributed`, and keep it from telling on stderr what an error here tells."""
    try:
        import distributed
    except ImportError as missing:
        raise CurateError(
            "a Dask cluster needs the package distributed, which is not installed",
            found=str(missing),
            done="nothing was begun",
            hint="pip install 'curate[cluster]'; without --scheduler this machine does the work",
        ) from missing
    for name in ("distributed", "tornado", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("distributed.")]:
        logging.getLogger(name).setLevel(logging.NOTSET)  # as the one above it says
    return distributed


def _first_line(error: BaseException) -> str:
    return next(filter(None, str(error).splitlines()), type(error).__name__)


def _paths(item: Any) -> Iterator[Path]:
    """Yield the files that an item names."""
    if isinstance(item, Path):
        yield item
    elif dataclasses.is_dataclass(item):
        for field in dataclasses.fields(item):
            yield from _paths(getattr(item, field.name))
    elif isinstance(item, list | tuple):
        for each in item:
            yield from _paths(each)


# What follows is called in the workers.

_working = 0
_count = threading.Lock()


def _task(terms: Terms, packed: bytes) -> Any:
    """Do one item, in a worker that is fit for it."""
    from distributed import get_worker

    global _working
    with _count:  # first of all: to load what an item needs takes seconds, and it is at work by then
        _working += 1
    try:
        _require_fit(terms, get_worker())
        for name in ONE_THREAD:  # before OpenCV is loaded
            os.environ[name] = "1"
        function, item = pickle.loads(packed)
        return function(item)
    finally:
        with _count:
            _working -= 1


def _at_work() -> int:
    return _working
