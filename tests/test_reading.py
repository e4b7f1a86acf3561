"""Reading shards: each picture once, the same for the same seed, parts of workers, classes that count alike."""

from __future__ import annotations

import json
import math
import os
import re
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import drawn_shards
import numpy as np
import pytest

from curate.errors import UsageError
from curate.images import codec
from curate.ml import shards
from curate.ml.example import Value
from curate.recipe import ShardRecipe

pytestmark = pytest.mark.tf

PAGE = Path(__file__).parent.parent / "docs" / "reading-shards.md"
COUNTS = {0: 40, 1: 16, 2: 4}
KNOWN = sum(COUNTS.values())
GIVEN: dict[str, Any] = {"target": "category", "side": 32}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight shards of three classes, one rare, and six pictures whose category is unknown."""
    made = tmp_path_factory.mktemp("uneven") / "shards"
    made.mkdir()
    rows, pictures = [], {}
    unknown: dict[str, Value] = {"category": None, "category_index": None}
    for category, count in [*COUNTS.items(), (0, 6)]:
        for seed in range(count):
            row = drawn_shards.row("train", category, seed)
            if len(rows) >= KNOWN:
                row |= {"id": f"drawn:unknown_{seed}"} | unknown
            rows.append(row)
            pictures[str(row["id"])] = codec.encode(drawn_shards.lesion(category, len(rows), 40), "PNG")
    rows.sort(key=lambda row: shards.place(str(row["id"])))
    ordered = shards.write(made, "drawn", "train", rows, pictures.__getitem__, pictures=len(rows), per_shard=9)
    listed = {"train": ordered}
    labels = {"category_index": list(drawn_shards.CATEGORIES), "subtype_index": list(drawn_shards.SUBTYPES)}
    values = {"key": "uneven", "labels": labels, "credits": [], "recipe": ShardRecipe().said()}
    shards.write_index(made, values, listed)
    assert len(listed["train"]) == 8
    return made


def contexts(workers: int, replicas: int | None = None) -> list[Any]:
    from curate.ml.backend import tf

    return [tf.distribute.InputContext(workers, number, replicas or workers) for number in range(workers)]


def ids(folder: Path, worker: Any = None, seed: int | None = None) -> list[str]:
    from curate.ml import dataset

    found = dataset.records(folder, "train", worker=worker, seed=seed).map(dataset.parse)
    return [each["id"].decode() for each in found.as_numpy_iterator()]


def shown(batches: Any) -> list[tuple[bytes, int]]:
    """Return each picture of an epoch, by its pixels, with its label."""
    return [
        (pixels.tobytes(), int(label))
        for pictures, labels in batches.as_numpy_iterator()
        for pixels, label in zip(pictures, labels, strict=True)
    ]


def test_evaluation_has_each_known_picture_once_in_the_order_of_the_shards(folder: Path) -> None:
    from curate.ml import dataset

    everything = ids(folder)
    assert len(everything) == len(set(everything)) == KNOWN + 6
    read = list(dataset.read(folder, "train", **GIVEN).as_numpy_iterator())
    assert [each["id"].decode() for each in read] == [name for name in everything if "unknown" not in name]
    batches = dataset.load(folder, "train", batch=16, **GIVEN)
    assert [len(labels) for _, labels in batches] == [16, 16, 16, 12]
    assert int(batches.cardinality()) == 4
    whole = [(each["pixels"].astype(np.float32).tobytes(), int(each["label"])) for each in read]
    assert shown(batches) == whole
    assert shown(batches) == whole


def test_training_has_each_known_picture_once_in_an_order_of_its_own(folder: Path) -> None:
    from curate.ml import dataset

    def epochs(seed: int) -> list[list[tuple[bytes, int]]]:
        batches = dataset.load(folder, "train", batch=12, training=True, augmented=False, seed=seed, **GIVEN)
        return [shown(batches), shown(batches)]

    first, second = epochs(1)
    everything = sorted(shown(dataset.load(folder, "train", batch=12, **GIVEN)))
    assert sorted(first) == sorted(second) == everything
    assert len(set(everything)) == KNOWN
    assert first != second
    assert [first, second] == epochs(1)
    assert first not in epochs(2)


def test_training_is_augmented_the_same_for_the_same_seed(folder: Path) -> None:
    from curate.ml import dataset

    def epoch(seed: int) -> list[tuple[bytes, int]]:
        return shown(dataset.load(folder, "train", batch=12, training=True, seed=seed, **GIVEN))

    whole = {pixels for pixels, _ in shown(dataset.load(folder, "train", batch=12, **GIVEN))}
    assert epoch(1) == epoch(1)
    assert not {pixels for pixels, _ in epoch(1)} & {pixels for pixels, _ in epoch(2)}
    assert not {pixels for pixels, _ in epoch(1)} & whole


def test_an_incomplete_batch_is_dropped_only_where_there_is_a_complete_one(folder: Path) -> None:
    from curate.ml import dataset

    def sizes(batch: int) -> list[int]:
        batches = dataset.load(folder, "train", batch=batch, training=True, **GIVEN)
        found = [len(labels) for _, labels in batches]
        assert int(batches.cardinality()) == len(found)
        return found

    assert sizes(16) == [16, 16, 16]
    assert sizes(100) == [KNOWN]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("workers", [1, 2, 3, 5, 8, 16])
def test_the_parts_of_workers_are_disjoint_and_complete(folder: Path, workers: int, seed: int | None) -> None:
    parts = [ids(folder, worker, seed) for worker in contexts(workers)]
    assert sorted(name for part in parts for name in part) == sorted(ids(folder))
    if workers not in (1, 2, 8):
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        return
    path = [each["file"] for each in shards.read_index(folder)["shards"]["train"]]
    for number, part in enumerate(parts):
        held = b"".join((folder / name).read_bytes() for name in path[number::workers])
        assert all(name.encode() in held for name in part)  # a worker opens its own shards alone


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_make_equally_many_steps(folder: Path, workers: int) -> None:
    from curate.ml import dataset

    training = [
        dataset.load(folder, "train", batch=3 * workers, training=True, worker=worker, augmented=False, **GIVEN)
        for worker in contexts(workers)
    ]
    steps = {sum(1 for _ in batches) for batches in training}
    assert len(steps) == 1
    assert 0.7 * KNOWN <= 3 * workers * steps.pop() <= KNOWN
    pictures = [each for batches in training for each in shown(batches)]
    assert len(set(pictures)) == len(pictures)
    scored = [
        each
        for worker in contexts(workers)
        for each in shown(dataset.load(folder, "train", batch=3 * workers, worker=worker, **GIVEN))
    ]
    assert sorted(scored) == sorted(shown(dataset.load(folder, "train", batch=8, **GIVEN)))


def test_sampling_shows_classes_alike(folder: Path) -> None:
    from curate.ml import dataset

    def epoch(limit: float) -> list[tuple[bytes, int]]:
        options: dict[str, Any] = {"training": True, "augmented": False, "balance": "sampling", "limit": limit}
        batches = dataset.load(folder, "train", batch=12, **options, **GIVEN)
        assert shown(batches) != shown(batches)
        return shown(batches)

    found = epoch(math.inf)
    assert len(found) == KNOWN
    alike = Counter(label for _, label in found)
    assert all(abs(alike[label] - KNOWN / 3) <= 3 for label in COUNTS)
    rare = Counter(pixels for pixels, label in found if label == 2)
    assert len(rare) == 4
    assert max(rare.values()) - min(rare.values()) <= 1
    assert max(Counter(pixels for pixels, label in found if label == 0).values()) == 1
    limited = Counter(label for _, label in epoch(2))  # weights as 1 : 2 : 2, so 40 : 32 : 8 of 80
    assert all(abs(limited[label] - KNOWN * share) <= 3 for label, share in ((0, 0.5), (1, 0.4), (2, 0.1)))


def test_resampled_gives_each_class_what_it_weighs_to_within_one() -> None:
    from curate.ml.backend import tf
    from curate.ml.balancing import resampled

    labels = [0] * 50 + [1] * 9 + [2] * 3
    examples = tf.data.Dataset.from_tensor_slices(({"number": np.arange(62)}, np.array(labels)))
    weights = {0: 0.37, 1: 2.5, 2: 0.0}
    drawn = resampled(examples, weights, seed=3)

    def epoch(some: Any) -> list[tuple[int, int]]:
        return [(int(each["number"]), int(label)) for each, label in some.as_numpy_iterator()]

    epochs = []
    for _ in range(20):
        found = epoch(drawn)
        counts = Counter(label for _, label in found)
        assert abs(counts[0] - 18.5) <= 1
        assert abs(counts[1] - 22.5) <= 1
        assert counts[2] == 0
        assert {times for (_, label), times in Counter(found).items() if label == 1} == {2, 3}
        epochs.append(found)
    assert {number for found in epochs for number, label in found if label == 0} == set(range(50))
    assert epoch(resampled(examples, weights, seed=3)) == epochs[0]
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(resampled(examples.map(lambda each, label: (each, label - 1)), weights, seed=3))


def test_weights_stand_beside_the_labels_and_add_up(folder: Path) -> None:
    from curate.ml import dataset
    from curate.ml.balancing import class_weights

    labels = dataset.labels_of(folder, "train", "category")
    assert Counter(labels) == COUNTS
    weights = class_weights(labels, 3, 5)
    found = [
        (int(label), float(weight))
        for _, some, given in dataset.load(folder, "train", batch=7, balance="weights", limit=5, **GIVEN)
        for label, weight in zip(some, given, strict=True)
    ]
    assert [label for label, _ in found] == labels
    assert [weight for _, weight in found] == pytest.approx([weights[label] for label in labels])
    assert sum(weight for _, weight in found) == pytest.approx(KNOWN)
    assert weights[1] == pytest.approx(2.5 * weights[0])
    assert weights[2] == pytest.approx(5 * weights[0])


def _view(picture: Any, dice: int, side: int, **given: Any) -> Any:
    from curate.ml.augmentation import view

    seen = view(picture, dice, side, **given).numpy()
    assert (seen.dtype, seen.shape) == (np.float32, (side, side, 3))
    assert np.array_equal(seen, view(picture, dice, side, **given).numpy())
    return seen


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_view_is_the_picture_at_any_angle_and_nothing_else(dtype: Any) -> None:
    y, x = np.mgrid[0:120, 0:160]
    place = np.stack([y, x, np.full_like(y, 90)], axis=-1).astype(dtype)
    angles, mirrored, sizes = [], [], []
    for dice in range(60):
        seen = _view(place, dice, 40)
        assert seen[..., 2] == pytest.approx(90, abs=0.01)  # no corner is black
        middle = seen[15:25, 15:25, :2]  # where no border is mirrored
        down, right = (np.diff(middle, axis=axis).mean(axis=(0, 1)) for axis in (0, 1))
        angles.append(np.arctan2(right[0], right[1]))
        mirrored.append(np.sign(down[0] * right[1] - down[1] * right[0]))
        sizes.append((np.hypot(*down) * 40 / 120, np.hypot(*right) * 40 / 160))
    assert len(np.unique(np.floor(4 * np.array(angles) / np.pi))) == 8
    assert set(mirrored) == {-1, 1}
    assert (np.min(sizes) > 0.79, np.max(sizes) < 1.01) == (True, True)
    assert np.ptp(np.divide(*np.transpose(sizes))) > 0.2
    for least in (0, 1.1):
        with pytest.raises(ValueError, match="least"):
            _view(place, 1, 40, least=least)


def test_a_view_of_a_large_picture_passes_over_no_pixel() -> None:
    lines = np.zeros((600, 600, 3), np.uint8)
    lines[::6] = 240
    for dice in range(5):
        seen = _view(lines, dice, 50)
        assert abs(seen.mean() - 40) < 1
        assert seen.max() < 80


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_recolour_keeps_the_range(dtype: Any) -> None:
    from curate.ml.augmentation import recolour

    for level in (0, 255):
        flat = [recolour(np.full((4, 4, 3), level, dtype), dice).numpy() for dice in range(40)]
        assert (np.min(flat) >= 0, np.max(flat) <= 255) == (True, True)
    grey = np.array([recolour(np.full((4, 4, 3), 100, dtype), dice).numpy()[0, 0] for dice in range(200)])
    assert (grey.min() >= 84 * 0.95 - 0.01, grey.max() <= 116 * 1.05 + 0.01) == (True, True)
    assert grey.max() - grey.min() > 20


@pytest.mark.parametrize(("what", "least", "most"), [("hair", 0.003, 0.15), ("ruler", 0.003, 0.08)])
def test_hairs_and_rulers_lie_over_a_share_of_the_pictures(what: str, least: float, most: float) -> None:
    from curate.ml.augmentation import augment

    skin = np.full((120, 90, 3), 180, np.uint8)

    def drawn(share: float, dice: int) -> Any:
        seen = augment(skin, dice, 96, **{"hair": 0.0, "ruler": 0.0, what: share}).numpy()
        assert (seen.min() >= 0, seen.max() <= 255) == (True, True)
        return seen

    covers = []
    for dice in range(40):
        bare, with_all = drawn(0, dice), drawn(1, dice)
        changed = np.abs(bare - with_all).max(axis=-1) > 40
        covers.append(changed.mean())
        if what == "ruler":  # along an edge, never over the middle
            assert not changed[28:68, 28:68].any()
    assert (min(covers) >= 0, np.mean(covers) > least, max(covers) < most) == (True, True, True)
    some = [not np.array_equal(drawn(0.3, dice), drawn(0, dice)) for dice in range(100)]
    assert 15 <= sum(some) <= 45


def test_epochs_follow_from_their_number(folder: Path) -> None:
    from curate.ml import dataset

    def read(epochs: range, **more: Any) -> list[bytes]:
        given = {**GIVEN, "batch": 8, "training": True, "epochs": epochs} | more
        return [pixels.numpy().tobytes() for pixels, *_ in dataset.load(folder, "train", **given)]

    for balance in (None, "sampling"):
        whole = read(range(4), balance=balance)
        steps = len(whole) // 4
        assert len(set(whole)) == len(whole)
        assert read(range(2, 4), balance=balance) == whole[2 * steps :]
        tf_seed(0)  # the program's own seed does not matter
        assert read(range(3, 4), balance=balance) == whole[3 * steps :]
    assert read(range(1), batch=1000) != read(range(1, 2), batch=1000)
    assert len(read(range(3), batch=1000)) == 3


def tf_seed(seed: int) -> None:
    from curate.ml.backend import tf

    tf.random.set_seed(seed)


def test_fit_gives_whole_levels_whatever_the_size() -> None:
    from curate.ml import dataset

    pixels = np.random.default_rng(1).integers(0, 256, (96, 96, 3), np.uint8)
    third = dataset.fit(pixels, 32).numpy()
    mean = pixels.reshape(32, 3, 32, 3, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(third - mean).max() <= 0.5001
    assert np.array_equal(dataset.fit(pixels, 96).numpy(), pixels)
    for shape in ((96, 60), (20, 90), (300, 40), (7, 5)):
        found = dataset.fit(np.resize(pixels, (*shape, 3)), 48).numpy()
        assert (found.dtype, found.shape) == (np.float32, (48, 48, 3))
        assert (found == np.round(found)).all()
        assert (found.min() >= 0, found.max() <= 255) == (True, True)
        assert (dataset.fit(np.full((*shape, 3), 77, np.uint8), 48).numpy() == 77).all()
    stored = codec.encode(pixels, "PNG")
    assert np.array_equal(dataset.pixels_of(stored).numpy(), pixels)
    decoded = dataset.decode(stored, 32).numpy()
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, third)


def test_a_split_without_pictures(folder: Path) -> None:
    from curate.ml import dataset

    for training in (False, True):
        assert list(dataset.load(folder, "test", batch=4, training=training, **GIVEN)) == []
    assert dataset.labels_of(folder, "test", "category") == []


def test_what_cannot_be_meant(folder: Path) -> None:
    from curate.ml import dataset

    with pytest.raises(UsageError, match="category, subtype or both"):
        dataset.load(folder, "train", target="diagnosis", side=32, batch=8)
    with pytest.raises(UsageError, match="no evaluation"):
        dataset.load(folder, "train", batch=8, balance="sampling", **GIVEN)
    with pytest.raises(UsageError, match="a multiple of 3"):
        dataset.load(folder, "train", batch=8, worker=contexts(3)[0], **GIVEN)
    with pytest.raises(UsageError, match="batch"):
        dataset.load(folder, "train", batch=0, **GIVEN)


WORKER = """
import json, os, sys
from pathlib import Path
from curate.ml import dataset
from curate.ml.backend import tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
batches = strategy.distribute_datasets_from_function(
    lambda context: dataset.load(Path(sys.argv[1]), "train", target="category", side=8, batch=8, training=True,
                                 augmented=False, worker=context)
)
mine, total = [], 0
for pixels, labels in batches:
    for part in strategy.experimental_local_results(pixels):
        mine += [[*map(int, each.flatten()[:60])] for each in part.numpy()]
    total += int(strategy.reduce("SUM", strategy.run(lambda some: tf.size(some), args=(labels,)), axis=None))
print(json.dumps([mine, total]))
"""


def test_two_processes_of_a_strategy_read_disjoint_parts(folder: Path) -> None:
    with socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        hosts = [f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two)]
    running = []
    for number in range(2):
        role = {"cluster": {"worker": hosts}, "task": {"type": "worker", "index": number}}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", WORKER, str(folder)],
                env=os.environ | {"TF_CONFIG": json.dumps(role), "CUDA_VISIBLE_DEVICES": "-1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        told = [process.communicate(timeout=240) for process in running]
    finally:
        for process in running:
            process.kill()
    assert [process.returncode for process in running] == [0, 0], told[0][1][-2000:] + told[1][1][-2000:]
    (first, total), (second, other) = (json.loads(out.splitlines()[-1]) for out, _ in told)
    assert len(first) == len(second) > 20
    assert total == other == len(first) + len(second)
    assert len({tuple(each) for each in first + second}) == total


def test_what_the_page_shows_runs(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow_datasets")
    drawn_shards.make(tmp_path / "shards", {"train": 16, "validation": 6, "test": 4}, per_shard=16)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 8
    (tmp_path / "page.py").write_text("\n".join(blocks), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "(96, 96, 3)" in done.stdout
