"""Reading shards, training on drawn lesions, figures, and what a training refuses."""

from __future__ import annotations

import gc
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import drawn_shards
import numpy as np
import pytest
import small_network  # gives the registry its smallest network, "dot"

from curate.errors import CorpusError, TrainError, UsageError
from curate.ml import evaluation, runs
from curate.ml.fitting import phases
from curate.ml.runs import Options
from curate.ml.targets import Target, target

# The first is Keras' own word about NumPy 2.
pytestmark = [pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"), pytest.mark.tf]

TINY = Options(small_network.OPTIONS.model, "category", 32, 1, 8, 1e-3, 0.9, 1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set just large enough to take a step on."""
    return drawn_shards.make(tmp_path_factory.mktemp("tiny") / "shards", {"train": 8, "validation": 3, "test": 3})


def test_above_chance_from_random_weights(trained: Path) -> None:
    shards, run = drawn_shards.trained(trained)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["pictures"] == 90
    assert metrics["test"]["balanced_accuracy"] > 0.6  # chance: 0.333
    assert {path.name for path in run.iterdir()} >= {
        "model.keras", "metrics.json", "history.json", "recipe.json", "card.json", "card.md", "labels.txt"
    }  # fmt: skip
    card = (run / "card.md").read_text()
    assert "not a medical device" in card
    assert "Drawn for a test" in card
    assert "random weights" in card
    assert runs.labels(run) == ["benign", "precancerous", "malignant"]
    assert runs.read(run)["shards"] == json.loads((shards / "index.json").read_text())["key"]


def test_a_training_done_before_is_not_done_again(trained: Path) -> None:
    _, run = drawn_shards.trained(trained)
    before = (run / "model.keras").stat().st_mtime_ns
    assert drawn_shards.trained(trained)[1] == run
    assert (run / "model.keras").stat().st_mtime_ns == before
    assert runs.find(run.parent, None) == run
    assert runs.find(run.parent, run.name[:6]) == run
    with pytest.raises(UsageError, match="no run zzz"):
        runs.find(run.parent, "zzz")


@pytest.fixture(scope="session")
def small(tiny: Path) -> Path:
    """A run of one epoch."""
    from curate.ml.training import train

    return train(tiny, tiny.parent / "runs", TINY)[0]


def test_seeded_runs_repeat(tiny: Path, small: Path, tmp_path: Path) -> None:
    from curate.ml.training import train

    again, _ = train(tiny, tmp_path / "again", TINY)
    assert again.name == small.name
    for path in small.iterdir():
        assert (again / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_student_of_a_teacher(tiny: Path, small: Path, tmp_path: Path) -> None:
    from curate.ml.training import train

    run, _ = train(tiny, tmp_path, TINY, teachers=[small])
    assert run.name != small.name
    shards = runs.read(small)["shards"]
    (teacher,) = runs.read(run)["teachers"]
    assert (teacher["run"], teacher["shards"]) == (small.name, [shards])
    assert runs.read(run)["parameters"] == runs.read(small)["parameters"]
    assert abs((run / "model.keras").stat().st_size - (small / "model.keras").stat().st_size) < 5_000
    with pytest.raises(TrainError, match="same labels"):
        train(tiny, tmp_path, replace(TINY, target="subtype", seed=2), teachers=[small])


def test_the_loss_of_two_teachers() -> None:
    from curate.ml.backend import keras
    from curate.ml.distillation import TaughtLoss, distiller
    from curate.ml.losses import LabelLoss, answered_right

    def logits(seed: int, side: int) -> Any:
        keras.utils.set_random_seed(seed)
        return keras.Sequential([keras.Input((side, side, 3)), keras.layers.Flatten(), keras.layers.Dense(4)])

    student, teachers = logits(1, 4), [logits(2, 4), logits(3, 4)]
    dice = np.random.default_rng(4)
    pixels, labels = dice.standard_normal((60, 4, 4, 3), np.float32), dice.integers(0, 4, 60)
    weights = dice.random(60, np.float32)
    said = np.stack([np.asarray(teacher(pixels)) for teacher in teachers])
    right = said.argmax(axis=2) == labels
    assert set(right.sum(axis=0)) == {0, 1, 2}  # of the teachers, for one picture or another

    def log_softmax(values: Any) -> Any:
        return values - np.log(np.exp(values).sum(axis=-1, keepdims=True))

    own = np.asarray(student(pixels))
    plain = -log_softmax(own)[np.arange(60), labels]
    members = np.eye(4, dtype=np.float32)
    for oracle in (False, True):
        chosen = answered_right(members) if oracle else None
        loss = LabelLoss(members)
        learner = distiller(student, teachers, TaughtLoss(loss, alpha=0.3, temperature=2.0, right=chosen))
        learner.compile(optimizer="sgd", loss=loss)
        counts = right.astype(float) if oracle else np.ones((2, 60))
        word = (said * counts[..., None]).sum(axis=0) / np.maximum(counts.sum(axis=0), 1)[:, None]
        wanted, given = log_softmax(word / 2), log_softmax(own / 2)
        divergence = (np.exp(wanted) * (wanted - given)).sum(axis=1)
        share = 0.3 * (counts.sum(axis=0) > 0)
        each = ((1 - share) * plain + share * 4 * divergence) * weights
        found = float(learner.compute_loss(pixels, labels, learner(pixels), weights, True))
        assert found == pytest.approx(each.mean(), rel=1e-4)
        evaluated = float(learner.compute_loss(pixels, labels, learner(pixels), None, False))
        assert evaluated == pytest.approx(plain.mean(), rel=1e-4)
        assert len(learner.weights) == len(student.weights)
        assert not teachers[0].trainable_weights


def test_the_loss_of_a_label_of_several_outputs() -> None:
    from curate.ml.backend import tf
    from curate.ml.losses import LabelLoss, answered_right

    aim = Target("both", ("a", "b", "c"), ("x", "y"), (0, 1, 0))
    assert aim.members.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [0, 1, 0]]
    chances = np.array([[0.3, 0.4, 0.3], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3]])
    logits, labels = tf.constant(np.log(chances), tf.float32), np.array([3, 1, 2])
    own = -np.log([0.6, 0.8, 0.3])
    assert LabelLoss(aim.members).call(labels, logits).numpy() == pytest.approx(own, rel=1e-5)
    smooth = 0.9 * own - 0.1 * np.log(chances).mean(axis=1)
    assert LabelLoss(aim.members, smoothing=0.1).call(labels, logits).numpy() == pytest.approx(smooth, rel=1e-5)
    focal = own * np.array([0.4, 0.2, 0.7]) ** 2
    assert LabelLoss(aim.members, gamma=2).call(labels, logits).numpy() == pytest.approx(focal, rel=1e-5)
    assert answered_right(aim.members)(labels, logits).numpy().tolist() == [1, 1, 0]  # x is likelier than y
    sure = tf.constant([[60.0, 0.0, -60.0]])
    with tf.GradientTape() as tape:
        tape.watch(sure)
        loss = LabelLoss(aim.members, gamma=0.5).call([3], sure)
    assert np.isfinite(tape.gradient(loss, sure)).all()


def test_both_at_once(tiny: Path, tmp_path: Path) -> None:
    from curate.ml import models, records
    from curate.ml.shards import read_index
    from curate.ml.training import train

    shards = shutil.copytree(tiny, tmp_path / "shards")
    index = read_index(shards)
    aim = target(index | {"category_of_subtype": [0, 2, 2]}, "both", shards)
    found = {"subtype_index": np.array([0, 2, -1, -1, -1]), "category_index": np.array([0, 2, 2, 1, -1])}
    assert records.labels_in(found, aim).numpy().tolist() == [0, 2, 5, -1, -1]
    assert aim.name_of(5) == "malignant alone"
    options = replace(TINY, target="both", epochs=2)
    run, _ = train(shards, tmp_path / "runs", options)
    about = runs.read(run)
    assert about["categories"] == {"names": list(drawn_shards.CATEGORIES), "of_label": [0, 1, 2]}
    assert runs.labels(run) == list(drawn_shards.SUBTYPES)
    assert models.load(run).output_shape == (None, 3)
    metrics = runs.read_json(run / "metrics.json")["test"]
    assert (metrics["labels"], metrics["subtype"]["labels"]) == (list(drawn_shards.CATEGORIES), runs.labels(run))
    with pytest.raises(CorpusError, match="which category") as told:
        target({word: value for word, value in index.items() if word != "category_of_subtype"}, "both", shards)
    assert "curate shard" in str(told.value)


def test_the_head_is_trained_first(tmp_path: Path) -> None:
    """The body of random weights stays as it was, whether or not its batch norm sees pictures."""
    from curate.ml import models
    from curate.ml.backend import keras
    from curate.ml.training import train

    shards = drawn_shards.make(tmp_path / "shards", {"train": 8})  # none for validation: the last weights are kept

    def kernel(**knobs: Any) -> Any:
        run, _ = train(shards, tmp_path / "runs", replace(TINY, **knobs))
        return {weight.path: np.asarray(weight) for weight in models.load(run).weights}

    keras.utils.set_random_seed(TINY.seed)
    fresh = {weight.path: np.asarray(weight) for weight in models.build("dot", classes=3, side=32).weights}
    head, both = kernel(epochs=1, head_epochs=1), kernel(epochs=2, head_epochs=1, fine_rate=1.0)
    assert np.array_equal(head["body/kernel"], fresh["body/kernel"])
    assert not np.array_equal(head["logits/kernel"], fresh["logits/kernel"])
    assert not np.array_equal(both["body/kernel"], head["body/kernel"])
    options = replace(TINY, epochs=20, weights="imagenet")
    assert [phase.head_alone for phase in phases(options.settled(taught=False))] == [True, False]
    assert options.settled(taught=False).head_epochs == 4
    assert [phase.rate for phase in phases(replace(TINY, epochs=20).settled(taught=False))] == [1e-3]


def test_what_has_no_effect_names_no_other_run() -> None:
    plain = TINY.settled(taught=False)
    assert replace(TINY, alpha=0.1, oracle=True, focal_gamma=5, fine_rate=0.5).settled(taught=False) == plain
    assert replace(TINY, alpha=0.1).settled(taught=True) != TINY.settled(taught=True)
    assert replace(TINY, loss="focal", focal_gamma=5).settled(taught=False) != plain
    assert replace(TINY, patience=5).settled(taught=False) == plain


def test_a_teacher_counts_by_what_it_is(tmp_path: Path) -> None:
    from curate.ml import premises

    aim = Target("category", ("a", "b"))

    def teacher(folder: str, model: bytes, shards: str, taught_on: list[str]) -> premises.Teacher:
        run = _run_folder(tmp_path / folder)
        (run / "model.keras").write_bytes(model)
        (run / "labels.txt").write_text("a\nb\n")
        inherited = [{"run": "x", "model": "y", "shards": taught_on}] if taught_on else []
        about = runs.read_json(run / "recipe.json") | {"shards": shards, "teachers": inherited}
        runs.write_json(run / "recipe.json", about)
        return premises.known(run, aim)

    one, other = teacher("alice/best", b"one", "here", []), teacher("bob/best", b"two", "here", ["there"])
    moved = teacher("carol", b"one", "here", [])
    keys = [runs.key("here", TINY, [each.model for each in given]) for given in ([one], [other], [moved])]
    assert keys[0] == keys[2] != keys[1]
    assert runs.key("here", TINY, [one.model, other.model]) == runs.key("here", TINY, [other.model, one.model])
    assert premises.known(tmp_path / "alice" / "best" / ".", aim).said()["run"] == "best"
    (leak,) = premises.leaks([one.said(), other.said()], "here")
    assert "there, here here" in leak


def test_what_a_training_stands_on() -> None:
    from curate.ml import premises

    aim = Target("both", ("a", "b", "c"), ("x", "y"), (0, 1, 0))
    premises.check_classes(Path(), [0, 1], aim)
    premises.check_classes(Path(), [0, 4], aim)
    with pytest.raises(TrainError, match="one class"):
        premises.check_classes(Path(), [0, 2, 3], aim)  # all of the category x
    settled = replace(TINY, epochs=2, head_epochs=5).settled(taught=False)
    assert [note.split(" for ")[0] for note in premises.head_alone(settled)] == [
        "the head alone learns",
        "the head alone learns in all 2 epochs: the body stays as it began",
    ]
    assert not premises.head_alone(replace(TINY, epochs=5, weights="imagenet").settled(taught=False))


def test_a_file_called_imagenet_is_not_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = replace(TINY, weights="imagenet")
    before = options.said()
    (tmp_path / "imagenet").write_bytes(b"any")
    monkeypatch.chdir(tmp_path)
    assert options.said() == before


def test_validation_of_classes_that_are_not_trained_judges_nothing(tiny: Path) -> None:
    from curate.ml.fitting import judged_by

    assert judged_by(tiny, TINY, [0, 1, 2]) == 9
    assert judged_by(tiny, TINY, [0, 1]) == 6
    assert judged_by(tiny, replace(TINY, target="subtype"), [5]) == 0
    assert judged_by(tiny, replace(TINY, balance="none"), [5]) == 9


def test_options_without_effect(tiny: Path, tmp_path: Path) -> None:
    from curate.ml.shards import point
    from curate.stages import train
    from curate.workspace import Workspace

    workspace = Workspace(tmp_path / "root")
    shutil.copytree(tiny, workspace.cache / "shards" / "drawn")
    point(workspace.cache / "shards" / "drawn")
    with pytest.raises(UsageError, match=r"without effect.*--alpha, --oracle"):
        train.run(workspace, alpha=0.5, oracle=True, epochs=1)
    with pytest.raises(UsageError, match=r"without effect.*--focal-gamma"):
        train.run(workspace, focal_gamma=2.0)


def test_a_shard_that_is_another_is_refused(tiny: Path, tmp_path: Path) -> None:
    """Whole records, but not those that the index names."""
    from curate.ml.training import train

    shards = shutil.copytree(tiny, tmp_path / "shards")
    shutil.copyfile(next(shards.glob("*validation*")), next(shards.glob("*train*")))
    with pytest.raises(CorpusError, match="damaged"):
        train(shards, tmp_path / "runs", TINY)


def test_memory_is_flat_over_epochs(tiny: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is traced anew, and what Python holds does not grow, with a teacher too."""
    from curate.ml import checkpoints, training

    held = []
    save = checkpoints.save

    def counted(folder: Path, state: Any) -> None:
        save(folder, state)
        gc.collect()
        held.append(len(gc.get_objects()))

    monkeypatch.setattr(checkpoints, "save", counted)
    options = replace(TINY, epochs=8, patience=8, seed=3)
    _, notes = training.train(tiny, tmp_path, options, teachers=[small])
    assert len(held) == 8
    assert max(held[4:]) - held[3] < 200, held
    assert any("kept" in note for note in notes)


def test_labels_with_few_pictures_are_named(tmp_path: Path) -> None:
    from curate.ml.training import train

    shards = drawn_shards.make(tmp_path / "shards", {"train": 2, "validation": 2, "test": 2}, categories=(0, 2))
    _, notes = train(shards, tmp_path / "runs", replace(TINY, target="subtype"))
    assert any("without a picture for training" in note and "actinic_keratosis" in note for note in notes)
    assert any("melanocytic_nevus (2), melanoma (2)" in note for note in notes)


def test_a_teacher_of_other_shards_is_named(small: Path, tmp_path: Path) -> None:
    from curate.ml.training import train

    shards = drawn_shards.make(tmp_path / "shards", {"train": 4, "validation": 2, "test": 2})
    said: list[str] = []
    run, notes = train(shards, tmp_path / "runs", TINY, teachers=[small], say=said.append)
    assert any(small.name in note and "other shards" in note for note in notes)
    assert "other shards" in said[0]
    assert said[-1].startswith("epoch 1 of 1: ")
    assert f"Beware: the teacher {small.name}" in (run / "card.md").read_text()
    again, notes = train(shards, tmp_path / "runs", TINY, teachers=[small])
    assert again == run
    assert any("other shards" in note for note in notes)
    older = shutil.copytree(small, tmp_path / "older")
    runs.write_json(older / "recipe.json", runs.read_json(older / "recipe.json") | {"format": 2})
    with pytest.raises(TrainError, match="another version"):
        train(shards, tmp_path / "runs", replace(TINY, seed=9), teachers=[older])


def test_logs_for_tensorboard(tiny: Path, tmp_path: Path) -> None:
    from curate.ml.backend import tf
    from curate.ml.training import train

    run, _ = train(tiny, tmp_path / "runs", replace(TINY, epochs=2, seed=5), logs=tmp_path / "logs")
    history = runs.read_json(run / "history.json")
    for split, name, written in (("train", "epoch_loss", "loss"), ("validation", "epoch_loss", "val_loss")):
        (file,) = (tmp_path / "logs" / run.name / split).iterdir()
        said = [
            (event.step, float(tf.make_ndarray(value.tensor)))
            for event in map(tf.compat.v1.Event.FromString, tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
            for value in event.summary.value
            if value.tag == name
        ]
        assert said == [(step, pytest.approx(value)) for step, value in enumerate(history[written], 1)]


def test_one_class_is_refused(tmp_path: Path) -> None:
    from curate.ml.training import train

    shards = drawn_shards.make(tmp_path / "shards", {"train": 4}, categories=(0,))
    with pytest.raises(TrainError, match="one class") as told:
        train(shards, tmp_path / "runs", TINY)
    assert "4 x benign" in str(told.value)


def test_a_loss_that_is_no_number(tiny: Path, tmp_path: Path) -> None:
    from curate.ml.training import train

    with pytest.raises(TrainError, match="no number") as told:
        train(tiny, tmp_path / "runs", replace(TINY, model="boundless", epochs=3))
    assert not (tmp_path / "runs").exists()
    assert "learning_rate" in str(told.value.hint)


def test_no_shards_and_a_misspelt_model(tiny: Path, tmp_path: Path) -> None:
    from curate.ml.training import train

    with pytest.raises(CorpusError, match="no shards"):
        train(tmp_path / "nowhere", tmp_path / "runs", TINY)
    with pytest.raises(UsageError) as told:
        train(tiny, tmp_path / "runs", replace(TINY, model="efficientnet_lite"))
    assert "efficientnet_lite0" in str(told.value)
    with pytest.raises(UsageError, match="cannot go so"):
        train(tiny, tmp_path / "runs", replace(TINY, epochs=0))


def test_without_a_network_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from curate.ml import training
    from curate.ml.backend import keras

    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))
    if any((home / "models").glob("*mobilenet*")):
        pytest.skip("the weights are here already")
    for word in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(word, "http://127.0.0.1:9")
    for word in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(word, raising=False)
    aim = Target("category", drawn_shards.CATEGORIES)
    model, notes = training._model(
        replace(TINY, model="mobilenet_v3_small", weights="imagenet", mixed_precision="off"), aim
    )
    assert model.output_shape == (None, 3)
    assert "random weights instead" in notes[0]
    keras.backend.clear_session()
    keras.utils.set_random_seed(TINY.seed)
    random, _ = training._model(replace(TINY, model="mobilenet_v3_small", mixed_precision="off"), aim)
    assert all(np.array_equal(one, two) for one, two in zip(model.get_weights(), random.get_weights(), strict=True))


@pytest.mark.parametrize(
    "wrong", [{"seed": 99999999999}, {"seed": -1}, {"side": 4000}, {"batch": 0}, {"epochs": 10**6},
     {"label_smoothing": 1.0}, {"loss": "hinge"}, {"alpha": -0.1}],
)  # fmt: skip
def test_numbers_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="cannot go so") as told:
        replace(TINY, **wrong).checked()
    assert next(iter(wrong)) in str(told.value.expected)
    assert str(next(iter(wrong.values()))) in str(told.value.found)


