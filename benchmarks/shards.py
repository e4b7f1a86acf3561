"""How fast shards are written, beside a plain copy of the same bytes.

    python benchmarks/shards.py
    python benchmarks/shards.py --from ../shared/data/isic/images --pictures 3000

Makes a root with a source of its own out of so many pictures (`--pictures`): drawn ones, or those below a folder over
and over, each saved anew with a number in it, so that no two files are the same. The root is built up to its splits,
without a look for copies; that is not timed. Then by turns, `--turns` times each:

- the stage `shard` as a whole, from the corpus to shards under their final name, with their hashes, index and credits,
- the writing alone, into an empty folder: each picture read, checked, decoded, encoded where it has to be, and written,
- `shutil.copyfile` of the shards that came of it, file by file, into an empty folder,
- the same, and each file's sha256, which the index of shards has to hold: the least that any such writer does.

Two sorts of pictures: of 256 pixels on the short side, whose encoded pixels go into the shards as they stand; and of
600 x 450, which are scaled and encoded. Files are closed and not forced to the disk on any side; `--sync` asks for that
(`fsync` of each file) on all sides alike, within the seconds. Prints megabytes of shards each second and pictures each
second (medians), and by how many times a way takes the seconds of the copy, the median over the turns. How fast shards
are read, beside bare `tf.data`: `benchmarks/reading.py`.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from curate import pipeline
from curate.corpus_rows import CorpusRows
from curate.shardset import LabelNames, ShardSet
from curate.stages import shard
from curate.text_table import text_table
from curate.workspace import Workspace

SORTS = {"256 px, kept as they stand": (341, 256), "600 x 450, scaled and encoded": (600, 450)}

_MANIFEST = """name = "drawn"
title = "Pictures of a benchmark"
parser = "table"
namespace = "drawn"
released = 2026
modality = "dermoscopic"
license = "CC0-1.0"
license_url = "https://creativecommons.org/publicdomain/zero/1.0/"
redistribution = "yes"
attribution = "nobody"
citation = ["A benchmark, unpublished, 2026"]
homepage = "https://example.org"
access = "manual"
instructions = "curate fetch drawn --from FOLDER"

[expected]
records = {count}

[columns]
image = "file"
label = "diagnosis"

[[files]]
name = "pictures.csv"
role = "labels"

[[files]]
name = "pictures.zip"
role = "pictures"
members = ["*.jpg"]
"""

_RECIPE = """[dedup]
same_bytes = false
same_pixels = false
near = false
by_places = false
"""


def originals(folder: Path | None, width: int, height: int) -> Iterator[Image.Image]:
    """Yield pictures of that size: those below the folder, or drawn ones, some of them."""
    if folder is None:
        chance = np.random.default_rng(0)
        for _ in range(32):
            rough = chance.normal(0, 1, (height // 12, width // 12, 3)).astype(np.float32)
            pixels = 160 + 25 * cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)
            pixels += chance.normal(0, 4, pixels.shape)
            yield Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        return
    paths = sorted(path for end in ("jpg", "png", "bmp") for path in folder.rglob(f"*.{end}"))
    if not paths:
        sys.exit(f"no pictures below {folder}")
    for path in paths[:: max(1, len(paths) // 200)]:
        with Image.open(path) as picture:
            yield picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)


def built(folder: Path, size: tuple[int, int], count: int, source: Path | None) -> Workspace:
    """Make so many pictures and build them up to their splits."""
    given, root = folder / "given", folder / "root"
    given.mkdir()
    for part in ("manifests", "label_maps"):
        (root / part).mkdir(parents=True)
    jpegs = []
    for picture in originals(source, *size):
        with io.BytesIO() as out:
            picture.save(out, "JPEG", quality=92)
            jpegs.append(out.getvalue())
    with (given / "pictures.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["file", "diagnosis"])
        for number in range(count):
            name = f"{number:06}.jpg"
            data = jpegs[number % len(jpegs)]
            remark = b"\xff\xfe" + (2 + len(name)).to_bytes(2, "big") + name.encode()
            (given / name).write_bytes(data[:2] + remark + data[2:])
            out.writerow([name, "naevus"])
    (root / "manifests" / "drawn.toml").write_text(_MANIFEST.format(count=count), encoding="utf-8")
    (root / "label_maps" / "drawn.csv").write_text(
        "source_label,subtype,category,note\nnaevus,melanocytic_nevus,,\n", encoding="utf-8"
    )
    (root / "curate.toml").write_text(_RECIPE, encoding="utf-8")
    workspace = Workspace(root)
    pipeline.run("fetch", workspace, sources=["drawn"], from_=[given])
    for stage in ("parse", "inspect", "dedup", "label", "split"):
        pipeline.run(stage, workspace)
    return workspace


def synced(folder: Path) -> None:
    """Force every file of a folder to the disk."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)


