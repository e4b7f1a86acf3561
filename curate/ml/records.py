"""The records of shards as `tf.data`, some at a time: which shard when, what a record holds, which label it has."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curate.ml.backend import Dataset, Tensor, tf
from curate.ml.example import SCHEMA
from curate.ml.shards import damaged_shard, files_of, read_index
from curate.ml.targets import Target
from curate.ml.targets import target as target_of

FILES_AT_ONCE = 8  # shards that are open at once in training, so that neighbours in a batch are none in a file
BLOCK = 32  # records that are read and parsed at once
_DTYPES = {"bytes": "string", "text": "string", "int64": "int64", "float": "float32"}

Worker = Any
"""`tf.distribute.InputContext`: which of how many workers reads, for how many replicas."""


def records(shards: Path, split: str, *, worker: Worker | None = None, seed: int | Tensor | None = None) -> Dataset:
    """Return the serialized examples of a split, shard after shard; with a `seed` from several shards by turns, in an
    order of shards that is drawn anew each epoch (with a tensor, which belongs to one epoch, once).

    With a `worker` (`tf.distribute.InputContext`) only its part: whole shards where their number can be divided by the
    number of workers, else every so many-th record. The parts of all workers hold each record once.
    """
    return blocks(shards, split, worker, seed).unbatch()


def parse(record: Tensor, names: Collection[str] | None = None) -> dict[str, Tensor]:
    """Return the features of one serialized example by name, `image` still encoded; of `names` alone, if given."""
    features: dict[str, Tensor] = tf.io.parse_single_example(record, features_of(names))
    return features


def labels_of(shards: Path, split: str, target: str, worker: Worker | None = None) -> list[int]:
    """Return the known labels of a split (of the part of one worker) in the order of the shards, without decoding a
    picture.
    """
    wanted = target_in(shards, target)
    spec = features_of(wanted.features)
    labels = blocks(shards, split, worker).map(lambda block: labels_in(tf.io.parse_example(block, spec), wanted))
    with reading(shards):
        return [int(label) for block in labels.as_numpy_iterator() for label in block if label >= 0]


def target_in(shards: Path, target: str) -> Target:
    """Return a target with all that it means on these shards. Raises UsageError and CorpusError as `targets.target`."""
    return target_of(read_index(shards), target, shards)


def names_of(shards: Path, target: str) -> list[str]:
    """Return the names of what a model of this target answers, in the order of their index."""
    return list(target_in(shards, target).names)


@contextmanager
def reading(shards: Path) -> Iterator[None]:
    """Raise CorpusError that names the shard, where TensorFlow meets damaged records in what runs inside.

    TensorFlow does not say in which file it was, so the files are held against the hashes of `index.json`.
    """
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError):
        check(shards)
        raise  # the shards are whole: something else is wrong, and its own words say it best


def check(shards: Path) -> None:
    """Raise CorpusError where a shard is not what `index.json` says, by its sha256."""
    for listed in read_index(shards)["shards"].values():
        for shard in listed:
            path = shards / shard["file"]
            try:
                with path.open("rb") as file:
                    found = f"sha256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
            except FileNotFoundError:
                found = "no such file"
            if found != f"sha256 {shard['sha256']}":
                raise damaged_shard(path, f"sha256 {shard['sha256']}", found)


def labels_in(features: Mapping[str, Tensor], target: Target) -> Tensor:
    """Return the labels (see `Target`) that parsed features give, -1 where there is none, or none that is answered."""
    if target.name != "both":
        return features[target.features[0]]
    subtype, category = (features[name] for name in target.features)
    answered = tf.constant([index in target.of_label for index in range(len(target.categories))] + [False])
    known = (category >= 0) & tf.gather(answered, tf.where(category >= 0, category, len(target.categories)))
    return tf.where(subtype >= 0, subtype, tf.where(known, category + len(target.names), -1))


def blocks(shards: Path, split: str, worker: Worker | None = None, seed: int | Tensor | None = None) -> Dataset:
    """Return what `records` says, some at a time, string [n]: one by one they would cost more to hand on and parse."""
    paths = [str(path) for path in files_of(shards, split)]
    held = [shard["pictures"] for shard in read_index(shards)["shards"].get(split, [])]
    before = list(itertools.accumulate(held, initial=0))[:-1]  # records of the split ahead of each shard
    workers, number = (worker.num_input_pipelines, worker.input_pipeline_id) if worker else (1, 0)
    if len(paths) % workers == 0:
        paths, before, workers, number = paths[number::workers], before[number::workers], 1, 0
    files = tf.data.Dataset.from_tensor_slices((tf.constant(paths, tf.string), tf.constant(before, tf.int64)))

    def opened(path: Tensor, ahead: Tensor) -> Dataset:
        found = tf.data.TFRecordDataset(path)
        return (found if workers == 1 else found.shard(workers, (number - ahead) % workers)).batch(BLOCK)

    if seed is None:
        return files.flat_map(opened)
    drawn = files.shuffle(max(1, len(paths)), seed=seed, reshuffle_each_iteration=isinstance(seed, int))
    return drawn.interleave(opened, cycle_length=FILES_AT_ONCE, num_parallel_calls=tf.data.AUTOTUNE)


def features_of(names: Collection[str] | None = None) -> dict[str, Any]:
    """Return what `tf.io.parse_example` has to be told to read these features of the schema, or all."""
    wanted = [feature for feature in SCHEMA if names is None or feature.name in names]
    return {feature.name: tf.io.FixedLenFeature([], _DTYPES[feature.kind]) for feature in wanted}