def _run_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.keras").touch()
    about = {"format": runs.FORMAT, "target": "category", "side": 32, "shards": "0123456789abcdef"}
    runs.write_json(folder / "recipe.json", about)
    return folder


def test_the_run_that_train_made_or_found_last(tmp_path: Path) -> None:
    old, new = _run_folder(tmp_path / "aaaa"), _run_folder(tmp_path / "bbbb")
    os.utime(old, (1, 1))
    assert runs.find(tmp_path, None) == new
    assert "newest" in runs.taken(new)
    runs.point(old)
    assert runs.find(tmp_path, None) == old
    assert "aaaa" in runs.taken(old)
    assert runs.find(tmp_path, "bb") == new
    (old / "recipe.json").unlink()
    assert runs.find(tmp_path, None) == new


def test_train_moves_the_pointer_and_others_do_not(tiny: Path, tmp_path: Path) -> None:
    from curate.ml.shards import point
    from curate.stages import evaluate, train
    from curate.workspace import Workspace

    workspace = Workspace(tmp_path / "root")
    shutil.copytree(tiny, workspace.cache / "shards" / "drawn")
    point(workspace.cache / "shards" / "drawn")
    given: dict[str, Any] = {"model": TINY.model, "side": 32, "epochs": 1, "batch": 8}
    first = train.run(workspace, seed=1, **given)
    second = train.run(workspace, seed=2, **given)
    assert runs.find(workspace.cache / "runs", None) == Path(second.details["run"])
    assert first.details["about"]["pictures"] == {"short_side": 256, "quality": 92}
    again = train.run(workspace, seed=1, **given)
    assert (again.made, again.there) == (0, 1)
    report = evaluate.run(workspace)
    assert report.details["run"] == first.details["run"]
    assert any(Path(first.details["run"]).name in note for note in report.notes)
    evaluate.run(workspace, Path(second.details["run"]).name)
    assert runs.find(workspace.cache / "runs", None) == Path(first.details["run"])


