"""Checksums by name: what `hashlib` knows, and `md5/<bytes>`, which S3 publishes of a file that was sent in parts."""

from __future__ import annotations

import hashlib
from typing import Protocol


class Checksum(Protocol):
    """A checksum as far as it was fed."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        """Take the bytes that come next."""

    def hexdigest(self) -> str:
        """Return the checksum of all that came, in lower-case hexadecimal digits."""


def new(algorithm: str) -> Checksum:
    """Return an empty checksum: "sha256", "md5", or "md5/8388608", the md5 of the md5s of parts of 8 MiB.

    Raises ValueError for a name that is none of them.
    """
    name, _, part = algorithm.partition("/")
    return _PartedMd5(int(part)) if part else hashlib.new(name, usedforsecurity=False)


class _PartedMd5:
    """The ETag of an S3 multipart upload: the md5 of all parts' md5s, a hyphen, and the number of parts.

    Amazon calls it opaque, but has computed it so since 2010 for uploads without a key of one's own; a file whose ETag
    comes out again has the publisher's bytes.
    """

    def __init__(self, part: int) -> None:
        self._part, self._left = part, part
        self._now = hashlib.md5(usedforsecurity=False)
        self._whole = hashlib.md5(usedforsecurity=False)
        self._parts = 0

    def update(self, data: bytes | bytearray | memoryview, /) -> None:
        view = memoryview(data)
        while len(view):
            piece, view = view[: self._left], view[self._left :]
            self._now.update(piece)
            self._left -= len(piece)
            if self._left == 0:
                self._whole.update(self._now.digest())
                self._now = hashlib.md5(usedforsecurity=False)
                self._left = self._part
                self._parts += 1

    def hexdigest(self) -> str:
        whole, parts = self._whole.copy(), self._parts
        if self._left < self._part or parts == 0:
            whole.update(self._now.digest())
            parts += 1
        return f"{whole.hexdigest()}-{parts}"
