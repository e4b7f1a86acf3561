"""The objects of a root where they lie on object storage: the same names, put there whole, and read in place."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from curate import storage
from curate.store import Store, Watch, is_alive

TEMPORARY = ".tmp"
"""Below what name an object is put that is too large to be hashed in memory, until its hash is known."""

_OBJECT = re.compile(r"([0-9a-f]{2})/\1[0-9a-f]{62}")
_TEMPORARY = re.compile(r"(.+)-(\d{1,9})-[0-9a-f]+")
_SMALL = 16 << 20  # bytes that are held in memory


class Bucket(Store):
    """The objects below an address such as `s3://bucket/objects`.

    What is there is listed once, when it is first asked: one request for each thousand objects, none for a single one.
    What another machine puts there later is not seen, and is put there again, which changes nothing. Every method
    raises StorageError where the storage is not reached, or refuses.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._known: dict[str, int] | None = None

    def has(self, sha256: str) -> bool:
        """Tell whether the object is here, whole."""
        return sha256 in self._here()

    def lacks(self, hashes: Iterable[str]) -> bool:
        """Tell whether any of these objects is not here."""
        return not all(map(self.has, hashes))

    def size(self, sha256: str) -> int | None:
        """Return the bytes of the object, None where it is not here."""
        return self._here().get(sha256)

    def files(self) -> dict[Path, int]:
        """Return all that lies below the folder as it is now, and bytes, sorted; what killed runs left is left out."""
        sizes = storage.below(self.folder)
        self._known = {name[3:]: size for name, size in sizes.items() if _OBJECT.fullmatch(name)}
        return {self.folder / name: size for name, size in sizes.items() if not name.startswith(f"{TEMPORARY}/")}

    def __iter__(self) -> Iterator[str]:
        """Yield the hashes of all objects here, sorted."""
        yield from sorted(self._here())

    def put_verified(self, temporary: Path, sha256: str) -> Path:
        """Put a file of this machine there whose sha256 the caller has just computed, and take it away here."""
        if not self.has(sha256):
            size = temporary.stat().st_size
            storage.put(temporary, self.path(sha256))
            self._here()[sha256] = size
        temporary.unlink()
        return self.path(sha256)

    def adopt_bytes(self, data: bytes) -> str:
        """Take in bytes from memory; return their sha256."""
        sha256 = hashlib.sha256(data).hexdigest()
        if not self.has(sha256):
            storage.put(data, self.path(sha256))
            self._here()[sha256] = len(data)
        return sha256

    def sweep(self) -> int:
        """Remove what killed runs of this machine left half done; return how many files that were."""
        return sum(self._swept(name) for name in storage.below(self.folder / TEMPORARY))

    def _take(self, path: Path, sha256: str | None, *, link: bool, watch: Watch) -> tuple[str, int]:
        # What is small is held in memory: one request puts it under its name. Nothing can be linked, and nothing of
        # what is large comes to lie on this disk: it gets its name, which is its hash, when it is all there.
        pieces, head = storage.pieces(path), b""
        for piece in pieces:
            head += piece
            watch(piece)
            if len(head) > _SMALL:
                return self._take_large(head, pieces, watch)
        return self.adopt_bytes(head), len(head)

    def _take_large(self, head: bytes, rest: Iterator[bytes], watch: Watch) -> tuple[str, int]:
        hashed, size = hashlib.sha256(head), len(head)

        def counted() -> Iterator[bytes]:
            nonlocal size
            yield head
            for piece in rest:
                hashed.update(piece)
                size += len(piece)
                watch(piece)
                yield piece

        temporary = self.folder / TEMPORARY / f"{platform.node()}-{os.getpid()}-{uuid.uuid4().hex}"
        try:
            storage.put_pieces(counted(), temporary)
            sha256 = hashed.hexdigest()
            if not self.has(sha256):
                storage.move(temporary, self.path(sha256))
                self._here()[sha256] = size
        finally:
            storage.remove(temporary)
        return sha256, size

    def _here(self) -> dict[str, int]:
        if self._known is None:
            self.files()
        assert self._known is not None
        return self._known

    def _swept(self, name: str) -> bool:
        named = _TEMPORARY.fullmatch(name)
        gone = named is not None and named[1] == platform.node() and not is_alive(int(named[2]))
        if gone:
            storage.remove(self.folder / TEMPORARY / name)
        return gone
