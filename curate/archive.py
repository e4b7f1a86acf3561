"""Archives read in place: zips, zips inside zips, and RARs; what means harm is refused, and open ones are kept."""

from __future__ import annotations

import io
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from curate import hostile, rar, storage, zipped
from curate.errors import FetchError, ReaderError
from curate.ranges import Ranges
from curate.rar import Rar, is_rar
from curate.zipped import Zip

_DEPTH = 3  # zips inside zips
_KEPT_OPEN = 8  # archives per thread


@dataclass(frozen=True, slots=True)
class Member:
    """One file in an archive, however deep; `size` in bytes unpacked, `crc` its CRC-32, None where none is kept."""

    members: tuple[str, ...]
    size: int
    crc: int | None

    @property
    def path(self) -> str:
        """Return the names down to it as one path."""
        return "/".join(self.members)

    @property
    def name(self) -> str:
        """Return the final name."""
        return self.members[-1].rpartition("/")[2] or PurePosixPath(self.members[-1]).name


def is_clutter(path: str) -> bool:
    """Tell whether a path is no content: `__MACOSX/`, `._*` and other hidden files and folders."""
    if "__MACOSX" not in path and "/." not in f"/{path}":  # an archive may have half a million members
        return False
    return any(part == "__MACOSX" or part.startswith(".") for part in PurePosixPath(path).parts)


def members_of(path: Path) -> list[Member]:
    """List the files in an archive, those of inner zips too (the inner zip itself is not listed), in its order.

    A zip inside a RAR is one of its files. Raises FetchError, naming archive and member: no archive or one cut short,
    a name that leads outside or that no file can have, a link, an encrypted member, one that unpacks to more than
    1 GiB or is a bomb by its ratio, members that overlap, more than 500,000 of them, zips nested deeper than 3.
    """
    kind = "zip"
    damaged: tuple[type[Exception], ...] = (*zipped.DAMAGED, OSError)
    try:
        if is_rar(path):
            kind, damaged = "RAR", rar.DAMAGED
            return list(_in_rar(Rar(path, str(path)), str(path)))
        archive = Zip(_raw(path), str(path))
        try:
            return list(_counted(_in_zip(archive, ()), str(path)))
        finally:
            archive.close()
    except damaged as error:
        raise FetchError(
            f"the {kind} cannot be read; it may have been cut short",
            where=str(path),
            expected=f"a whole {kind} archive",
            found=hostile.shown(str(error)) or type(error).__name__,
            hint="download or copy it again",
        ) from error


def read_member(path: Path, members: tuple[str, ...], where: str) -> bytes:
    """Return the bytes of a member (its name, after those of the zips it is in); the archive at `path` stays open
    for the next call of the same thread of the same process.

    Raises OSError or KeyError where archive or member is not there, FetchError, which names `where`, for one that is
    hostile or larger than 1 GiB, FetchError for one that is damaged, and ReaderError for one in a RAR that needs a
    program to unpack it where none is installed.
    """
    damaged: tuple[type[Exception], ...] = zipped.DAMAGED
    try:
        archive = _opened(path)
        if isinstance(archive, Rar):
            damaged = rar.DAMAGED
        else:
            for name in members[:-1]:
                archive = archive.inner(name)
        hostile.refuse(archive.entry(members[-1]), where)
        return archive.read(members[-1])
    except (OSError, KeyError):
        raise
    except damaged as error:
        raise FetchError(
            "a member of an archive is damaged",
            where=f"{path}!/{'!/'.join(map(hostile.shown, members))}",
            found=str(error) or type(error).__name__,
            hint="curate verify, then curate fetch",
        ) from error


def unread(path: Path) -> ReaderError | None:
    """Return why the members of an archive cannot be read here though it is whole: a RAR for which no program is
    installed. Raises FetchError as `members_of` does.
    """
    if not is_rar(path):
        return None
    members_of(path)
    archive = _opened(path)
    return archive.unread() if isinstance(archive, Rar) else None


class _OpenArchives(threading.local):
    def __init__(self) -> None:
        self.process = os.getpid()
        self.by_key: OrderedDict[tuple[str, int, int], Zip | Rar] = OrderedDict()


_open_archives = _OpenArchives()


def _opened(path: Path) -> Zip | Rar:
    if storage.is_remote(path):
        key = (str(path), 0, 0)  # an object's name is its hash: there are never other bytes under it
    else:
        state = path.stat()
        key = (str(path), state.st_size, state.st_mtime_ns)
    if _open_archives.process != os.getpid():
        # After a fork parent and child share the file's position: the child opens its own.
        _open_archives.process = os.getpid()
        _open_archives.by_key = OrderedDict()
    kept = _open_archives.by_key
    if key not in kept:
        kept[key] = Rar(path, str(path)) if is_rar(path) else Zip(_raw(path), str(path))
        while len(kept) > _KEPT_OPEN:
            kept.popitem(last=False)[1].close()
    kept.move_to_end(key)
    return kept[key]


def _raw(path: Path) -> io.RawIOBase:
    return Ranges(path) if storage.is_remote(path) else cast(io.RawIOBase, path.open("rb", buffering=0))


def _in_zip(archive: Zip, above: tuple[str, ...]) -> Iterator[Member]:
    if len(above) > _DEPTH:
        raise hostile.refused("zips are nested too deep", archive.where, f"at most {_DEPTH}", f"{len(above)} and more")
    for entry in archive.entries():
        inner = entry.name.lower().endswith(".zip") and not is_clutter(entry.name)
        hostile.refuse(entry, archive.where, inner=inner)
        if inner:
            yield from _in_zip(archive.inner(entry.name), (*above, entry.name))
            archive.forget(entry.name)
        elif not is_clutter(entry.name):
            yield Member((*above, entry.name), entry.size, entry.crc)


def _in_rar(archive: Rar, where: str) -> Iterator[Member]:
    for entry in archive.entries():
        hostile.refuse(entry, where)
        if not is_clutter(entry.name):
            yield Member((entry.name,), entry.size, entry.crc)


def _counted(members: Iterator[Member], where: str) -> Iterator[Member]:
    for number, member in enumerate(members):
        if number == hostile.MOST_MEMBERS:
            raise hostile.too_many(where)
        yield member
