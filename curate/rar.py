"""A RAR read in place, through `rarfile`: what is stored in it as it is, the rest by a reader that is installed."""

from __future__ import annotations

import functools
import io
import os
import re
import struct
import sys
import threading
from pathlib import Path

import rarfile

from curate import storage
from curate.errors import FetchError, ReaderError, StorageError
from curate.hostile import LARGEST_MEMBER, MOST_MEMBERS, Entry, refuse, refuse_name, refused, shown, too_many
from curate.ranges import Ranges

DAMAGED = (rarfile.Error, OSError, ValueError, struct.error, LookupError, TypeError, AttributeError, ArithmeticError)
"""What `rarfile` raises for an archive that is damaged, or made to do harm: its own errors, and those of its parser."""

_SIGNATURE = b"Rar!\x1a\x07"
_READERS = {"unrar": "unrar", "unar": "unar", "7z": "sevenzip", "7zz": "sevenzip2", "bsdtar": "bsdtar"}
_HEADER = 16 << 10  # bytes; a name of the longest kind in both its spellings, and all that may stand beside it
_STEP = 1 << 20  # bytes asked for at a time
_TRIED = 3  # members read to learn whether the readers that are here know the archive's method

# Up to this size only the member's own piece of the archive is given to the reader, under no name that it could take
# for a pattern; beyond it the reader would be sent through the whole archive for each member.
rarfile.HACK_SIZE_LIMIT = LARGEST_MEMBER

_choosing = threading.Lock()  # `rarfile` keeps one reader for the whole process


