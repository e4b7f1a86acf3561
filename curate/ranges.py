"""An object on object storage as a file that is read at any place, with few requests and no byte too many."""

from __future__ import annotations

from pathlib import Path

from curate import storage
from curate.seekable import Seekable

_BLOCK = 1 << 16  # bytes of a request for what nobody announced: the list of members of a small archive, at once
_PIECE = 16 << 20  # bytes of a request for what was announced: all but a few pictures come at once


class Ranges(Seekable):
    """An object as a file to be read at any place: what was announced by `expect` comes in one request, up to 16 MiB.

    Raises FileNotFoundError where there is no such object, StorageError.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(storage.size_of(path))
        self._path = path
        self._expected = (0, 0)
        self._held = (0, b"")

    def expect(self, start: int, end: int) -> None:
        """Say which bytes will be read next."""
        self._expected = (start, end)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read on from there, no more than what was fetched at once."""
        wanted = max(0, min(len(buffer), self._size - self._at))
        start, data = self._held
        if wanted and not start <= self._at < start + len(data):
            start, data = self._held = self._fetched(wanted)
        piece = data[self._at - start : self._at - start + wanted] if wanted else b""
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _fetched(self, wanted: int) -> tuple[int, bytes]:
        start, (first, last) = self._at, self._expected
        if first <= start < last:
            start = first if last - first <= _PIECE else start
            end = min(last, start + _PIECE)
        else:
            end = min(self._size, start + max(wanted, _BLOCK))
            start = min(start, max(0, end - _BLOCK))  # what stands before the end is asked for next
        return start, storage.read(self._path, start, min(end, self._size))
