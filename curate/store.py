"""Bytes by sha256: `objects/ab/<sha256>`. A path there is proof that the file is whole; none is ever edited."""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from curate import checksums, storage
from curate.errors import FetchError

Watch = Callable[[bytes], object]
"""What is called with each piece of a file that is read from beginning to end."""

_TEMPORARY = re.compile(r"\.tmp-(\d+)-[0-9a-f]+$")


class Store:
    """The objects below `folder`; the folder is made when the first object comes in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the object of that hash (64 hexadecimal digits) is, or would be."""
        return self.folder / sha256[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Tell whether the object is here, whole."""
        return self.path(sha256).is_file()

    def lacks(self, hashes: Iterable[str]) -> bool:
        """Tell whether any of these objects is not here. Strings, not paths: of a million objects that is seconds."""
        folder = str(self.folder)
        return not all(os.path.isfile(f"{folder}/{sha256[:2]}/{sha256}") for sha256 in hashes)  # noqa: PTH113

    def size(self, sha256: str) -> int | None:
        """Return the bytes of the object, None where it is not here."""
        return self.path(sha256).stat().st_size if self.has(sha256) else None

    def __iter__(self) -> Iterator[str]:
        """Yield the hashes of all objects here, sorted."""
        if self.folder.is_dir():
            for part in sorted(self.folder.iterdir()):
                if part.is_dir():
                    yield from sorted(path.name for path in part.iterdir() if len(path.name) == 64)

    def intact(self, sha256: str) -> bool:
        """Hash the object again and tell whether it is what its name says (False, too, where it is not here)."""
        return self.has(sha256) and digest(self.path(sha256))[0] == sha256

    def files(self) -> dict[Path, int]:
        """Return all files below the folder, and bytes, sorted; what killed runs left half done is left out."""
        found = sorted(self.folder.rglob("*")) if self.folder.is_dir() else []
        return {
            path: path.stat().st_size
            for path in found
            if path.is_file() and not (path.parent == self.folder and _TEMPORARY.fullmatch(path.name))
        }

    def adopt(
        self, path: Path, *, link: bool, sha256: str | None = None, watch: Watch = lambda piece: None
    ) -> tuple[str, int]:
        """Take in a file that lies elsewhere, without touching it; return (sha256, bytes).

        `link`: by hard link where the file system allows it, which costs no space; else by copy, also of a file on
        object storage, which is read once. `watch` is called with what is copied, piece by piece.
        `sha256`: where the caller has just computed it, a file that is linked, or here already, is not read again.
        Raises FetchError where the file cannot be read.
        """
        try:
            if sha256 is not None and storage.is_remote(path) and self.has(sha256):
                return sha256, storage.size_of(path)
            return self._take(path, sha256, link=link and not storage.is_remote(path), watch=watch)
        except OSError as error:
            raise FetchError(
                "a file could not be adopted",
                where=str(path),
                found=str(error),
                hint="mend that and run the same command again",
            ) from error

    def adopt_bytes(self, data: bytes) -> str:
        """Take in bytes from memory; return their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self._temporary()
            try:
                temporary.write_bytes(data)
                self.put_verified(temporary, sha256)
            finally:
                temporary.unlink(missing_ok=True)
        return sha256

    def put_verified(self, temporary: Path, sha256: str) -> Path:
        """Move a file in whose sha256 the caller has just computed (same file system); return its path here."""
        target = self.path(sha256)
        if target.is_file():
            temporary.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            temporary.replace(target)
        return target

    def sweep(self) -> int:
        """Remove what killed runs left half done; return how many files that were."""
        swept = 0
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                named = _TEMPORARY.fullmatch(path.name)
                if named and not is_alive(int(named[1])):
                    path.unlink(missing_ok=True)
                    swept += 1
        return swept

    def _take(self, path: Path, sha256: str | None, *, link: bool, watch: Watch) -> tuple[str, int]:
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self._temporary()
        try:
            if link:
                sha256, size = (sha256, path.stat().st_size) if sha256 else digest(path)
                if not self.has(sha256):
                    _link(path, temporary)
                    self.put_verified(temporary, sha256)
            else:
                sha256, size = _copy(path, temporary, watch)
                self.put_verified(temporary, sha256)
        finally:
            temporary.unlink(missing_ok=True)
        return sha256, size

    def _temporary(self) -> Path:
        return self.folder / f".tmp-{os.getpid()}-{uuid.uuid4().hex}"


def digest(path: Path, algorithm: str = "sha256") -> tuple[str, int]:
    """Return (hash in hex, bytes) of a file, read once; `algorithm` is a name in `curate.checksums`."""
    hashed, size = checksums.new(algorithm), 0
    for piece in storage.pieces(path):
        hashed.update(piece)
        size += len(piece)
    return hashed.hexdigest(), size


def _link(path: Path, temporary: Path) -> None:
    try:
        os.link(path.resolve(), temporary)
    except OSError:  # another file system, or one without links: a copy does as well
        _copy(path, temporary)


def _copy(path: Path, temporary: Path, watch: Watch = lambda piece: None) -> tuple[str, int]:
    hashed = hashlib.sha256()
    size = 0
    with temporary.open("wb") as target:
        for piece in storage.pieces(path):
            hashed.update(piece)
            target.write(piece)
            watch(piece)
            size += len(piece)
    return hashed.hexdigest(), size


def is_alive(pid: int) -> bool:
    """Tell whether a process of this machine still runs."""
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is there, but another user's
        return True
    return True
