"""A deflated member of a zip as a file that is read at any place: unpacked as it is read, and kept nowhere as a whole.

Deflate can only be read from its beginning. While it is read through for the first time, copies of the unpacker's state
are kept at some places on the way (the idea of zlib's own example `zran.c`, M. Adler): who goes back begins at the
nearest of them. So neither disk nor memory holds a copy of an archive within an archive, however large it is.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import Any

from curate.seekable import Seekable

_APART = 4 << 20  # unpacked bytes between two marks, at least: some 15 ms of unpacking
_MOST = 256  # marks, of some 60 KB each
_PACKED = 16 << 10  # packed bytes handed to the unpacker at a time: a mark holds what of them is left
_PIECE = 64 << 10  # bytes unpacked at a time
_AHEAD = 4 << 20  # packed bytes that are announced at a time, where they have to be fetched


class Inflated(Seekable):
    """The unpacked bytes of a member, of which there are `size`, as a file; `packed` holds the packed ones.

    All of it is read once at the beginning. Raises BadZipFile where it is not the `size` or the CRC-32 that the list of
    members says, zlib.error or EOFError where it is damaged or cut short.
    """

    def __init__(self, packed: Any, size: int, crc: int) -> None:
        super().__init__(size)
        self._packed = packed
        self._marks = [(0, 0, zlib.decompressobj(-zlib.MAX_WBITS))]  # unpacked and packed bytes before it, state
        self._announced = 0
        self._go_to(0)
        self._read_through(crc)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Read on from there, no more than what is unpacked at once."""
        if self._at >= self._size or not len(buffer):
            return 0
        if self._at < self._start or self._nearest(self._at) > self._end:
            self._go_to(self._at)
        while self._at >= self._end:
            self._unpack()
        begin = self._at - self._start
        data = self._piece[begin : begin + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        """Let go of the marks and of the packed bytes."""
        self._marks = self._marks[:1]
        self._packed.close()
        super().close()

    @property
    def _end(self) -> int:
        return self._start + len(self._piece)

    def _nearest(self, at: int) -> int:
        return max(before for before, _, _ in self._marks if before <= at)

    def _go_to(self, at: int) -> None:
        """Begin anew at the last mark before a place."""
        self._start, self._taken, state = max((mark for mark in self._marks if mark[0] <= at), key=lambda mark: mark[0])
        self._state, self._piece = state.copy(), b""
        self._announced = 0

    def _unpack(self) -> None:
        """Unpack the next piece. Raises EOFError where there is none."""
        self._start, self._piece = self._end, b""
        while not self._piece:
            data = self._state.unconsumed_tail or self._more()
            ended = self._state.eof
            self._piece = b"" if ended else self._state.decompress(data, _PIECE)
            if not self._piece and (ended or not data):
                raise EOFError(f"the packed bytes end after {self._start:,} of {self._size:,} unpacked ones")

    def _more(self) -> bytes:
        if self._taken >= self._announced and hasattr(self._packed, "expect"):
            self._announced = self._taken + _AHEAD
            self._packed.expect(self._taken, self._announced)
        self._packed.seek(self._taken)
        data = self._packed.read(_PACKED)
        self._taken += len(data)
        return bytes(data)

    def _read_through(self, crc: int) -> None:
        apart = max(_APART, self._size // _MOST)
        found = 0
        while self._end < self._size:
            self._unpack()
            found = zlib.crc32(self._piece, found)
            if self._end - self._marks[-1][0] >= apart:
                self._marks.append((self._end, self._taken, self._state.copy()))
        if self._end != self._size or found != crc:
            raise zipfile.BadZipFile(f"not what the list of members says: CRC-32 {found:08x} instead of {crc:08x}")
