"""Rare classes made to count as much as frequent ones: by weights in the loss, or by how often a picture is shown.

Both follow from the same numbers, `class_weights`. Nothing here knows the shards: any `tf.data` can use it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from curate.ml.backend import Dataset, Tensor, tf

LIMIT = 10.0  # times: what a picture of a rare class counts at most, against one of the most frequent


def class_weights(labels: Sequence[int], classes: int, limit: float = LIMIT) -> dict[int, float]:
    """Return a weight for each class, 0 to `classes` - 1: every class that occurs counts alike, rare ones at most
    `limit` times as much as the most frequent one, so that one picture of a subtype does not steer a whole step.

    The weights of all `labels` add up to their number. A class that does not occur weighs 0. `math.inf` is no limit.
    """
    counts = Counter(labels)
    most = max(counts.values(), default=1)
    raw = {label: min(limit, most / counts[label]) for label in counts}
    mean = sum(raw[label] * counts[label] for label in counts) / max(1, len(labels))
    return {label: raw[label] / mean if label in raw else 0.0 for label in range(classes)}


def with_weight(weights: Mapping[int, float]) -> Callable[[Any, Tensor], tuple[Any, Tensor, Tensor]]:
    """Return a function for `map`: (anything, labels) to (the same, labels, weights float32 of the labels' shape).

    `keras.Model.fit` takes such a triple as (x, y, sample_weight). It goes over single examples or over batches.
    """
    table = _table(weights)

    def weigh(example: Any, label: Tensor) -> tuple[Any, Tensor, Tensor]:
        return example, label, tf.cast(tf.gather(table, label), tf.float32)

    return weigh


def resampled(examples: Dataset, weights: Mapping[int, float], *, seed: int | Tensor) -> Dataset:
    """Return the examples, (anything, label int64), each as often as its class weighs: 0.4 shows two of five, 2.5 shows
    each twice or three times.

    In one pass each class comes as often as its pictures weigh together, to within one. Which pictures are shown more
    often is drawn anew each epoch by `seed` (by a tensor, which belongs to one epoch, once). What repeats stands
    together: shuffle afterwards, best with encoded pictures. Weights are those of `class_weights`, or any others from
    0; a label that has none is an error of TensorFlow's, InvalidArgumentError.
    """
    table = _table(weights)
    dice = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=isinstance(seed, int))

    def count(state: tuple[Tensor, Tensor], given: tuple[tuple[Any, Tensor], Tensor]) -> tuple[Any, Any]:
        owed, begun = state
        (example, label), thrown = given
        # A class starts each epoch at another place between two whole numbers, or it would show the same ones again.
        owed = tf.cond(begun, lambda: owed, lambda: _starts(thrown, len(weights)))
        total = tf.gather(owed, label) + tf.gather(table, label)
        times = tf.floor(total)
        owed = tf.tensor_scatter_nd_update(owed, [[label]], [total - times])
        return (owed, tf.constant(True)), (example, label, tf.cast(times, tf.int64))

    start = (tf.zeros([len(weights)], tf.float64), tf.constant(False))
    return (
        tf.data.Dataset.zip(examples, dice)
        .scan(start, count)
        .filter(lambda example, label, times: times > 0)
        .flat_map(lambda example, label, times: tf.data.Dataset.from_tensors((example, label)).repeat(times))
    )


def _starts(thrown: Tensor, classes: int) -> Tensor:
    return tf.random.stateless_uniform([classes], tf.stack([thrown, tf.constant(2, tf.int64)]), dtype=tf.float64)


def _table(weights: Mapping[int, float]) -> Tensor:
    return tf.constant([weights[label] for label in range(len(weights))], tf.float64)
