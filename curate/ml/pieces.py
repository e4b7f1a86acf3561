"""Pieces: encoded pictures on disk, between the order in which they are read and the order in which they are written.

Reading follows the files (each sheet is decoded once, each archive read front to back), writing follows the hashes of
the ids. Who reads some files writes their pictures into one piece; who writes a shard takes its pictures out of all of
them. So no picture passes through the process that hands out the work, which holds 32 bytes of each.
"""

from __future__ import annotations

import pickle
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from curate.ml import shards
from curate.ml.shards import Row, Shard

_SPAN = np.dtype([("key", "<u8"), ("start", "<u8"), ("piece", "<u4"), ("length", "<u4")])
_OPEN = 128  # pieces that one reader holds open at a time

Where = tuple[str, int, int]
"""Where the bytes of a picture are: piece, start, length."""


@dataclass(frozen=True)
class Laid:
    """One piece as it was laid down: `spans` are what it holds, in the order in which it holds them."""

    name: str
    spans: npt.NDArray[np.void]


def lay(folder: Path, pictures: Iterable[tuple[str, bytes]]) -> Laid:
    """Write the bytes of some pictures, each with its id, as one piece into `folder`.

    They stand in the order of the shards, so that who writes one reads forwards. The name is a new one each time: what
    another worker has half written, that was lost or thought to be, is never read. Raises OSError as the system does.
    """
    held = sorted((shards.place(name), data) for name, data in pictures)
    laid = Laid(uuid.uuid4().hex, np.zeros(len(held), _SPAN))
    start = 0
    with (folder / laid.name).open("wb") as out:
        for number, (place, data) in enumerate(held):
            laid.spans[number] = (int.from_bytes(place[:8]), start, 0, len(data))
            start += out.write(data)
    return laid


class Pieces:
    """All pieces in a folder, which is made for them and taken away at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names: list[str] = []
        self._spans: list[npt.NDArray[np.void]] = []
        self._keys: npt.NDArray[np.uint64] | None = None  # of `_spans`, which are one then, and sorted by them
        self._reader = Reader(folder)

    def __enter__(self) -> Pieces:
        self.folder.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reader.close()
        for path in list(self.folder.iterdir()):  # also what a worker has left that was lost
            path.unlink()
        self.folder.rmdir()

    def add(self, laid: Laid) -> None:
        """Take note of one more piece."""
        spans = laid.spans.copy()  # that of a worker may not be written to
        spans["piece"] = len(self._names)
        self._names.append(laid.name)
        self._spans.append(spans)
        self._keys = None

    def where(self, picture: str) -> Where:
        """Return where the bytes of one picture are; KeyError where it was not laid down, or twice."""
        if self._keys is None:
            spans = np.concatenate([np.zeros(0, _SPAN), *self._spans])
            spans = spans[np.argsort(spans["key"], kind="stable")]
            self._keys, self._spans = spans["key"].copy(), [spans]
        key = np.uint64(int.from_bytes(shards.place(picture)[:8]))
        first, after = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
        if after - first != 1:
            raise KeyError(picture)
        _, start, piece, length = self._spans[0][first].tolist()
        return self._names[piece], start, length

    def get(self, picture: str) -> bytes:
        """Return the bytes of one picture; KeyError where it was not laid down, or twice."""
        return self._reader.read(self.where(picture))


class Reader:
    """Reads pictures out of the pieces in a folder; some of them stay open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: OrderedDict[str, BinaryIO] = OrderedDict()

    def read(self, where: Where) -> bytes:
        """Return the bytes of one picture. Raises OSError as the system does."""
        name, start, length = where
        file = self._open.pop(name, None) or (self._folder / name).open("rb")
        self._open[name] = file  # the last one used is the last to be closed
        if len(self._open) > _OPEN:
            self._open.popitem(last=False)[1].close()
        file.seek(start)
        data = file.read(length)
        if len(data) != length:
            raise OSError(f"{self._folder / name} ends after {start + len(data):,} bytes")
        return data

    def close(self) -> None:
        """Close what is open."""
        while self._open:
            self._open.popitem()[1].close()


@dataclass(frozen=True)
class Order:
    """One shard to write: its path, the folder of the pieces, and its rows with where their pictures are, packed.

    Packed, since several orders for each worker wait at a time, and rows take five times the room as objects.
    """

    path: Path
    pieces: Path
    packed: bytes

    @classmethod
    def of(cls, path: Path, pieces: Pieces, rows: Iterable[Row]) -> Order:
        """Order the shard at `path`, of rows in the order of their place."""
        held = [(dict(row), pieces.where(str(row["id"]))) for row in rows]
        return cls(path, pieces.folder, pickle.dumps(held))


def fill(order: Order) -> Shard:
    """Write the shard that is ordered, in a worker; one picture in memory at a time. Raises OSError."""
    reader = Reader(order.pieces)

    def pictures() -> Iterator[tuple[Row, bytes]]:
        for row, where in pickle.loads(order.packed):
            yield row, reader.read(where)

    try:
        return shards.write_one(order.path, pictures(), order.pieces)
    finally:
        reader.close()
