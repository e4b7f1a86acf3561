"""tfrecord: the shards of the root as they are; or, where a licence is not allowed, shards without its pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

from curate.export.selection import Selection
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


def _copy(chosen: Selection, made: ShardSet, folder: Path) -> None:
    index = made.index()
    named = shards.named_in(index)
    files = [shard for split in named.values() for shard in split]
    with chosen.workspace.progress("export", sum(shard.bytes for shard in files), "B") as advance:
        for shard in files:
            digest = hashlib.sha256()
            path = made.home / shard.file
            with path.open("rb") as here, (folder / shard.file).open("wb") as there:
                while block := here.read(1 << 20):
                    digest.update(block)
                    there.write(block)
                    advance(len(block))
            if digest.hexdigest() != shard.sha256:
                raise shards.damaged_shard(path, f"sha256 {shard.sha256}", digest.hexdigest())
    write_beside(folder, index, named)
