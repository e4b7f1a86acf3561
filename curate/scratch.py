"""A folder for one run, gone when the run is: also where it was stopped, at the latest when the next one begins."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

try:
    import fcntl
except ImportError:  # pragma: no cover - not on this system: age alone tells there what is left behind
    fcntl = None  # type: ignore[assignment]

_LOCK = "lock"
_YOUNG_S = 60  # a folder without a lock may be one that is being made
_OLD_S = 7 * 86_400  # where nothing can be locked, older ones are left behind


@contextmanager
def scratch(parent: Path, prefix: str) -> Iterator[Path]:
    """Yield an empty folder in `parent`, and take it away afterwards, on SIGTERM too.

    What runs that were killed have left under the same prefix is taken away first; those that still run hold a lock.
    """
    _sweep(parent, prefix)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    try:
        with _locked(folder), _until_term():
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    held = os.open(folder / f"{_LOCK}.new", os.O_CREAT | os.O_RDWR)
    try:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        (folder / f"{_LOCK}.new").rename(folder / _LOCK)  # it is never there without being held
        yield
    finally:
        os.close(held)


def _sweep(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        if _left_behind(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _left_behind(folder: Path) -> bool:
    try:
        age = time.time() - folder.stat().st_mtime
        lock = folder / _LOCK
        if fcntl is None or not lock.exists():
            return age > (_OLD_S if fcntl is None else _YOUNG_S)
        with lock.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is held, or gone already
        return False
    return True


@contextmanager
def _until_term() -> Iterator[None]:
    """Let SIGTERM end the program by the way out, through every `finally`, where nobody else hears it."""

    def end(number: int, frame: Any) -> NoReturn:
        raise SystemExit(128 + number)

    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
