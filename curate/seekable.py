"""Bytes that lie elsewhere, as a file that is read at any place."""

from __future__ import annotations

import io
import os


class Seekable(io.RawIOBase):
    """A file of `_size` bytes, to be read at any place: who says how its bytes are read says `readinto` alone."""

    def __init__(self, size: int) -> None:
        self._size, self._at = size, 0

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read at any place."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; nothing is read yet."""
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at