def whole_stage(workspace: Workspace, folder: Path) -> Path:
    """Run the stage where there are no shards yet; return where they lie."""
    shutil.rmtree(workspace.cache / "shards", ignore_errors=True)
    return Path(shard.run(workspace).details["folder"])


def written(workspace: Workspace, folder: Path) -> Path:
    """Write the shards into a folder, and nothing else."""
    with workspace.database(read_only=True) as database:
        names = LabelNames.read(database)
    rows = CorpusRows.of(workspace)
    ShardSet.of(rows, rows.tally(), names).write(folder)
    return folder


def copied(shards: Path, folder: Path, *, hashed: bool = False) -> Path:
    """Copy all files of the shards, and hash each copy."""
    for path in sorted(path for path in shards.rglob("*") if path.is_file()):
        to = folder / path.relative_to(shards)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)
        if hashed:
            with to.open("rb") as file:
                hashlib.file_digest(file, "sha256")
    return folder


def timed(workspace: Workspace, turns: int, *, sync: bool) -> list[dict[str, Any]]:
    """Return a row for each way, timed by turns."""
    shards = whole_stage(workspace, Path())
    size = sum(path.stat().st_size for path in shards.rglob("*.tfrecord-*"))
    pictures = CorpusRows.of(workspace).tally().pictures
    with tempfile.TemporaryDirectory(dir=workspace.root) as kept:
        model = copied(shards, Path(kept))
        ways: dict[str, Callable[[Path], Path]] = {
            "copyfile": lambda folder: copied(model, folder),
            "copyfile and sha256": lambda folder: copied(model, folder, hashed=True),
            "the writing alone": lambda folder: written(workspace, folder),
            "shard": lambda folder: whole_stage(workspace, folder),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(turns):
            for way in sorted(ways, reverse=bool(turn % 2)):
                with tempfile.TemporaryDirectory(dir=workspace.root) as folder:
                    start = time.perf_counter()
                    made = ways[way](Path(folder))
                    if sync:
                        synced(made)
                    times[way].append(time.perf_counter() - start)
    print(f"{pictures:,} pictures, {size / 1e6:,.1f} MB of shards")
    return [
        {
            "way": way,
            "seconds": f"{statistics.median(some):.3f}",
            "MB/s": f"{size / 1e6 / statistics.median(some):,.0f}",
            "pictures/s": f"{pictures / statistics.median(some):,.0f}",
            "of the copy": f"{statistics.median(a / b for a, b in zip(some, times['copyfile'], strict=True)):,.1f}x",
        }
        for way, some in times.items()
    ]


def main() -> None:
    """Print a table for each sort of pictures."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="source", type=Path, help="a folder of pictures; without it they are drawn")
    words.add_argument("--pictures", type=int, default=2_000)
    words.add_argument("--turns", type=int, default=5)
    words.add_argument("--sync", action="store_true", help="force every file to the disk, on all sides")
    given = words.parse_args()
    for told, size in SORTS.items():
        with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as folder:
            workspace = built(Path(folder), size, given.pictures, given.source)
            print(f"\n{told}: ", end="")
            print(text_table(timed(workspace, given.turns, sync=given.sync)))


if __name__ == "__main__":
    main()
