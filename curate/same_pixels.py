"""The pictures that may be equal pixel by pixel, looked at again at full size; all others never are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from curate.db import Database
from curate.errors import CorpusError, CurateError, ReaderError, StorageError
from curate.files import Location, read_location
from curate.images import codec, fingerprint, identity
from curate.look import pixel_fact
from curate.pairs import Sight, sight
from curate.workspace import Workspace

_AT_ONCE = 8  # pictures at full size in one errand of a worker
_ROWS_AT_ONCE = 64  # rows held before they are written: what a kill can cost


def hash_pixels(database: Database, workspace: Workspace) -> int:
    """Bring the fact table `pixels` to where equal pictures can be told; return how many had to be decoded whole.

    Whatever has a partner, a picture of other bytes with its size and its means, gets the hash of its pixels, where no
    look has left it yet. Facts are written as they come, so a run that was stopped goes on where it was.
    Raises CorpusError where a file is no longer what it was when it was inspected.
    """
    waiting = [sight(workspace, row) for row in _waiting(database)]
    schema = database.schema("pixels")
    held: list[dict[str, Any]] = []
    with workspace.progress("dedup: pixels", len(waiting), "pictures") as advance:
        batches = (waiting[start : start + _AT_ONCE] for start in range(0, len(waiting), _AT_ONCE))
        for rows in workspace.workers.spread(hashed, batches, pictures=len(waiting)):
            held += rows
            advance(len(rows))
            if len(held) >= _ROWS_AT_ONCE:
                database.insert("pixels", pa.Table.from_pylist(held, schema=schema))
                held = []
        database.insert("pixels", pa.Table.from_pylist(held, schema=schema))
    return len(waiting)


def hashed(sights: list[Sight]) -> list[dict[str, Any]]:
    """Decode each picture whole, in a worker: rows for the fact table `pixels`.

    Raises CorpusError, ReaderError, StorageError.
    """
    return [row for _, here in groupby(sights, key=lambda one: one.location) for row in _hashed(list(here))]


def _waiting(database: Database) -> list[dict[str, Any]]:
    rows = database.select("to_hash", fingerprint=fingerprint.VERSION, identity=identity.VERSION)
    sizes = np.column_stack([rows.column(side).to_numpy() for side in ("width", "height")])
    lossless = rows.column("lossless").to_numpy()
    found = identity.may_be_equal(sizes, identity.unpacked(rows.column("means").to_pylist()), lossless)
    found &= ~rows.column("hashed").to_numpy()
    waiting: list[dict[str, Any]] = rows.filter(pa.array(found)).to_pylist()
    return waiting


def _hashed(sights: list[Sight]) -> Iterator[dict[str, Any]]:
    first = sights[0]
    try:
        data = read_location(Location.parse(first.location), first.object_path)
        if hashlib.sha256(data).hexdigest() != first.sha256:
            raise _changed(first, "other bytes")
        whole = codec.decode(data).pixels
        for one in sights:
            pixels = whole if one.box is None else codec.crop(whole, one.box)
            yield pixel_fact(one.sha256, one.cell, pixels)
    except (ReaderError, StorageError, CorpusError):
        raise
    except (CurateError, OSError, KeyError, ValueError) as gone:
        raise _changed(first, str(gone).partition("\n")[0]) from gone


def _changed(one: Sight, found: str) -> CorpusError:
    return CorpusError(
        "a picture is not what it was when it was inspected",
        where=one.location,
        expected=f"bytes with the sha256 {one.sha256}",
        found=found,
        done="what was looked at before it is kept",
        hint="curate verify, then curate fetch and curate build",
    )
