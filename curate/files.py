"""A read-only view of one source's tree: plain files and members of archives, all read in place."""

from __future__ import annotations

import fnmatch
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from curate import storage
from curate.archive import is_clutter, members_of, read_member
from curate.errors import FetchError, ParseError
from curate.hostile import LARGEST_MEMBER, too_large
from curate.ranges import Ranges

LARGEST_TEXT = 128 << 20  # bytes; the largest label file has 3 MB, a table of a million rows 100
_AHEAD = 1 << 20  # bytes of an object that are asked for at a time where it is read from beginning to end
_ESCAPES = {"%": "%25", "!": "%21"}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_LINE_END = re.compile("\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Location:
    """Where bytes are: in the object of that hash, or in a member of it, or in a member of that member's zip.

    >>> Location("ab12", ("images/part_1.zip", "part_1/x.png")).text()
    'ab12!/images/part_1.zip!/part_1/x.png'
    """

    object: str
    members: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the canonical string, `<sha256>!/<member>!/<member of it>` (`!` and `%` in names as %21 and %25)."""
        return "!/".join([self.object, *(re.sub("[%!]", lambda hit: _ESCAPES[hit[0]], name) for name in self.members)])

    @classmethod
    def parse(cls, text: str) -> Location:
        """Read what `text()` wrote."""
        first, *members = text.split("!/")
        return cls(first, tuple(name.replace("%21", "!").replace("%25", "%") for name in members))


class Files:
    """The tree of one source: `{tree path: Location}`, and where the objects are."""

    def __init__(self, locations: Mapping[str, Location], object_path: Callable[[str], Path]) -> None:
        self._locations = dict(sorted(locations.items()))
        self._object_path = object_path
        self._named: dict[str, list[str]] = {}
        for path in self._locations:
            self._named.setdefault(PurePosixPath(path).name, []).append(path)

    @classmethod
    def of_folder(cls, folder: Path) -> Files:
        """Return the same view of a plain folder, archives in it looked into (their path stands as a folder).

        Raises FetchError for an archive that cannot be read.
        """
        locations: dict[str, Location] = {}
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder).as_posix()
            if path.is_dir() or is_clutter(relative):
                continue
            if path.suffix.lower() in {".zip", ".rar"}:
                for member in members_of(path):
                    locations[f"{relative}/{member.path}"] = Location(relative, member.members)
            else:
                locations[relative] = Location(relative)
        return cls(locations, folder.joinpath)

    def __iter__(self) -> Iterator[str]:
        """Yield all tree paths, sorted."""
        return iter(self._locations)

    def __len__(self) -> int:
        return len(self._locations)

    def __contains__(self, path: object) -> bool:
        return path in self._locations

    def named(self, name: str) -> str | None:
        """Return the tree path of the file whose final name is exactly `name` (the first in path order), or None."""
        paths = self._named.get(name)
        return paths[0] if paths else None

    def matching(self, glob: str) -> list[str]:
        """Return the tree paths whose final name matches (case-sensitive; `*`, `?`, `[...]`), sorted."""
        fits = re.compile(fnmatch.translate(glob)).match
        return sorted(path for name, paths in self._named.items() if fits(name) for path in paths)

    def location(self, path: str) -> Location:
        """Return where the file's bytes are. Raises FetchError where the tree has no such path."""
        try:
            return self._locations[path]
        except KeyError:
            raise FetchError("no such file in the source's tree", where=path, hint="curate fetch") from None

    def object_path(self, path: str) -> Path:
        """Return the file on disk that holds the bytes of that tree path (an archive, for its members)."""
        return self._object_path(self.location(path).object)

    def read(self, path: str) -> bytes:
        """Return all bytes. Raises FetchError for a tree path or an object that is not there, or is damaged."""
        return read_location(self.location(path), self.object_path(path))

    def open(self, path: str) -> BinaryIO:
        """Open for reading, seekable. Raises FetchError as `read` does."""
        return open_location(self.location(path), self.object_path(path))

    def text(self, path: str, encoding: str = "utf-8") -> str:
        """Return the text, without a byte order mark and without the Ctrl-Z that DOS ends a text with.

        Line ends stay as they are. What begins with the mark of UTF-16 is read as that: it can be nothing else.
        Raises ParseError naming the file, the line and the byte at which it is not of that encoding, for a control
        character (a NUL, an escape), which no label file has and which steers terminals, and for more than 128 MiB.
        """
        with self.open(path) as file:
            data = file.read(LARGEST_TEXT + 1)
        if len(data) > LARGEST_TEXT:
            raise ParseError(
                "a text file is larger than any label file",
                where=path,
                expected=f"at most {LARGEST_TEXT:,} bytes",
                found="more",
                hint="put the official file there and fetch again",
            )
        if data.startswith(_UTF_16) and _is_utf_8(encoding):
            encoding = "utf-16"
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            raise ParseError(
                "a text file is not in its encoding",
                where=f"{path}, line {_line(data[: error.start].decode('latin-1'))}, byte {error.start}",
                expected=encoding.upper(),
                found="0x" + data[error.start : error.start + 4].hex(),
                hint="save it as UTF-8 (in a spreadsheet: CSV UTF-8), or put the official file there, and fetch again",
            ) from error
        text = text.lstrip("\ufeff").rstrip("\x1a")
        control = _CONTROL.search(text)
        if control is not None:
            raise ParseError(
                "a text file holds a NUL byte" if control[0] == "\0" else "a text file holds a control character",
                where=f"{path}, line {_line(text[: control.start()])}",
                expected="text, tabs and line ends",
                found=f"U+{ord(control[0]):04X}",
                hint="save it as UTF-8 (in a spreadsheet: CSV UTF-8), or put the official file there, and fetch again",
            )
        return text


def _is_utf_8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in {"utf-8", "utf8"}


def _line(before: str) -> int:
    """Return the number of the line that begins or goes on after this text."""
    return len(_LINE_END.findall(before)) + 1


def open_location(location: Location, object_path: Path) -> BinaryIO:
    """Open the bytes at a location for reading, seekable; members are read whole first, so their CRC is checked."""
    if location.members:
        return io.BytesIO(read_location(location, object_path))
    try:
        if storage.is_remote(object_path):
            return io.BufferedReader(Ranges(object_path), _AHEAD)
        return object_path.open("rb")
    except OSError as error:
        raise _lost(location, object_path, error) from error


def read_location(location: Location, object_path: Path) -> bytes:
    """Return the bytes at a location; open archives are kept for the next call of the same thread of the same process.

    Raises FetchError where the object is not there, the member is damaged, or it is larger than 1 GiB; ReaderError
    where it is in a RAR that needs a program to unpack it, and none is installed; StorageError where it lies on object
    storage, which is not reached or refuses.
    """
    try:
        if location.members:
            return read_member(object_path, location.members, location.text())
        if storage.is_remote(object_path):
            data = storage.read(object_path, 0, LARGEST_MEMBER + 1)  # its size would be a request more
            if len(data) > LARGEST_MEMBER:
                raise too_large(str(object_path))
            return data
        if object_path.stat().st_size > LARGEST_MEMBER:
            raise too_large(str(object_path))
        return object_path.read_bytes()
    except (OSError, KeyError) as error:
        raise _lost(location, object_path, error) from error


def _lost(location: Location, object_path: Path, error: Exception) -> FetchError:
    return FetchError(
        "bytes that the corpus knows are not there",
        where=f"{object_path} ({location.text()})",
        found=str(error),
        hint="curate fetch",
    )
