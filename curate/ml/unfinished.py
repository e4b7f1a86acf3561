"""A training that is not done: its own folder beside the run that it will be, which one process holds at a time."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from curate.errors import TrainError

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: two trainings are not kept apart there
    fcntl = None  # type: ignore[assignment]

FOLDERS = ".*.unfinished"
"""The names of such folders below `runs`."""
_LOCK = "lock"


def folder_of(run: Path) -> Path:
    """Return where a run is while it is not done."""
    return run.with_name(f".{run.name}.unfinished")


@contextmanager
def held(run: Path) -> Iterator[Path]:
    """Yield the folder of a training that is not done, as whoever began it has left it; it is held until the end.

    It stays where the training ends without a run, if there is anything in it, and is taken away once the run is there.
    The system gives the hold back where a process is killed. Raises TrainError, with the process, where another holds
    it; OSError as the system does.
    """
    folder = folder_of(run)
    lock = _take(folder, run)
    try:
        yield folder
    finally:
        if run.is_dir() or {path.name for path in folder.iterdir()} <= {_LOCK}:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # not empty: other runs are in it
                run.parent.rmdir()
        os.close(lock)


def sweep(run: Path) -> None:
    """Take away what was left beside a run that is done, unless another process is at it this moment."""
    if folder_of(run).is_dir():
        with suppress(TrainError), held(run):
            pass


def _take(folder: Path, run: Path) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            whose = os.read(lock, 200).decode("utf-8", "replace") or "another process"
            os.close(lock)
            raise TrainError(
                "this very training is running already",
                where=str(run),
                found=whose,
                done="nothing was changed",
                hint="wait until it has ended, or stop it: curate train then goes on from its last whole epoch",
            ) from None
        except OSError:  # a file system that knows no locks: done without
            pass
        with suppress(OSError):
            if os.path.samestat(os.fstat(lock), (folder / _LOCK).stat()):
                os.truncate(lock, 0)
                os.pwrite(lock, f"process {os.getpid()} on {platform.node()}".encode(), 0)
                return lock
        os.close(lock)  # who held it took the folder away this moment
