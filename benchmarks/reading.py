"""How fast `curate.ml.dataset` reads, beside a bare decode-and-resize loop over the same shards.

    python benchmarks/reading.py --from ../shared/data

Takes the real pictures below the folder (ISIC, PAD-UFES-20, PH2) as `shard` hands them on (short side 256), and writes
them into shards over and over, until there are so many as `--pictures` says. The bare loop is what anyone would write:
`TFRecordDataset`, then `map` (parse, `decode_jpeg`, `tf.image.resize`, which is bilinear and takes no mean where it
shrinks) over `AUTOTUNE`, `batch`, `prefetch`. It is timed against `load` for evaluation, for training without and with
augmentation, and for training with balancing by sampling: same side, same batch, same parallelism, an epoch of each by
turns, after one that is not counted. Nothing decoded is kept between epochs.

Prints for each the pictures each second and the milliseconds of processor for each picture, ours and the bare loop's
(medians), and two ratios, each the median over the turns: of the speeds, and of the milliseconds, which other work on
the machine moves less.
Exit code 1 where evaluation or training without augmentation is slower than `--least` of the bare loop.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from curate.encoded import handed_on
from curate.ml import dataset, shards
from curate.ml.backend import tf
from curate.ml.example import SCHEMA
from curate.recipe import ShardRecipe
from curate.text_table import text_table

KINDS: dict[str, dict[str, Any]] = {
    "evaluation": {},
    "training, no augmentation": {"training": True, "augmented": False},
    "training": {"training": True},
    "training, sampling": {"training": True, "balance": "sampling"},
}
HELD = ("evaluation", "training, no augmentation")


def originals(root: Path) -> Iterator[bytes]:
    """Yield the real pictures as shards hold them."""
    recipe = ShardRecipe()
    paths = [*root.glob("isic/images/*/*.jpg"), *root.glob("pad_ufes_20/images/*.png")]
    for path in sorted([*paths, *root.glob("ph2/**/*_Dermoscopic_Image/*.bmp")]):
        yield handed_on(path.read_bytes(), recipe.short_side, recipe.quality)


def written(folder: Path, root: Path, count: int) -> None:
    """Write shards of so many pictures of three classes, one of which has a tenth."""
    pictures = list(originals(root))
    unknown: shards.Row = {feature.name: None for feature in SCHEMA}
    rows = [
        unknown | {"id": f"real:{number}", "category_index": min(number % 10, 2), "subtype_index": 0, "split": "train"}
        for number in range(count)
    ]
    made = shards.write(
        folder, "real", "train", rows, lambda name: pictures[int(name.split(":")[1]) % len(pictures)], -(-count // 8)
    )
    labels = {"category_index": ["a", "b", "c"], "subtype_index": ["any"]}
    values = {"key": "real", "labels": labels, "credits": [], "recipe": asdict(ShardRecipe())}
    shards.write_index(folder, values, {"train": made})
    size = sum(map(len, pictures)) / len(pictures)
    print(f"{len(pictures)} real pictures of {size / 1000:.1f} kB on average, {count} records in {len(made)} shards")


def bare(folder: Path, side: int, batch: int) -> Any:
    """Return the loop that anyone would write."""
    features = {
        "image": tf.io.FixedLenFeature([], tf.string),
        "category_index": tf.io.FixedLenFeature([], tf.int64),
    }

    def read(record: Any) -> Any:
        example = tf.io.parse_single_example(record, features)
        return tf.image.resize(tf.io.decode_jpeg(example["image"], channels=3), (side, side)), example["category_index"]

    files = [str(path) for path in shards.files_of(folder, "train")]
    read_in = tf.data.TFRecordDataset(files).map(read, num_parallel_calls=tf.data.AUTOTUNE)
    return read_in.batch(batch).prefetch(tf.data.AUTOTUNE)


def epoch(batches: Any) -> tuple[float, float]:
    """Return pictures each second, and milliseconds of processor for each picture, of one epoch."""
    start, spent, pictures = time.perf_counter(), _spent(), 0
    for _, labels in batches:
        pictures += len(labels)
    return pictures / (time.perf_counter() - start), (_spent() - spent) / pictures * 1000


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="root", type=Path, required=True, help="the folder with the real files")
    words.add_argument("--pictures", type=int, default=4096, help="records in an epoch")
    words.add_argument("--side", type=int, default=224)
    words.add_argument("--batch", type=int, default=32)
    words.add_argument("--turns", type=int, default=9, help="epochs of each that are timed")
    words.add_argument("--least", type=float, default=0.9, help="ratio that evaluation and training must reach")
    given = words.parse_args()
    lines, failed = [], False
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        written(folder, given.root, given.pictures)
        loop = bare(folder, given.side, given.batch)
        epoch(loop)
        for kind, options in KINDS.items():
            ours = dataset.load(folder, "train", target="category", side=given.side, batch=given.batch, **options)
            epoch(ours)
            turns = []
            for turn in range(given.turns):  # by turns who is first
                first, second = (epoch(each) for each in ((ours, loop) if turn % 2 else (loop, ours)))
                turns.append((first, second) if turn % 2 else (second, first))
            ratio = statistics.median(mine[0] / other[0] for mine, other in turns)
            failed |= kind in HELD and ratio < given.least
            line: dict[str, Any] = {"reading for": kind}
            for column, what in enumerate(("pictures/s", "ms")):
                line[what] = statistics.median(mine[column] for mine, _ in turns)
                line[f"{what} bare"] = statistics.median(other[column] for _, other in turns)
            line["ratio"] = ratio
            line["by ms"] = statistics.median(other[1] / mine[1] for mine, other in turns)
            lines.append(line)
    print(text_table(lines))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
