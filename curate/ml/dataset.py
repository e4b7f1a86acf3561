"""Shards as `tf.data`: a recipe of small steps (read, parse, decode, augment, batch); same seed, same order."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.ml.backend import Dataset, Tensor, tf
from curate.ml.example import SCHEMA
from curate.ml.shards import damaged_shard, files_of, read_index

KEEP_DECODED = 512 * 2**20  # bytes: a split that is smaller than this once decoded is decoded in the first epoch alone
_DTYPES = {"bytes": "string", "text": "string", "int64": "int64", "float": "float32"}


def load(
    shards: Path, split: str, *, target: str, side: int, batch: int, training: bool = False, seed: int = 1
) -> Dataset:
    """Return batches of (pictures float32 [b, side, side, 3] in 0..255, labels int64 [b]) of one split.

    `target` is "category" or "subtype"; pictures whose label is unknown are left out. With `training` the order is
    shuffled anew each epoch, pictures are flipped and slightly recoloured, and an incomplete last batch is dropped when
    there is a complete one; the same `seed` gives the same pictures. Without it the order is that of the shards.
    """
    labels = labels_of(shards, split, target)
    decoded = read(shards, split, target=target, side=side).map(lambda each: (each["pixels"], each["label"]))
    decoded = decoded.apply(tf.data.experimental.assert_cardinality(len(labels)))
    fits = len(labels) * side * side * 3 <= KEEP_DECODED
    if fits:
        decoded = decoded.cache()
    if not training:
        return decoded.batch(batch).map(_as_floats).prefetch(tf.data.AUTOTUNE)
    shuffled = decoded.shuffle(max(1, len(labels) if fits else 1024), seed=seed, reshuffle_each_iteration=True)
    dice = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    augmented = tf.data.Dataset.zip(shuffled, dice).map(_augment, num_parallel_calls=tf.data.AUTOTUNE)
    return augmented.batch(batch, drop_remainder=len(labels) >= batch).prefetch(tf.data.AUTOTUNE)


def read(shards: Path, split: str, *, target: str, side: int) -> Dataset:
    """Return single examples in the order of the shards: every feature of the schema but `image`, with `pixels`
    (uint8 [side, side, 3]) and `label` (int64) in its place; pictures whose label is unknown are left out.
    """
    return (
        records(shards, split)
        .map(parse)
        .filter(lambda each: each[f"{target}_index"] >= 0)
        .map(
            lambda each: (
                {name: value for name, value in each.items() if name != "image"}
                | {"pixels": decode(each["image"], side), "label": each[f"{target}_index"]}
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
    )


def records(shards: Path, split: str) -> Dataset:
    """Return the serialized examples of a split, shard after shard."""
    return tf.data.TFRecordDataset(tf.constant([str(path) for path in files_of(shards, split)], tf.string))


@contextmanager
def reading(shards: Path) -> Iterator[None]:
    """Raise CorpusError that names the shard, where TensorFlow meets damaged records in what runs inside.

    TensorFlow does not say in which file it was, so the files are held against the hashes of `index.json`.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as broken:
        for listed in read_index(shards)["shards"].values():
            for shard in listed:
                path = shards / shard["file"]
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
                if found != shard["sha256"]:
                    raise damaged_shard(path, f"sha256 {shard['sha256']}", f"sha256 {found}") from broken
        raise  # the shards are whole: something else is wrong, and its own words say it best


def parse(record: Tensor) -> dict[str, Tensor]:
    """Return the features of one serialized example by name, `image` still encoded."""
    spec = {feature.name: tf.io.FixedLenFeature([], _DTYPES[feature.kind]) for feature in SCHEMA}
    features: dict[str, Tensor] = tf.io.parse_single_example(record, spec)
    return features


