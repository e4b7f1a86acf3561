"""tfrecord: the shards of the root as they are; or, where a licence is not allowed, shards without its pictures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from curate.export.selection import Selection
from curate.export.target import is_on_its_way
from curate.ml import shards
from curate.shardset import ShardSet, write_beside

NEEDS_PICTURES = True


def write(chosen: Selection, folder: Path) -> None:
    """Write shards, metadata, index and credits; shards of the same rows that the root has already are copied.

    Only what the index of the root names is copied, and hashed on the way; all that stands beside it is written anew
    from that index. Raises CorpusError where the index is damaged, or a shard is not what it says.
    """
    made = ShardSet.of(chosen.rows, chosen.tally, chosen.names)
    if made.home.is_dir():
        _copy(chosen, made, folder)
    else:
        made.write(folder)


@contextmanager
def _beside(path: Path, folder: Path) -> Iterator[IO[bytes]]:
    """Open what a shard is copied to; what is sent elsewhere is linked, and the copy goes nowhere."""
    copied = folder / path.name
    if is_on_its_way(folder):
        try:
            os.link(path, copied)
        except OSError:  # a file system without links: a copy does as well
            pass
        else:
            copied = Path(os.devnull)
    with copied.open("wb") as there:
        yield there


def _copy(chosen: Selection, made: ShardSet, folder: Path) -> None:
    index = made.index()
    named = shards.named_in(index)
    files = [shard for split in named.values() for shard in split]
    with chosen.workspace.progress("export", sum(shard.bytes for shard in files), "B") as advance:
        for shard in files:
            digest = hashlib.sha256()
            path = made.home / shard.file
            with path.open("rb") as here, _beside(path, folder) as there:
                while block := here.read(1 << 20):
                    digest.update(block)
                    there.write(block)
                    advance(len(block))
            if digest.hexdigest() != shard.sha256:
                raise shards.damaged_shard(path, f"sha256 {shard.sha256}", digest.hexdigest())
    write_beside(folder, index, named)
