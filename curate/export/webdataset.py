"""webdataset: tar files in which each picture stands beside a JSON of what is said of it."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from curate import encoded
from curate.corpus_rows import Row
from curate.export.pictures import file_stem, suffix, values
from curate.export.selection import Selection
from curate.ml.shards import dealt

NEEDS_PICTURES = True


def write(chosen: Selection, folder: Path) -> None:
    """Write `<name>-<split>-000000.tar`, ...: for each picture `<key>.jpg` or `<key>.png`, then `<key>.json`.

    Pictures are dealt to the files, and ordered in them, by the hash of their id, as in the shards; no time, owner or
    order of arrival stands in the archives. The form: https://github.com/webdataset/webdataset
    """
    recipe = chosen.workspace.recipe.shard
    with encoded.laid_down(chosen.rows, chosen.tally.pictures, folder, "export") as (pieces, _):
        for split, pictures in chosen.tally.splits.items():
            rows = chosen.rows.ordered("place", split=split)
            held = (members for _, _, members in dealt(rows, pictures, recipe.pictures_per_shard))
            for number, members in enumerate(_with_any(held)):
                path = folder / f"{recipe.name}-{split}-{number:06d}.tar"
                with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
                    for row in members:
                        data = pieces.get(str(row["id"]))
                        stem = file_stem(str(row["id"]))
                        said = json.dumps(values(row), ensure_ascii=False, sort_keys=True).encode()
                        _add(archive, f"{stem}{suffix(data)}", data)
                        _add(archive, f"{stem}.json", said)


def _with_any(dealt_: Iterable[Iterator[Row]]) -> Iterator[Iterator[Row]]:
    """Yield the shards that hold something: an archive without a picture stops who reads nothing else."""
    for members in dealt_:
        first = list(itertools.islice(members, 1))
        if first:
            yield itertools.chain(first, members)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)  # its time, owner and group are 0
    member.size = len(data)
    member.mode = 0o644
    archive.addfile(member, io.BytesIO(data))