def decode(image: Tensor, side: int) -> Tensor:
    """Decode a JPEG or PNG and bring it to uint8 [side, side, 3], with area averaging where it shrinks.

    The whole picture is kept, a side ratio that is not 1 is not: a lesion at the border counts.
    """
    return fit(tf.io.decode_image(image, channels=3, expand_animations=False), side)


def fit(pixels: Tensor, side: int) -> Tensor:
    """Bring uint8 [h, w, 3] to uint8 [side, side, 3]; whole levels, so that every form of a model sees the same."""
    resized = tf.image.resize(tf.cast(pixels, tf.float32), (side, side), antialias=True)
    return tf.cast(tf.clip_by_value(tf.round(resized), 0, 255), tf.uint8)


def labels_of(shards: Path, split: str, target: str) -> list[int]:
    """Return the known labels of a split in the order of the shards, without decoding a picture."""
    labels = records(shards, split).map(lambda record: parse(record)[f"{target}_index"])
    with reading(shards):
        return [int(label) for label in labels.as_numpy_iterator() if label >= 0]


def names_of(shards: Path, target: str) -> list[str]:
    """Return the label names of a target in the order of their index."""
    return list(read_index(shards)["labels"][f"{target}_index"])


def class_weights(labels: list[int], classes: int, limit: float = 10.0) -> dict[int, float]:
    """Return a weight for each class: every class that occurs counts alike, rare ones at most `limit` times as much
    as the most frequent one, so that one picture of a subtype does not steer a whole step.
    """
    counts = Counter(labels)
    most = max(counts.values(), default=1)
    raw = {label: min(limit, most / counts[label]) for label in counts}
    mean = sum(raw[label] * counts[label] for label in counts) / max(1, len(labels))
    return {label: raw[label] / mean if label in raw else 0.0 for label in range(classes)}


def stratified(shards: Path, split: str, *, target: str, pictures: int) -> Iterator[dict[str, Any]]:
    """Yield about `pictures` examples, as evenly over the classes as there are, the first of each in hash order.

    Each is a dictionary of the schema's features, `image` still encoded.
    """
    labels = Counter(labels_of(shards, split, target))
    quota = _quota(labels, pictures)
    with reading(shards):
        for each in records(shards, split).map(parse).as_numpy_iterator():
            label = int(each[f"{target}_index"])
            if quota.get(label, 0) > 0:
                quota[label] -= 1
                yield each


def _quota(counts: Counter[int], pictures: int) -> dict[int, int]:
    """Give each class its even part; what a rare class cannot fill goes to the others."""
    quota: dict[int, int] = {}
    rest = pictures
    for place, (label, count) in enumerate(sorted(counts.items(), key=lambda item: (item[1], item[0]))):
        quota[label] = min(count, max(1, rest // (len(counts) - place)))
        rest -= quota[label]
    return quota


def _as_floats(pixels: Tensor, label: Tensor) -> tuple[Tensor, Tensor]:
    return tf.cast(pixels, tf.float32), label


def _augment(example: tuple[Tensor, Tensor], dice: Tensor) -> tuple[Tensor, Tensor]:
    """Flip both ways, turn by a quarter, shift light and colour a little: what a hand with another camera would do."""
    pixels, label = example
    image = tf.cast(pixels, tf.float32)
    seeds = tf.unstack(tf.random.split(tf.stack([dice, tf.constant(0, tf.int64)]), 6))
    image = tf.image.stateless_random_flip_left_right(image, seeds[0])
    image = tf.image.stateless_random_flip_up_down(image, seeds[1])
    image = tf.image.rot90(image, tf.random.stateless_uniform([], seeds[2], 0, 4, tf.int32))
    image = tf.image.stateless_random_brightness(image, 16.0, seeds[3])
    image = tf.image.stateless_random_contrast(image, 0.9, 1.1, seeds[4])
    tint = tf.random.stateless_uniform([3], seeds[5], 0.95, 1.05)
    return tf.clip_by_value(image * tint, 0.0, 255.0), label
