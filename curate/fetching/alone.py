"""One fetch at a time in one root: two would write the lock over each other's heads."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.errors import FetchError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: two fetches are not kept apart there
    fcntl = None  # type: ignore[assignment]

_PATIENCE = 1.0  # seconds that a second fetch waits for the first
_PAUSE = 0.05  # seconds


@contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Hold the only right to fetch in a root; the system takes it back from a process that is killed.

    Raises FetchError where another curate has it and does not give it up within a moment.
    """
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / ".fetch.lock"
    with path.open("ab") as file:
        if fcntl is not None:
            deadline = time.monotonic() + _PATIENCE
            while not _taken(file.fileno()):
                if time.monotonic() > deadline:
                    raise FetchError(
                        "another curate fetches in this root",
                        where=str(path),
                        done="nothing was changed",
                        hint="wait until it has ended, then run the same command again",
                    )
                time.sleep(_PAUSE)
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that knows no locks: done without, as where the system has none
        return True
    return True
