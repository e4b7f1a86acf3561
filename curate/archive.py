"""Zips read in place, zips inside zips too; what means harm is refused, and open ones are kept for the next call."""

from __future__ import annotations

import io
import os
import re
import struct
import tempfile
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from curate.errors import FetchError

LARGEST_MEMBER = 1 << 30  # bytes; no picture or label file comes near it
_BOMB_SIZE = 64 << 20  # bytes; below it no ratio does harm
_BOMB_RATIO = 100  # unpacked / packed; drawn masks reach 500, but only when they are small
_DEPTH = 3  # zips inside zips
_KEPT_OPEN = 8  # archives per thread
_SPOOL = 64 << 20  # bytes of a compressed inner zip kept in memory; more goes to a temporary file
_RAR = b"Rar!\x1a\x07"


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a zip, however deep; `size` in bytes unpacked, `crc` its CRC-32; `packed`: not stored plainly."""

    members: tuple[str, ...]
    size: int
    crc: int
    packed: bool

    @property
    def path(self) -> str:
        """Return the names down to it as one path."""
        return "/".join(self.members)

    @property
    def name(self) -> str:
        """Return the final name."""
        return PurePosixPath(self.members[-1]).name


def is_clutter(path: str) -> bool:
    """Tell whether a path is no content: `__MACOSX/`, `._*` and other hidden files and folders."""
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(path).parts)


def is_rar(path: Path) -> bool:
    """Tell by its first bytes whether a file is a RAR archive, which is not read in place."""
    with path.open("rb") as file:
        return file.read(len(_RAR)) == _RAR


def members_of(path: Path) -> list[Member]:
    """List the files in a zip, those of inner zips too (the inner zip itself is not listed), in the archive's order.

    Raises FetchError, naming archive and member: no zip or one cut short, a path that leads outside, a link,
    an encrypted member, one that unpacks to more than 1 GiB or is a bomb by its ratio, zips nested deeper than 3.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            return list(_list(_Archive(file, archive), (), str(path)))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, struct.error) as error:
        raise FetchError(
            "the zip cannot be read; it may have been cut short",
            where=str(path),
            expected="a whole zip archive",
            found=str(error) or type(error).__name__,
            hint="download or copy it again",
        ) from error


def read_member(path: Path, members: tuple[str, ...], where: str) -> bytes:
    """Return the bytes of a member (its name, after those of the zips it is in); the archive at `path` stays open
    for the next call of the same thread of the same process.

    Raises OSError or KeyError where archive or member is not there, FetchError, which names `where`, for one that is
    hostile or larger than 1 GiB, and FetchError for one that is damaged.
    """
    try:
        archive = _opened(path)
        for name in members[:-1]:
            archive = archive.inner(name)
        info = archive.zip.getinfo(members[-1])
        _refuse(info, where)
        return archive.zip.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, struct.error) as error:
        raise FetchError(
            "a member of an archive is damaged",
            where=f"{path}!/{'!/'.join(members)}",
            found=str(error) or type(error).__name__,
            hint="curate verify, then curate fetch",
        ) from error


def too_large(where: str) -> FetchError:
    """Return the error for a file, or a member, that is larger than any that a source can have."""
    return FetchError("too large to be a picture or a label file", where=where, expected="at most 1 GiB")


