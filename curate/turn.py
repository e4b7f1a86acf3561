"""One writer at a time in one root: two would build on each other's half-made tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from curate import flock
from curate.errors import CorpusError

NAME = ".lock"
"""The file in `data_cache` that a writer holds. It stays there: whether it is locked, the system alone knows."""


class Turn:
    """The only right to write in a root; a context, which may be entered again inside.

    What dies lets go of it, and a copy of the file is locked by nobody. `wait` hears, in a sentence, for whom it waits;
    without it, it does not. Entering raises CorpusError where another process, or another turn in this one, has it, and
    OSError as the system does. Where the file system knows no locks, writers are not kept apart.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, Turn(Path(folder) / NAME):
    ...     Turn(Path(folder) / NAME).__enter__()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    curate.errors.CorpusError: another curate works on this root...
    """

    def __init__(self, path: Path, wait: Callable[[str], object] | None = None) -> None:
        self.path = path
        self.wait = wait
        self._depth = 0
        self._held = -1

    @property
    def held(self) -> bool:
        """Whether this is the one that may write now."""
        return self._depth > 0

    def __enter__(self) -> Turn:
        if self._depth == 0:
            self._held = self._taken()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            with suppress(OSError):  # what it says is for people, and it says nothing any more once it is let go
                os.ftruncate(self._held, 0)
            os.close(self._held)

    def _taken(self) -> int:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            held = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if flock.take(held) is False:
                    if self.wait is None:
                        raise self._refused()
                    self.wait(f"another curate works on this root ({self._whose()}): waiting until it has ended")
                    flock.take(held, wait=True)
                if self._is(held):
                    self._sign(held)
                    return held
            except BaseException:
                os.close(held)
                raise
            os.close(held)

    def _is(self, held: int) -> bool:
        """Tell whether the file still has its name: `data_cache` may be taken away at any time."""
        try:
            return os.path.samestat(os.fstat(held), self.path.stat())
        except FileNotFoundError:
            return False

    def _sign(self, held: int) -> None:
        with suppress(OSError):  # a full disk: that is said by who needs the room
            os.ftruncate(held, 0)
            os.write(held, f"{flock.me()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC".encode())

    def _whose(self) -> str:
        return self.path.read_bytes().decode("utf-8", "replace") or "a process that has begun this moment"

    def _refused(self) -> CorpusError:
        return CorpusError(
            "another curate works on this root",
            where=str(self.path),
            found=self._whose(),
            done="nothing was changed",
            hint="wait until it has ended, then type the same again; with --wait it waits by itself",
        )
