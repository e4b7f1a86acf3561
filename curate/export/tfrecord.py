"""tfrecord: the shards of the root as they are; or, where a licence is not allowed, shards without its pictures."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

from curate.errors import CorpusError
from curate.export.selection import Selection
from curate.ml import shards
from curate.shardset import ShardSet

NEEDS_PICTURES = True


def write(chosen: Selection, folder: Path) -> None:
    """Write shards, metadata, index and credits; shards of the same rows that the root has already are copied.

    Raises CorpusError where a shard of the root is not what its index says.
    """
    made = ShardSet.of(chosen.rows, chosen.tally, chosen.names)
    if made.home.is_dir():
        _copy(chosen, made.home, folder)
    else:
        made.write(folder)


def _copy(chosen: Selection, home: Path, folder: Path) -> None:
    index = shards.read_index(home)
    listed: dict[str, dict[str, Any]] = {
        shard["file"]: shard for members in index["shards"].values() for shard in members
    }
    with chosen.workspace.progress("export", sum(shard["bytes"] for shard in listed.values()), "B") as advance:
        for path in sorted(home.rglob("*")):
            copy = folder / path.relative_to(home)
            if path.is_dir():
                copy.mkdir(exist_ok=True)
            elif path.name not in listed:
                shutil.copyfile(path, copy)
            else:
                digest = hashlib.sha256()
                with path.open("rb") as here, copy.open("wb") as there:
                    while block := here.read(1 << 20):
                        digest.update(block)
                        there.write(block)
                        advance(len(block))
                if digest.hexdigest() != listed[path.name]["sha256"]:
                    raise CorpusError(
                        "a shard is not what its index says",
                        where=str(path),
                        expected=f"sha256 {listed[path.name]['sha256']}",
                        found=digest.hexdigest(),
                        done="nothing was written",
                        hint=f"rm -r '{home}' && curate shard",
                    )