class _Archive:
    """An open zip with the file it stands in, and the inner zips opened so far."""

    def __init__(self, file: BinaryIO, archive: zipfile.ZipFile) -> None:
        self.file = file
        self.zip = archive
        self._inner: dict[str, _Archive] = {}

    def inner(self, name: str) -> _Archive:
        if name not in self._inner:
            info = self.zip.getinfo(name)
            file = self._window(info) if info.compress_type == zipfile.ZIP_STORED else self._unpacked(info)
            self._inner[name] = _Archive(file, zipfile.ZipFile(file))
        return self._inner[name]

    def _window(self, info: zipfile.ZipInfo) -> BinaryIO:
        # The central directory does not say how long the local header is: its own name and extra lengths do.
        self.file.seek(info.header_offset)
        header = self.file.read(30)
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile(f"no local header for {info.filename!r}")
        names, extra = struct.unpack("<HH", header[26:30])
        start = info.header_offset + 30 + names + extra
        return cast(BinaryIO, io.BufferedReader(_Window(self.file, start, info.file_size)))

    def _unpacked(self, info: zipfile.ZipInfo) -> BinaryIO:
        # A zip needs its end first and then jumps: a compressed one is unpacked once, not at each jump.
        spool = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115 - lives as long as the archive does
        with self.zip.open(info) as member:
            while chunk := member.read(1 << 20):
                spool.write(chunk)
        return cast(BinaryIO, spool)

    def close(self) -> None:
        for archive in self._inner.values():
            archive.close()
        self.zip.close()
        self.file.close()


class _Window(io.RawIOBase):
    """The bytes `start` to `start + size` of a file, as a file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        wanted = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._start + self._at)
        data = self._file.read(wanted)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _OpenArchives(threading.local):
    def __init__(self) -> None:
        self.process = os.getpid()
        self.by_key: OrderedDict[tuple[str, int, int], _Archive] = OrderedDict()


_open_archives = _OpenArchives()


def _opened(path: Path) -> _Archive:
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    if _open_archives.process != os.getpid():
        # After a fork parent and child share the file's position: the child opens its own.
        _open_archives.process = os.getpid()
        _open_archives.by_key = OrderedDict()
    kept = _open_archives.by_key
    if key not in kept:
        file = path.open("rb")
        try:
            kept[key] = _Archive(file, zipfile.ZipFile(file))
        except BaseException:
            file.close()
            raise
        while len(kept) > _KEPT_OPEN:
            kept.popitem(last=False)[1].close()
    kept.move_to_end(key)
    return kept[key]


def _list(archive: _Archive, above: tuple[str, ...], where: str) -> Iterator[Member]:
    if len(above) > _DEPTH:
        raise _refused("zips are nested too deep", where, f"at most {_DEPTH}", "/".join(above))
    for info in archive.zip.infolist():
        if info.is_dir():
            continue
        name = info.filename
        inner = name.lower().endswith(".zip") and not is_clutter(name)
        _refuse(info, where, inner=inner)
        if is_clutter(name):
            continue
        if inner:
            below = archive.inner(name)
            yield from _list(below, (*above, name), where)
            below.close()
            archive._inner.pop(name)
        else:
            yield Member((*above, name), info.file_size, info.CRC, info.compress_type != zipfile.ZIP_STORED)


def _refuse(info: zipfile.ZipInfo, where: str, *, inner: bool = False) -> None:
    name = info.filename
    if name.startswith("/") or "\\" in name or ".." in name.split("/") or re.match(r"[A-Za-z]:", name):
        raise _refused("a member of the archive leads outside of it", where, "a relative path", name)
    if (info.external_attr >> 16) & 0o170000 == 0o120000:
        raise _refused("a member of the archive is a link", where, "plain files", name)
    if info.flag_bits & 0x1:
        raise _refused("a member of the archive is encrypted", where, "plain members", name)
    if info.file_size > LARGEST_MEMBER and not (inner and info.compress_type == zipfile.ZIP_STORED):
        if not inner or info.file_size > _BOMB_RATIO * max(1, info.compress_size):
            raise too_large(f"{where}!/{name}")
    elif info.file_size > _BOMB_SIZE and info.file_size > _BOMB_RATIO * max(1, info.compress_size):
        raise _refused(
            "a member of the archive is a bomb",
            where,
            f"at most {_BOMB_RATIO} times its packed size",
            f"{name}: {info.compress_size} bytes that unpack to {info.file_size}",
        )


def _refused(what: str, where: str, expected: str, found: str) -> FetchError:
    return FetchError(what, where=where, expected=expected, found=found, done="nothing of it was taken")
