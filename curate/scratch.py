"""A folder for one run, gone when the run is: also where it was stopped, at the latest when the next one begins."""

from __future__ import annotations

import glob
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from curate import flock
from curate.errors import CorpusError

_LOCK = "curate.lock"
_YOUNG_S = 60  # an empty folder without a lock may be one that is being made
_OLD_S = 7 * 86_400  # where nothing can be locked, older ones are left behind


@contextmanager
def scratch(parent: Path, prefix: str, *, alone: Path | None = None) -> Iterator[Path]:
    """Yield a folder of a name of its own in `parent`, and take it away afterwards, on SIGTERM too.

    It holds the lock of this run and nothing else. What runs that were killed have left under the same prefix is taken
    away first; those that still run hold their lock. `alone`: what is made in it, and may be made by one run at a time;
    raises CorpusError, with the process, where another is at it. Raises OSError as the system does.
    """
    with _until_term():
        folder, held = _begin(parent, prefix, alone)
        try:
            yield folder
        finally:
            _remove(folder)
            os.close(held)


def sweep(parent: Path, pattern: str) -> None:
    """Take away what runs that were killed have left in `parent` under names of this pattern."""
    for folder in left_behind(parent, pattern):
        _remove(folder)


def left_behind(parent: Path, pattern: str) -> list[Path]:
    """Return the folders in `parent` under names of this pattern whose run has been killed, sorted."""
    return [folder for folder in sorted(parent.glob(pattern)) if _is_left_behind(folder)]


def _begin(parent: Path, prefix: str, alone: Path | None) -> tuple[Path, int]:
    pattern = f"{glob.escape(prefix)}*"
    with _in_turn(parent):  # else two could look at the same time, and neither see the other
        if alone is not None:
            for other in parent.glob(pattern):
                if _held(other):
                    raise _refused(alone, other)
        sweep(parent, pattern)
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        try:
            return folder, _locked(folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


@contextmanager
def _in_turn(parent: Path) -> Iterator[None]:
    """Hold `parent` itself for a moment, where the system and the disk can do that."""
    held = None
    with suppress(OSError):  # a folder that may not be read, or a system that opens none
        held = os.open(parent, os.O_RDONLY)
        flock.take(held, wait=True)
    try:
        yield
    finally:
        if held is not None:
            os.close(held)


def _locked(folder: Path) -> int:
    """Lock a new folder, and say in the lock whose it is."""
    new = folder / f"{_LOCK}.new"
    held = os.open(new, os.O_CREAT | os.O_RDWR)
    try:
        flock.take(held, wait=True)
        os.write(held, flock.me().encode())
        new.rename(folder / _LOCK)  # it is never there without being held
    except BaseException:
        os.close(held)
        raise
    return held


def _held(folder: Path) -> bool | None:
    """Tell whether a run still holds the lock of a folder; None where that cannot be told, or there is none."""
    try:
        with (folder / _LOCK).open("rb") as file:
            taken = flock.take(file.fileno(), shared=True)
    except OSError:  # there is none, or it is gone this moment
        return None
    return None if taken is None else not taken


def _is_left_behind(folder: Path) -> bool:
    """Whatever has no lock of ours and is not empty is somebody else's, whatever its name."""
    if folder.is_symlink():
        return False
    held = _held(folder)
    if held is not None:
        return not held
    try:
        inside = {path.name for path in folder.iterdir()}
        age = time.time() - folder.stat().st_mtime
    except OSError:  # gone already, or no folder
        return False
    if _LOCK in inside:
        return age > _OLD_S
    return inside <= {f"{_LOCK}.new"} and age > _YOUNG_S


def _remove(folder: Path) -> None:
    """Take a folder away, its lock last: so that one of which a part is gone is still known as left behind."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _LOCK:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _refused(alone: Path, other: Path) -> CorpusError:
    try:
        whose = (other / _LOCK).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):  # it has ended this moment
        whose = "a process that has ended meanwhile"
    return CorpusError(
        f"another curate is writing {alone.name}",
        where=str(alone),
        found=whose,
        done="nothing was changed",
        hint="wait until it has ended, then type the same again",
    )


@contextmanager
def _until_term() -> Iterator[None]:
    """Let SIGTERM end the program by the way out, through every `finally`, where nobody else hears it."""

    ended = []

    def end(number: int, frame: Any) -> NoReturn:
        ended.append(128 + number)
        raise SystemExit(ended[0])

    mine = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if mine:
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt as stopped:
        if ended:  # DuckDB, while it works, makes one thing of all that a signal raises
            raise SystemExit(ended[0]) from stopped
        raise
    finally:
        if mine:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
