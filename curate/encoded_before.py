"""The pictures that the last shards hold already: taken from there, where encoding them anew would give the same bytes.

To decode a picture at its full size, scale and encode it is what costs in making shards; when a source is added, the
pictures that were there are the same. Their bytes follow from the file (its sha256), from which part of it they are,
from the knobs of the recipe, and from the code that encodes. So they are taken from the last shards only where

- those shards were written by this very code and these libraries, with the same knobs (`curate.proofs`);
- the file that holds them has the sha256 that `index.json` says, and that the hash beside it;
- a picture has the same id, sha256 and size; and where it is a tile, each id of its source is the tile that it was, and
  lies where it lay.

What is not found in this way is encoded as ever, and what was found has the same bytes: nobody can tell afterwards.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import proofs, whole
from curate.corpus_rows import CorpusRows
from curate.db import Database
from curate.errors import CorpusError
from curate.ml import example, shards
from curate.workspace import Workspace

_KNOBS = ("short_side", "quality", "hair_removal")
_LENGTH = struct.Struct("<QI")
_CRC = 4  # bytes behind the data of a record


@dataclass(frozen=True)
class EncodedBefore:
    """The last shards in `folder`; `tiles` by source: the mark of its tiles then, which is the one of now."""

    folder: Path
    index: Mapping[str, Any]
    tiles: frozenset[str]

    @classmethod
    def of(cls, workspace: Workspace) -> EncodedBefore | None:
        """Return the shards whose pictures may be taken, None where there are none."""
        noted = proofs.noted(workspace).get("shard", {})
        if noted.get("encoded_by") != proofs.code() or workspace.recipe.shard.hair_removal:
            return None  # how many pictures hair was painted over on, the shards do not say of each
        folder = workspace.cache / "shards" / noted["key"]
        try:
            index = shards.read_index(folder)
        except CorpusError:
            return None
        if whole.sha256(folder / "index.json") != noted.get("index"):
            return None  # others of the same name, put there since: an older copy may be by other code
        here = workspace.recipe.shard.said()
        if any(index["recipe"].get(knob) != here.get(knob) for knob in _KNOBS):
            return None
        with workspace.database(read_only=True) as database:
            now = tile_marks(database)
        same = frozenset(source for source, mark in now.items() if noted.get(f"tiles of {source}") == mark)
        return cls(folder, index, same)

    def pictures(self, wanted: set[bytes]) -> Iterator[tuple[str, bytes, bytes]]:
        """Yield (id, mark, encoded picture) of each picture that is there and among the `wanted` marks.

        A shard is read once for its hash, and then picture by picture; one that is damaged or gone is passed over.
        """
        for shard in (each for split in shards.named_in(self.index).values() for each in split):
            path = self.folder / shard.file
            if not _is_whole(path, shard.sha256):
                continue
            with path.open("rb") as file:
                while head := file.read(_LENGTH.size):
                    values = example.decode(file.read(_LENGTH.unpack(head)[0]))
                    file.seek(_CRC, 1)
                    found = mark(values)
                    if found in wanted:
                        yield str(values["id"]), found, bytes(values["image"])  # type: ignore[arg-type]

    def wanted(self, rows: CorpusRows) -> set[bytes]:
        """Return the marks of those of the rows that may be taken: all but tiles that are no longer what they were."""
        return {mark(row) for row in rows.ordered("id") if row["box_left"] is None or row["source"] in self.tiles}


def mark(row: Mapping[str, Any]) -> bytes:
    """Return 16 bytes that say which picture of which file a row of the corpus, or of a shard, is."""
    said = "\0".join(str(row[word]) for word in ("id", "sha256", "width", "height"))
    return hashlib.sha256(said.encode()).digest()[:16]


def tile_marks(database: Database) -> dict[str, str]:
    """Return by source of sheets a hash of which tile each of its ids is, and of where that lies."""
    return {row["source"]: row["tiles"] for row in database.rows("tile_marks")}


def note(workspace: Workspace, key: str, index: str, *, is_made: bool) -> dict[str, str]:
    """Return what `shard` has to note of its shards, so that the next may take their pictures.

    `index` is the sha256 (hex) of their index. Of shards that were there already what was noted of them stays, if
    anything was.
    """
    if not is_made:
        noted = proofs.noted(workspace).get("shard", {})
        kept = noted.items() if (noted.get("key"), noted.get("index")) == (key, index) else ()
        return {word: value for word, value in kept if word == "encoded_by" or word.startswith("tiles of ")}
    with workspace.database(read_only=True) as database:
        marks = tile_marks(database)
    return {"encoded_by": proofs.code(), **{f"tiles of {source}": value for source, value in marks.items()}}


def _is_whole(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except OSError:
        return False