def is_rar(path: Path) -> bool:
    """Tell by its first bytes whether a file is a RAR archive."""
    if storage.is_remote(path):
        return storage.read(path, 0, len(_SIGNATURE)) == _SIGNATURE
    with path.open("rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def readers() -> tuple[str, ...]:
    """Return the programs on the PATH that unpack RAR, or say so, the best first."""
    with _choosing:
        return tuple(_setups(os.environ.get("PATH", "")))


def how_to_install() -> str:
    """Return the command that installs a reader on this system."""
    if sys.platform == "darwin":
        return "brew install unar (or: brew install sevenzip)"
    if sys.platform == "win32":
        return "install 7-Zip and put its folder on the PATH"
    return "apt install unar (or unrar, or libarchive-tools; dnf and pacman have them too)"


class Rar:
    """A RAR archive: its headers are read once, the file is open only while a member is read.

    Raises FetchError, which names `where`, for one that is encrypted, one of several volumes, one cut short and one
    with more members than any source has; one of DAMAGED for what is no RAR.
    """

    def __init__(self, path: Path, where: str) -> None:
        self.path = path
        self.where = where
        self._blocks: list[int] = []
        self._last: str | None = None  # the reader that knew this archive
        self._ranges = Ranges(path) if storage.is_remote(path) else None
        source = io.BufferedReader(self._ranges) if self._ranges else str(path.absolute())
        try:
            self._rar = rarfile.RarFile(source, errors="strict", info_callback=self._met)
        except rarfile.NeedFirstVolume as part:
            raise self._parted() from part
        self._infos = {info.filename: info for info in self._rar.infolist() if not info.is_dir()}
        self._refuse_whole()

    def entries(self) -> list[Entry]:
        """Return the members in the archive's order, folders left out; the last of one name stands for all of it."""
        return [self.entry(name) for name in self._infos]

    def entry(self, name: str) -> Entry:
        """Return one member. Raises KeyError where there is none of that name."""
        info = self._infos[name]
        source = self._copied(info)
        plain = source.compress_type == rarfile.RAR_M0
        link = info.is_symlink() or source.file_redir is not None
        if plain and source.file_size != source.compress_size and not (link or info.needs_password()):
            raise rarfile.BadRarFile(f"{shown(name)} lies there unpacked, but its two sizes differ")
        return Entry(
            name,
            source.file_size,
            source.compress_size,
            info.CRC,
            plain,
            link=link,
            encrypted=info.needs_password(),
        )

    def read(self, name: str) -> bytes:
        """Return the bytes of a member, checked against its CRC or BLAKE2; never more than its header says.

        Raises KeyError where there is none, ReaderError where no reader is installed and one is needed, or where it is
        one of a solid archive on object storage, FetchError where those that are installed cannot unpack it, and one of
        DAMAGED where it lies there unpacked, and damaged.
        """
        entry = self.entry(name)
        refuse(entry, self.where)
        if entry.size == 0:
            return b""
        if entry.plain:
            return self._drained(name)
        if self._ranges is not None and self._rar.is_solid():  # all of it would be copied here, for each member anew
            raise ReaderError(
                "a solid RAR cannot be read in place on object storage",
                where=self.where,
                expected="a RAR that is not solid, or its unpacked content",
                found="members that can only be unpacked one after the other",
                hint="unpack it, then: curate fetch SOURCE --from FOLDER",
            )
        said = []
        for reader in sorted(readers(), key=lambda reader: reader != self._last):
            try:
                data = self._drained(name, reader)
            except DAMAGED as error:
                said.append(f"{reader}: {str(error) or type(error).__name__}")
            else:
                self._last = reader
                return data
        if not said:
            raise self._unreadable("nothing is installed that unpacks a RAR", "none of them is on the PATH")
        raise FetchError(
            "a member of a RAR cannot be unpacked: it is damaged, or the installed reader does not know its method",
            where=f"{self.where}!/{shown(name)}",
            found="; ".join(said),
            hint=f"{how_to_install()}; if that does not help, get the archive again from its publisher",
        )

    def unread(self) -> ReaderError | None:
        """Return why the members cannot be read here, None where they can be; a few are read to see it."""
        packed = [entry for entry in self.entries() if not entry.plain and entry.size]
        if self._rar.is_solid():
            packed = packed[1:] or packed  # the first is read even by who cannot go on to the next
        else:
            packed.sort(key=lambda entry: entry.size)
        refusal = None
        for entry in packed[:_TRIED]:
            try:
                self.read(entry.name)
            except StorageError:
                raise
            except ReaderError as error:
                return error
            except FetchError as error:
                refusal = refusal or self._unreadable(
                    "no reader that is installed unpacks this RAR", error.found or error.what
                )
            else:
                return None
        return refusal

    def close(self) -> None:
        """Do nothing: no file stays open."""

    def _drained(self, name: str, reader: str | None = None) -> bytes:
        if self._ranges is not None:
            info = self._copied(self._infos[name])
            self._ranges.expect(info.header_offset, info.data_offset + info.compress_size)
        with _choosing:
            if reader is not None:
                rarfile.CURRENT_SETUP = _setups(os.environ.get("PATH", ""))[reader]
            member = self._rar.open(self._infos[name])
        pieces = []
        with member:
            while piece := member.read(_STEP):
                pieces.append(piece)
        return b"".join(pieces)

    def _copied(self, info: rarfile.RarInfo) -> rarfile.RarInfo:
        """Return the member whose bytes are meant: another one, where this is a reference to equal content."""
        if info.file_redir is None or info.file_redir[0] != rarfile.RAR5_XREDIR_FILE_COPY:
            return info
        return self._infos.get(info.file_redir[2], info)

    def _met(self, block: rarfile.RarInfo) -> None:
        # Called for each block as it is read: nothing that a hostile archive has many of is waited for.
        self._blocks.append(block.type)
        if len(self._blocks) > MOST_MEMBERS:
            raise too_many(self.where)
        split = rarfile.RAR_FILE_SPLIT_BEFORE | rarfile.RAR_FILE_SPLIT_AFTER
        if block.type == rarfile.RAR_BLOCK_MAIN and block.flags & rarfile.RAR_MAIN_VOLUME:
            raise self._parted()
        if block.type == rarfile.RAR_BLOCK_FILE:
            if block.flags & split:
                raise self._parted()
            refuse_name(block.filename, self.where)
            if block.header_size > _HEADER:  # each such name may unpack to millions of characters, in seconds
                raise refused("a member's header is too large", self.where, f"{_HEADER} bytes", shown(block.filename))
            if (getattr(block, "file_flags", 0) or 0) & rarfile.RAR5_FILE_FLAG_UNKNOWN_SIZE:
                raise rarfile.BadRarFile(f"{shown(block.filename)} does not say how large it is")

    def _refuse_whole(self) -> None:
        if self._rar.needs_password() and not any(info.needs_password() for info in self._infos.values()):
            raise refused(
                "the archive is encrypted", self.where, "an archive whose members can be listed", "a password"
            )
        if rarfile.RAR_BLOCK_ENDARC not in self._blocks:
            raise rarfile.BadRarFile("it has no end")

    def _parted(self) -> FetchError:
        return FetchError(
            "the archive is one volume of several",
            where=self.where,
            expected="a RAR in one file",
            found="a part of one",
            done="nothing of it was taken",
            hint="unpack all parts together, then: curate fetch SOURCE --from FOLDER",
        )

    def _unreadable(self, what: str, found: str) -> ReaderError:
        return ReaderError(
            what,
            where=self.where,
            expected=f"one of {', '.join(_READERS)} that unpacks it",
            found=found,
            hint=f"{how_to_install()}; or unpack it elsewhere, then: curate fetch SOURCE --from FOLDER",
        )


class _Bsdtar(rarfile.ToolSetup):  # type: ignore[misc]  # `rarfile` has no types
    """How `bsdtar` is called: `rarfile` puts its `--` between `-f` and the archive, and `--` is then looked for."""

    def get_cmdline(self, key: str, pwd: str | None, nodash: bool = False) -> list[str]:
        words: list[str] = super().get_cmdline(key, pwd, nodash=True)
        return words

    def add_file_arg(self, cmdline: list[str], filename: str) -> None:
        # The name is the archive's: without `--` it could be an option, and some options run programs.
        cmdline += ["--", filename]


class _Unar(rarfile.ToolSetup):  # type: ignore[misc]  # `rarfile` has no types
    """How `unar` is called: it takes a name for a pattern, in which a slash matches nothing."""

    def add_file_arg(self, cmdline: list[str], filename: str) -> None:
        cmdline.append(re.sub(r"[/*\[\]]", "?", filename))


_CALLED = {"bsdtar": _Bsdtar, "unar": _Unar}


@functools.lru_cache(maxsize=8)
def _setups(path: str) -> dict[str, rarfile.ToolSetup]:
    """Return what `rarfile` knows of each reader on that PATH, the best first."""
    found = {}
    for reader, word in _READERS.items():
        only = {name: name == word for name in _READERS.values()}
        try:
            setup = rarfile.tool_setup(**only, force=True)
        except rarfile.RarCannotExec:
            continue
        found[reader] = _CALLED.get(reader, rarfile.ToolSetup)(setup.setup)
    return found
