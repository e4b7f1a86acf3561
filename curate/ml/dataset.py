"""Shards as `tf.data`: a recipe of small steps, each for use on its own; same seed, same order.

`load` is the recipe: `encoded`, then for training `balancing.resampled` and `shuffle`, then `pixels_of`, then `fit` or
for training `augmentation.augment`, then `batch`. docs/reading-shards.md shows each. The steps
below pictures are those of `curate.ml.records`; they can be had here too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from curate.errors import UsageError
from curate.ml.augmentation import HAIR, RULER, augment
from curate.ml.backend import Dataset, Tensor, tf
from curate.ml.balancing import LIMIT, class_weights, resampled, with_weight
from curate.ml.records import (
    Worker,
    blocks,
    check,
    features_of,
    labels_in,
    labels_of,
    names_of,
    parse,
    reading,
    records,
    target_in,
)

SHUFFLED = 2048  # encoded pictures in memory while their order is drawn; a split that is not larger is drawn as a whole


def load(
    shards: Path,
    split: str,
    *,
    target: str,
    side: int,
    batch: int,
    training: bool = False,
    augmented: bool | None = None,
    balance: Literal["weights", "sampling"] | None = None,
    limit: float = LIMIT,
    seed: int = 1,
    epochs: range | None = None,
    hair: float = HAIR,
    ruler: float = RULER,
    worker: Worker | None = None,
) -> Dataset:
    """Return batches of (pictures float32 [b, side, side, 3] in 0..255, labels int64 [b]) of one split.

    `target` is "category", "subtype" or "both" (see `curate.ml.targets`); pictures whose label is unknown are left out.
    Without `training` the order is that of the shards, each picture comes once and the last batch may be smaller. With
    it the order is drawn anew each epoch, the pictures are augmented (`augmented` says otherwise; `hair` and `ruler`
    are the shares that get such), and an incomplete last batch is dropped when there is a complete one.

    In training the same `seed` gives the same batches, pass for pass. With `epochs`, such as `range(3, 20)`, one pass
    gives these epochs one after the other, each the same whatever was read before: it follows from `seed` and its
    number alone, so that a training that was stopped can go on.

    `balance` makes classes count alike, rare ones up to `limit` times as much as the most frequent one (`math.inf`:
    alike however rare): "weights" gives each label's weight as a third of the batch, float32 [b]; "sampling", for
    training alone, shows rare ones more often and frequent ones less, in an epoch of as many pictures as there are.

    `worker` is the `tf.distribute.InputContext` of one worker of several: it gets its own part of the pictures (see
    `records`), in batches of `batch` divided by the number of replicas. In training every worker makes as many steps
    as the one with the fewest pictures can, since they wait for each other.
    Raises CorpusError where there are no shards or one is damaged, UsageError for what cannot be meant.
    """
    if balance == "sampling" and not training:
        raise UsageError(
            "sampling shows pictures more than once, or not at all: that is no evaluation",
            expected='balance="weights", or training=True',
            found='balance="sampling"',
            hint='load(..., balance="weights")',
        )
    number = worker.input_pipeline_id if worker else 0
    each = _batch_of_a_replica(batch, worker)
    seed += number << 32  # one worker's dice are not another's
    labels = [labels_of(shards, split, target, part) for part in _parts(worker)]
    counts = [len(part) for part in labels]
    weights = class_weights([label for part in labels for label in part], target_in(shards, target).labels, limit)
    replicas = worker.num_replicas_in_sync // worker.num_input_pipelines if worker else 1
    complete = min(counts) // (each * replicas) * replicas if training else 0
    steps = complete or -(-counts[number] // each)
    held = complete * each or counts[number]  # pictures of an epoch
    each = max(1, min(each, held))
    if not training:
        order = encoded(shards, split, target=target, worker=worker)
        pictures = order.map(lambda image, label: (image, label, tf.constant(0, tf.int64)))
    else:

        def epoch(key: Tensor) -> Dataset:
            tf.random.set_seed(1)  # of this function's graph alone, so that no seed of the whole program changes it
            order = encoded(shards, split, target=target, worker=worker, seed=key)
            if balance == "sampling" and counts[number]:
                order = resampled(order, weights, seed=key).repeat().take(counts[number])
            order = order.shuffle(SHUFFLED, seed=key, reshuffle_each_iteration=False).take(held)
            dice = tf.data.Dataset.counter(start=key, step=1)
            return tf.data.Dataset.zip(order, dice).map(lambda pair, thrown: (*pair, thrown))

        pictures = _keys(seed, epochs).flat_map(epoch)
    if training if augmented is None else augmented:
        prepared = pictures.map(
            lambda image, label, thrown: (
                augment(pixels_of(image), thrown, side, hair=hair, ruler=ruler),
                label,
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    else:
        prepared = pictures.map(
            lambda image, label, thrown: (fit(pixels_of(image), side), label), num_parallel_calls=tf.data.AUTOTUNE
        )
    batches = prepared.batch(each, drop_remainder=bool(complete))
    if balance == "weights":
        batches = batches.map(with_weight(weights))
    passes = len(epochs) if training and epochs is not None else 1
    return batches.apply(tf.data.experimental.assert_cardinality(steps * passes)).prefetch(tf.data.AUTOTUNE)


def _keys(seed: int, epochs: range | None) -> Dataset:
    """Return a number (int64) for each epoch of a pass: what all that is drawn in it follows from."""
    if epochs is None:
        return tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    return tf.data.Dataset.range(epochs.start, epochs.stop, epochs.step).map(
        lambda epoch: tf.random.stateless_uniform(
            [], tf.stack([tf.constant(seed, tf.int64), epoch]), minval=0, maxval=1 << 62, dtype=tf.int64
        )
    )


def encoded(
    shards: Path, split: str, *, target: str, worker: Worker | None = None, seed: int | Tensor | None = None
) -> Dataset:
    """Return (JPEG or PNG string, label int64) of each picture whose label is known; order and part as of `records`."""
    wanted = target_in(shards, target)

    def known(block: Tensor) -> tuple[Tensor, Tensor]:
        features = tf.io.parse_example(block, features_of(("image", *wanted.features)))
        labels = labels_in(features, wanted)
        kept = labels >= 0
        return tf.boolean_mask(features["image"], kept), tf.boolean_mask(labels, kept)

    return blocks(shards, split, worker, seed).map(known, num_parallel_calls=tf.data.AUTOTUNE).unbatch()


def read(shards: Path, split: str, *, target: str, side: int, worker: Worker | None = None) -> Dataset:
    """Return single examples in the order of the shards: every feature of the schema but `image`, with `pixels`
    (uint8 [side, side, 3]) and `label` (int64) in its place; pictures whose label is unknown are left out.
    """
    wanted = target_in(shards, target)
    return (
        records(shards, split, worker=worker)
        .map(parse, num_parallel_calls=tf.data.AUTOTUNE)
        .filter(lambda features: labels_in(features, wanted) >= 0)
        .map(
            lambda features: (
                {name: value for name, value in features.items() if name != "image"}
                | {"pixels": decode(features["image"], side), "label": labels_in(features, wanted)}
            ),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
    )


def pixels_of(image: Tensor) -> Tensor:
    """Decode a JPEG or PNG to uint8 [h, w, 3]."""
    return tf.io.decode_jpeg(image, channels=3)  # it reads PNG too, and does less than decode_image to find out


def fit(pixels: Tensor, side: int) -> Tensor:
    """Bring uint8 [h, w, 3] to float32 [side, side, 3] of whole levels, 0 to 255, so that every form of a model sees
    the same.

    Bilinear, as long as every pixel of the picture counts in that: where a side is more than twice `side`, those that
    are longer than `side` are shrunk by the mean over area first. The whole picture is kept, the ratio of its sides is
    not: a lesion at the border counts.
    """
    given = tf.shape(pixels)[:2]
    resized = tf.cond(
        tf.reduce_max(given) > 2 * side,
        lambda: _bilinear(tf.image.resize(pixels, tf.minimum(given, side), method="area"), side),
        lambda: _bilinear(pixels, side),
    )
    return tf.round(resized)  # a mean of 0 to 255, so that nothing is beyond


def _bilinear(pixels: Tensor, side: int) -> Tensor:
    return tf.image.resize(pixels, (side, side))


def decode(image: Tensor, side: int) -> Tensor:
    """Decode a JPEG or PNG and `fit` it: uint8 [side, side, 3]."""
    return tf.cast(fit(pixels_of(image), side), tf.uint8)


def stratified(shards: Path, split: str, *, target: str, pictures: int) -> Iterator[dict[str, Any]]:
    """Yield about `pictures` examples: as evenly over the classes as there are, in a class as evenly over the sources,
    of each the first in hash order. Every class that occurs is there, be it with one picture more than was asked for.

    Each is a dictionary of the schema's features, `image` still encoded.
    """
    wanted = target_in(shards, target)
    spec = features_of(("source", *wanted.features))
    found: dict[int, Counter[str]] = {}
    with reading(shards):
        for block in blocks(shards, split).map(lambda block: tf.io.parse_example(block, spec)):
            for label, source in zip(labels_in(block, wanted).numpy(), block["source"].numpy(), strict=True):
                if label >= 0:
                    found.setdefault(int(label), Counter())[source.decode()] += 1
        classes = _even({label: sum(sources.values()) for label, sources in found.items()}, pictures, least=1)
        quota = {
            (label, source): count
            for label, sources in found.items()
            for source, count in _even(sources, classes[label]).items()
        }
        left = sum(quota.values())
        for each in records(shards, split).map(parse).take(-1 if left else 0).as_numpy_iterator():
            place = int(labels_in(each, wanted)), each["source"].decode()
            if quota.get(place, 0) > 0:
                quota[place] -= 1
                left -= 1
                yield each
                if not left:
                    return


def _even(counts: Mapping[Any, int], total: int, least: int = 0) -> dict[Any, int]:
    """Share a total evenly; what one has too few for goes to the others. None gets fewer than `least`, if it has it."""
    shares, rest = {}, total
    for place, (name, count) in enumerate(sorted(counts.items(), key=lambda item: (item[1], item[0]))):
        shares[name] = min(count, max(least, rest // (len(counts) - place)))
        rest -= shares[name]
    return shares


def _batch_of_a_replica(batch: int, worker: Worker | None) -> int:
    replicas = worker.num_replicas_in_sync if worker else 1
    if batch < 1 or batch % replicas:
        raise UsageError(
            "a batch must be divisible by the number of replicas",
            expected=f"a multiple of {replicas}",
            found=str(batch),
        )
    return batch // replicas


def _parts(worker: Worker | None) -> list[Worker | None]:
    if worker is None:
        return [None]
    count, replicas = worker.num_input_pipelines, worker.num_replicas_in_sync
    return [tf.distribute.InputContext(count, number, replicas) for number in range(count)]


__all__ = [
    "Worker",
    "check",
    "decode",
    "encoded",
    "fit",
    "labels_of",
    "load",
    "names_of",
    "parse",
    "pixels_of",
    "read",
    "reading",
    "records",
    "stratified",
    "target_in",
]