@pytest.mark.parametrize("text", ["{", "[]", f'{{"format": {runs.FORMAT}}}', "\xff"])
def test_a_damaged_recipe_of_a_run(tmp_path: Path, text: str) -> None:
    run = _run_folder(tmp_path / "aaaa")
    (run / "recipe.json").write_text(text, encoding="latin-1")
    with pytest.raises(TrainError, match="damaged") as told:
        runs.read(run)
    assert told.value.where == str(run / "recipe.json")
    assert told.value.hint == f"rm -r {run} && curate train"


def test_a_run_without_its_model(tmp_path: Path) -> None:
    run = _run_folder(tmp_path / "aaaa")
    (run / "model.keras").unlink()
    with pytest.raises(TrainError, match="damaged") as told:
        runs.read(run)
    assert told.value.hint == f"rm -r {run} && curate train"


def test_a_damaged_model(small: Path, tmp_path: Path) -> None:
    from curate.ml import models

    whole = (small / "model.keras").read_bytes()
    path = _run_folder(tmp_path / "aaaa") / "model.keras"
    for data in (b"", whole[:1000], whole[:-100], whole[: len(whole) // 2], b"\0" * 500 + whole[500:]):
        path.write_bytes(data)
        with pytest.raises(TrainError, match="damaged") as told:
            models.load(path.parent)
        assert told.value.where == str(path)


def test_reading_is_the_same_for_the_same_seed(tiny: Path) -> None:
    from curate.ml import dataset

    def epochs(seed: int) -> list[bytes]:
        batches = dataset.load(tiny, "train", target="category", side=32, batch=8, training=True, seed=seed)
        return [np.asarray(pixels).tobytes() for _ in range(2) for pixels, _ in batches]

    first = epochs(1)
    assert first == epochs(1)
    assert first != epochs(2)
    assert first[:3] != first[3:]


def test_reading_for_evaluation(tiny: Path) -> None:
    from curate.ml import dataset

    batches = list(dataset.load(tiny, "train", target="category", side=32, batch=7))
    assert sum(len(labels) for _, labels in batches) == 24
    pixels = np.concatenate([np.asarray(pixels) for pixels, _ in batches])
    assert pixels.dtype == np.float32
    assert (pixels == np.round(pixels)).all()
    assert (pixels.min(), pixels.max()) >= (0, 100)
    assert dataset.labels_of(tiny, "train", "category") == [int(label) for _, labels in batches for label in labels]
    assert dataset.labels_of(tiny, "validation", "subtype").count(2) == 3


def test_class_weights() -> None:
    from curate.ml.balancing import class_weights

    weights = class_weights([0] * 60 + [1] * 30 + [2], 4)
    assert weights[1] == pytest.approx(2 * weights[0])
    assert weights[2] == pytest.approx(10 * weights[0])  # 60 without the limit
    assert weights[3] == 0
    assert sum(weights[label] * count for label, count in ((0, 60), (1, 30), (2, 1))) == pytest.approx(91)


def test_stratified_choice(tiny: Path) -> None:
    from curate.ml import dataset

    chosen = list(dataset.stratified(tiny, "train", target="category", pictures=9))
    assert sorted(int(each["category_index"]) for each in chosen) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert [each["id"] for each in chosen] == [
        each["id"] for each in dataset.stratified(tiny, "train", target="category", pictures=9)
    ]


def test_scores() -> None:
    truth = np.array([0] * 20 + [1] * 10 + [2] * 2)
    probabilities = np.eye(3, dtype=np.float32)[[0] * 20 + [1] * 5 + [0] * 5 + [2] * 2]
    found = evaluation.scores(evaluation.Answers(truth, probabilities), ["x", "y", "z"])
    assert found["accuracy"] == pytest.approx(27 / 32)
    assert found["balanced_accuracy"] == pytest.approx((1 + 0.5 + 1) / 3)
    assert found["majority"] == pytest.approx(20 / 32)
    assert found["confusion"] == [[20, 0, 0], [5, 5, 0], [0, 0, 2]]
    assert found["per_class"]["z"] == {"pictures": 2, "too_small": True}
    assert evaluation.scores(evaluation.Answers(truth[:0], probabilities[:0]), ["x"]) == {"pictures": 0}
