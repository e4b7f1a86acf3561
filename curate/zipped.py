"""A zip read in place: its members, the zips inside it, and no more memory than its members may have."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from typing import BinaryIO, cast

from curate.hostile import LARGEST_MEMBER, MOST_MEMBERS, Entry, refused, shown, too_large, too_many
from curate.inflated import Inflated
from curate.seekable import Seekable

DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error, ValueError)
"""What the standard library raises for a zip that is damaged, or made to do harm."""

_DIRECTORY = 32 << 20  # bytes of the list of members that are read; 100,000 members have some 10 MB
_STEP = 1 << 20  # bytes asked for at a time
# No source uses others, and the standard library unpacks all of a piece of bzip2 or LZMA at once, whatever its header
# says: a kilobyte may fill the memory.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # a password; strong encryption; an encrypted list of members
_LOCAL_HEADER = 30  # bytes, without the name
_END = 64 << 10  # bytes in which the end of a zip is looked for, and all of a short list of members found
_MORE = 256  # bytes by which a local header may be longer than the list of members lets expect


class Zip:
    """An open zip with the file it stands in, and the inner zips opened so far.

    Raises one of DAMAGED for what is no zip; FetchError, which names `where`, for a list of members of over 32 MiB.
    """

    def __init__(self, raw: io.RawIOBase, where: str) -> None:
        self.where = where
        self._file = _Careful(raw, where)
        self._inner: dict[str, Zip] = {}
        try:
            size = self._file.seek(0, os.SEEK_END)
            self._file.expect(max(0, size - _END), size)
            self._zip = zipfile.ZipFile(cast(BinaryIO, self._file))
        except BaseException:
            self._file.close()
            raise

    def entries(self) -> list[Entry]:
        """Return the members in the archive's order, folders left out.

        Raises FetchError where there are too many of them, where they share bytes or reach beyond the list of members,
        or are packed by another method than deflate.
        """
        if len(self._zip.infolist()) > MOST_MEMBERS:
            raise too_many(self.where)
        infos = [info for info in self._zip.infolist() if not info.filename.endswith("/")]
        self._refuse_overlaps(infos)
        return [self._entry(info) for info in infos]

    def entry(self, name: str) -> Entry:
        """Return one member. Raises KeyError where there is none of that name."""
        return self._entry(self._zip.getinfo(name))

    def read(self, name: str) -> bytes:
        """Return the bytes of a member, checked against its CRC; never more than the list of members says."""
        return b"".join(self._pieces(self._zip.getinfo(name)))

    def inner(self, name: str) -> Zip:
        """Return the zip inside that is the member of that name, read in place."""
        if name not in self._inner:
            info = self._zip.getinfo(name)
            inside: io.RawIOBase = self._window(info)
            if info.compress_type != zipfile.ZIP_STORED:
                inside = Inflated(inside, info.file_size, info.CRC)
            self._inner[name] = Zip(inside, f"{self.where}!/{shown(name)}")
        return self._inner[name]

    def forget(self, name: str) -> None:
        """Close an inner zip."""
        self._inner.pop(name).close()

    def close(self) -> None:
        """Close the zip, those inside it and the file."""
        for inner in self._inner.values():
            inner.close()
        self._zip.close()
        self._file.close()

    def _entry(self, info: zipfile.ZipInfo) -> Entry:
        if info.compress_type not in _METHODS:
            raise refused(
                "a member of the archive is packed in a way that cannot be read",
                self.where,
                "stored or deflated",
                f"{shown(info.filename)}: method {info.compress_type}",
            )
        return Entry(
            info.orig_filename,  # `filename` ends at the first NUL, and hides what follows
            info.file_size,
            info.compress_size,
            info.CRC,
            info.compress_type == zipfile.ZIP_STORED,
            link=(info.external_attr >> 16) & 0o170000 == 0o120000,
            encrypted=bool(info.flag_bits & _ENCRYPTED),
        )

    def _refuse_overlaps(self, infos: list[zipfile.ZipInfo]) -> None:
        # Many entries that share one kernel unpack to far more than any ratio of one of them says.
        placed = sorted(infos, key=lambda info: info.header_offset)
        ends = [info.header_offset for info in placed[1:]] + [self._zip.start_dir]
        for info, end in zip(placed, ends, strict=False):
            if info.header_offset < 0 or info.header_offset + _LOCAL_HEADER + info.compress_size > end:
                raise refused(
                    "members of the archive overlap",
                    self.where,
                    "each member in a place of its own",
                    f"{shown(info.filename)} reaches into what follows it",
                )

    def _pieces(self, info: zipfile.ZipInfo) -> list[bytes]:
        if info.file_size > LARGEST_MEMBER:
            raise too_large(f"{self.where}!/{shown(info.filename)}", f"{info.file_size} bytes")
        pieces = []
        self._expect(info)
        with self._zip.open(info) as member:
            while piece := member.read(_STEP):
                pieces.append(piece)
        return pieces

    def _expect(self, info: zipfile.ZipInfo) -> None:
        # The central directory does not say how long the local header is: a little more than it should be.
        header = _LOCAL_HEADER + len(info.orig_filename.encode()) + len(info.extra) + _MORE
        self._file.expect(info.header_offset, info.header_offset + header + info.compress_size)

    def _window(self, info: zipfile.ZipInfo) -> io.RawIOBase:
        # The central directory does not say how long the local header is: its own name and extra lengths do.
        self._file.seek(info.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"no local header for {info.filename!r}")
        names, extra = struct.unpack("<HH", header[26:30])
        start = info.header_offset + _LOCAL_HEADER + names + extra
        return _Window(self._file, start, info.compress_size)


class _Careful(io.BufferedReader):
    """A file of which no more is read at once than a list of members may have, whatever the zip asks for."""

    def __init__(self, raw: io.RawIOBase, where: str) -> None:
        super().__init__(raw)
        self._where = where
        self._expect = getattr(raw, "expect", None)

    def expect(self, start: int, end: int) -> None:
        """Tell who fetches the bytes, where they have to be fetched, which will be read next."""
        if self._expect is not None:
            self._expect(start, end)

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            at = self.tell()
            size = self.seek(0, os.SEEK_END) - at
            self.seek(at)
        if size > _DIRECTORY:
            raise refused(
                "the archive's list of members is too large",
                self._where,
                f"at most {_DIRECTORY >> 20} MiB",
                f"{size} bytes",
            )
        return super().read(size)


class _Window(Seekable):
    """The bytes `start` to `start + size` of a file, as a file."""

    def __init__(self, file: _Careful, start: int, size: int) -> None:
        super().__init__(size)
        self._file, self._start = file, start

    def expect(self, start: int, end: int) -> None:
        """Say of the file around it what is said of this."""
        self._file.expect(self._start + start, self._start + min(end, self._size))

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read1(wanted)  # no more than what is there at once: the rest may have to be fetched
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
