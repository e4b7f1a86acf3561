"""What of one source is here, and the tree of it that parsers see, listed in `incoming/<source>.json`."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import zlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from curate import storage, whole
from curate.archive import Member, members_of, unread
from curate.errors import FetchError, ReaderError, StorageError
from curate.files import Location, read_location
from curate.lock import LockedFile, Loose
from curate.manifest import Manifest, RemoteFile
from curate.rar import how_to_install
from curate.store import Store

# The last line of a listing: the hash of all that stands before it.
_SEAL = re.compile(r',\n "sha256": "([0-9a-f]{64})"\n}\n\Z')


def listing(path: Path, source: str) -> dict[str, Any] | None:
    """Return what the listing of a source's tree says; None where nothing was fetched.

    Raises FetchError for one that is not as it was written: a bit that flipped could name another file, and no error
    would come of it. One from before listings had a hash has none, and is taken as it is.
    """
    try:
        text = path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    given = _parsed(text)
    seal = _SEAL.search(text, max(0, len(text) - 100))
    found = hashlib.sha256(text[: seal.start()].encode()).hexdigest() if seal else "no hash"
    if given is None or (seal[1] != found if seal else "sha256" in given):
        raise FetchError(
            "the listing of a source's tree is damaged",
            where=str(path),
            expected=f"sha256 {seal[1]}" if seal else "its hash in the last line",
            found=found,
            done="nothing was changed",
            hint=f"curate fetch {source}   (it is made anew of what is here)",
        )
    return given


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


_UNLIKE = (ValueError, KeyError, TypeError, AttributeError)  # what comes of a listing that has another form


def _loose(given: dict[str, Any]) -> dict[str, tuple[str, int]]:
    return {name: (sha256, size) for name, (sha256, size) in given["loose"].items()}


@dataclass
class Tree:
    """The state of one source. `files` by manifest name; `loose` by tree path, with (sha256, bytes).

    `locations` is the tree that follows from both. An archive that stands in it as a file is here, but was not read:
    a RAR, where no program was installed that unpacks it.
    """

    manifest: Manifest
    files: dict[str, LockedFile] = field(default_factory=dict)
    loose: dict[str, tuple[str, int]] = field(default_factory=dict)
    locations: dict[str, Location] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, manifest: Manifest) -> Tree:
        """Read the listing; one that is not there, or is of no use, is an empty tree.

        Of a damaged one `loose` is left, where that can be read: nothing else says which bytes had which name. It is
        only as good as what the lock says of it.
        """
        try:
            given = listing(path, manifest.name)
            if given is None:
                return cls(manifest)
            return cls(
                manifest,
                {name: LockedFile(**file) for name, file in given["taken"].items()},
                _loose(given),
                {name: Location.parse(text) for name, text in given["files"].items()},
            )
        except (FetchError, *_UNLIKE):
            # It can be made again, from the lock or by fetching: what of it is missing is asked for then.
            given = _parsed(path.read_bytes().decode("utf-8", "replace"))
        try:
            return cls(manifest, loose=_loose(given)) if given else cls(manifest)
        except _UNLIKE:
            return cls(manifest)

    def write(self, path: Path) -> None:
        """Write the listing: `files` maps tree paths to locations; `taken` and `loose` say what it was made of."""
        said = {
            "source": self.manifest.name,
            "files": {name: location.text() for name, location in sorted(self.locations.items())},
            "loose": {name: list(entry) for name, entry in sorted(self.loose.items())},
            "taken": {
                name: {slot: getattr(file, slot) for slot in LockedFile.__slots__}
                for name, file in sorted(self.files.items())
            },
        }
        text = json.dumps(said, indent=1, ensure_ascii=False).removesuffix("\n}")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        whole.write_text(path, f'{text},\n "sha256": "{sha256}"\n}}\n')

    def objects(self) -> Iterator[str]:
        """Yield the hash of every object that the source needs."""
        for file in self.files.values():
            yield file.sha256
        for sha256, _ in self.loose.values():
            yield sha256

    def summary(self) -> Loose | None:
        """Return what the lock says of the unpacked content."""
        by_identity = {self.manifest.identity(path): entry for path, entry in self.loose.items()}
        return Loose.of(by_identity) if by_identity else None

    @property
    def is_damaged(self) -> bool:
        """Whether all that is known comes from a listing that is damaged."""
        return bool(self.loose) and not self.locations

    @property
    def unread(self) -> list[str]:
        """Return the names of the archives that are here, but could not be read when the tree was made."""
        return [
            file.name
            for file in self.manifest.files
            if file.members and file.name in self.locations and not self.locations[file.name].members
        ]

    def why_unread(self, store: Store, name: str) -> ReaderError | None:
        """Return why an archive cannot be read here and now, what to install, and what else will do; None where it can.

        Raises FetchError for one that is damaged.
        """
        file = self.files[name]
        why = unread(store.path(file.sha256))
        if why is None:
            return None
        fetch = f"curate fetch {self.manifest.name}"
        return ReaderError(
            f"{name} is here, but {why.what}",
            where=file.origin,
            expected=why.expected,
            found=why.found,
            done="it was adopted, and is not read",
            hint=f"{how_to_install()}, then: {fetch}; or unpack it, then: {fetch} --from FOLDER",
        )

    def build(self, store: Store, *, leave: Collection[str] | None = None) -> None:
        """Make `locations` anew; `leave` names the archives to leave unread, by default those that cannot be read here.

        Raises FetchError for an archive that is cut short or hostile, and for members of one name whose bytes differ
        where no pinned hash decides.
        """
        taken: dict[str, _Taken] = {}
        for file in self.manifest.files:
            locked = self.files.get(file.name)
            if locked is None or not store.has(locked.sha256):
                continue
            path = store.path(locked.sha256)
            if file.members and not self._left(store, file, locked, leave):
                for member in _wanted(path, self.manifest.pattern(file.members), file, locked):
                    self._take(taken, _Taken.of_member(file, locked, member), store)
            else:
                plain = _Taken(file.name, Location(locked.sha256), locked.bytes, None, locked.official)
                self._take(taken, plain, store)
        locations = {entry.path: entry.location for entry in taken.values()}
        for tree_path, (sha256, _) in self.loose.items():
            if self.manifest.identity(tree_path) not in taken and store.has(sha256):
                locations[tree_path] = Location(sha256)
        self.locations = dict(sorted(locations.items()))

    def missing(self) -> list[RemoteFile]:
        """Return the files that are neither here nor, as far as the manifest can tell, here in another form."""
        names = {PurePosixPath(path).name for path in self.locations}
        provided = {
            name
            for file in self.manifest.files
            if file.name in self.files and file.name not in self.unread
            for name in file.provides
        }
        return [
            file
            for file in self.manifest.files
            if not file.optional
            and file.name not in provided
            and (file.name not in self.files or file.name in self.unread)
            and not self._unpacked(file, names)
        ]

    def _left(self, store: Store, file: RemoteFile, locked: LockedFile, leave: Collection[str] | None) -> bool:
        if leave is not None:
            return file.name in leave
        with _known_as(file, locked):
            return unread(store.path(locked.sha256)) is not None

    def _take(self, taken: dict[str, _Taken], new: _Taken, store: Store) -> None:
        name = self.manifest.identity(new.path)
        old = taken.get(name)
        if old is None:
            taken[name] = new
            return
        if (old.size == new.size and _crc(old, store) == _crc(new, store)) or old.official:
            return
        if not new.official:
            raise FetchError(
                f"two files of one name differ, and no hash is known that decides: {name}",
                where=f"{old.path} ({old.size} bytes) and {new.path} ({new.size} bytes)",
                done="the source's tree was left as it was",
                hint="take one of the two away (an archive that has both: get it again), then fetch again",
            )
        taken[name] = new

    def _unpacked(self, file: RemoteFile, names: set[str]) -> bool:
        if file.name in names:
            return file.name not in self.unread
        if not file.members:
            return any(fnmatch.fnmatchcase(name, glob) for glob in file.also_named for name in names)
        if not any(re.search(r"[*?\[]", glob) for glob in file.members):
            return set(file.members) <= names
        globs = [glob for other in self.manifest.files if other.role == file.role for glob in other.members]
        fits = self.manifest.pattern(globs).fullmatch
        expected = self.manifest.expected.get("sheets", self.manifest.expected.get("pictures"))
        return expected is not None and sum(1 for name in names if fits(name)) >= expected


@dataclass(frozen=True, slots=True)
class _Taken:
    path: str
    location: Location
    size: int
    crc: int | None
    official: bool

    @classmethod
    def of_member(cls, file: RemoteFile, locked: LockedFile, member: Member) -> _Taken:
        location = Location(locked.sha256, member.members)
        return cls(f"{file.name}/{member.path}", location, member.size, member.crc, locked.official)


def _wanted(path: Path, pattern: re.Pattern[str], file: RemoteFile, locked: LockedFile) -> Iterator[Member]:
    with _known_as(file, locked):
        members = members_of(path)
    return (member for member in members if pattern.fullmatch(member.name))


@contextmanager
def _known_as(file: RemoteFile, locked: LockedFile) -> Iterator[None]:
    """Name in what goes wrong the file that an object was made from: the object has no name that anybody knows."""
    try:
        yield
    except StorageError:
        raise
    except FetchError as error:
        raise FetchError(
            error.what,
            where=f"{file.name} ({locked.origin})",
            expected=error.expected,
            found=error.found,
            done="not adopted",
            hint=error.hint or "get the archive again from its publisher",
        ) from error


def _crc(entry: _Taken, store: Store) -> int:
    if entry.crc is not None:
        return entry.crc
    if entry.location.members:  # a RAR may keep another checksum
        return zlib.crc32(read_location(entry.location, store.path(entry.location.object)))
    crc = 0
    for piece in storage.pieces(store.path(entry.location.object)):  # it may be an archive of gigabytes
        crc = zlib.crc32(piece, crc)
    return crc
