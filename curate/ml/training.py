"""One training: shards in, a run folder out, whole or not at all."""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate import whole
from curate.errors import TrainError
from curate.ml import balancing, dataset, evaluation, models, registry, runs
from curate.ml.backend import Model, keras, tf
from curate.ml.card import card, markdown
from curate.ml.credits import Credit
from curate.ml.distillation import distiller
from curate.ml.runs import Options
from curate.ml.shards import read_index
from curate.ml.weights import Unreached
from curate.report import Advance, Progress, silent

_MADE_BY = ("short_side", "quality", "hair_removal")  # the knobs of the shards by which a picture's bytes are made


def train(
    shards: Path, folder: Path, options: Options, *, teachers: Sequence[Path] = (), progress: Progress = silent
) -> tuple[Path, list[str]]:
    """Train one model on the shards and leave `folder/<key>/`; return that path and what a person should know.

    The run folder holds model.keras, metrics.json, history.json, recipe.json, card.json, card.md, labels.txt and
    files.json. Where it is there already nothing is done. The weights kept are those of the epoch with the lowest
    validation loss (of the last epoch, where no picture is for validation). Raises UsageError for an unknown model,
    CorpusError where there are no shards or one is damaged, TrainError where the pictures for training are of fewer
    than two classes or the loss is no number.
    """
    registry.check_weights(options.checked().model, options.weights)
    index = read_index(shards)
    run = folder / runs.key(index["key"], options, tuple(teacher.name for teacher in teachers))
    if run.is_dir():
        return run, ["this training was done before; its run folder stands"]
    names = dataset.names_of(shards, options.target)
    labels = dataset.labels_of(shards, "train", options.target)
    _check_classes(shards, labels, names)
    keras.backend.clear_session()
    keras.utils.set_random_seed(options.seed)
    model, notes = _model(options, len(names))
    initial = "random" if options.weights is None or notes else options.said()["weights"]
    masters = [_teacher(path, options, names) for path in teachers]
    history = _fit(model, masters, shards, options, labels, progress)
    metrics = _metrics(model, shards, options, names, progress)
    if not metrics["validation"]["pictures"]:
        notes.append("no picture is for validation: the weights are those of the last epoch")
    try:
        with whole.folder(run) as part:
            model.save(part / "model.keras")
            about = {
                "format": runs.FORMAT,
                "shards": index["key"],
                **options.said(),
                "teachers": [teacher.name for teacher in teachers],
                # what `predict` has to do with a picture before it asks the model
                "pictures": {knob: index["recipe"][knob] for knob in _MADE_BY if knob in index["recipe"]},
                "initial": initial,
                "published": registry.find(options.model).credit if initial == registry.IMAGENET else None,
                "reference": registry.find(options.model).reference,
                "parameters": models.trainable_parameters(model),
                "made_with": {name: importlib.metadata.version(name) for name in ("keras", "numpy")}
                | {"tensorflow": tf.__version__},
            }
            _describe(part, about, metrics, history, names, [Credit.from_dict(each) for each in index["credits"]])
            runs.seal(part)
    except OSError as broken:
        raise TrainError(
            "the run could not be written", where=str(run), found=str(broken), hint="make room, then curate train"
        ) from broken
    return run, notes


def _check_classes(shards: Path, labels: list[int], names: list[str]) -> None:
    if len(set(labels)) < 2:
        raise TrainError(
            "the pictures for training are of one class: there is nothing to tell apart",
            where=str(shards),
            expected="at least two classes in the split train",
            found=", ".join(f"{len(labels)} x {names[label]}" for label in sorted(set(labels)))
            or "no labelled picture",
            hint="add a source (curate fetch), then curate build; curate sql 'from class_balance' shows what is there",
        )


def _model(options: Options, classes: int) -> tuple[Model, list[str]]:
    knobs: dict[str, Any] = {
        "classes": classes,
        "side": options.side,
        "batch_norm_momentum": options.batch_norm_momentum,
    }
    if options.weights is None:
        return models.build(options.model, **knobs), []
    try:
        return models.build(options.model, weights=options.weights, **knobs), []
    except Unreached as unreached:
        note = f"the weights {options.weights!r} could not be had ({unreached}): trained from random weights instead"
        return models.build(options.model, **knobs), [note]


def _teacher(path: Path, options: Options, names: list[str]) -> Model:
    about = runs.read(path)
    if about["target"] != options.target or runs.labels(path) != names:
        raise TrainError(
            "a teacher must know the same labels as its student",
            where=str(path),
            expected=f"target {options.target}, {len(names)} labels",
            found=f"target {about['target']}, {len(runs.labels(path))} labels",
            hint=f"curate train --target {options.target} for the teacher first",
        )
    return models.logits_of(models.load(path))


def _fit(
    model: Model, teachers: list[Model], shards: Path, options: Options, labels: list[int], progress: Progress
) -> dict[str, list[float]]:
    student = models.logits_of(model)
    learner = (
        distiller(student, teachers, alpha=options.alpha, temperature=options.temperature) if teachers else student
    )
    steps = max(1, len(labels) // options.batch)
    total = steps * options.epochs
    warm = min(steps, max(1, total // 10))
    rate = keras.optimizers.schedules.CosineDecay(
        options.learning_rate / 10, max(1, total - warm), warmup_target=options.learning_rate, warmup_steps=warm
    )
    learner.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    given: dict[str, Any] = {"target": options.target, "side": options.side, "batch": options.batch}
    training = dataset.load(shards, "train", training=True, seed=options.seed, **given)
    held = bool(dataset.labels_of(shards, "validation", options.target))
    validation = dataset.load(shards, "validation", **given) if held else None
    callbacks = [keras.callbacks.TerminateOnNaN()]
    if held:
        best = keras.callbacks.EarlyStopping(
            "val_loss", patience=max(5, math.ceil(options.epochs / 3)), restore_best_weights=True
        )
        callbacks.append(best)
    with progress("train", total, "steps") as advance, dataset.reading(shards):
        history = learner.fit(
            training,
            validation_data=validation,
            epochs=options.epochs,
            class_weight=balancing.class_weights(labels, model.output_shape[-1]),
            callbacks=[*callbacks, _steps(advance)],
            shuffle=False,  # the data set shuffles itself
            verbose=0,
        ).history
    kept = {name: [float(value) for value in values] for name, values in history.items()}
    if not all(math.isfinite(value) for value in kept["loss"]):
        raise TrainError(
            "the loss became no number",
            expected="a finite loss",
            found=f"{kept['loss'][-1]} in epoch {len(kept['loss'])}",
            done="no run was left behind",
            hint=f"a lower learning_rate than {options.learning_rate:g} in curate.toml [train]",
        )
    return kept


def _steps(advance: Advance) -> Any:
    return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: advance(1))


def _metrics(model: Model, shards: Path, options: Options, names: list[str], progress: Progress) -> dict[str, Any]:
    metrics = {}
    answer = evaluation.keras_answer(tf.function(model, reduce_retracing=True))
    for split in ("validation", "test"):
        with progress(f"score {split}", None, "pictures") as advance:
            found = evaluation.answers(answer, shards, split, target=options.target, side=options.side, advance=advance)
        metrics[split] = evaluation.scores(found, names)
    return metrics


def _describe(
    folder: Path,
    about: dict[str, Any],
    metrics: dict[str, Any],
    history: dict[str, list[float]],
    names: list[str],
    credits_: list[Credit],
) -> None:
    runs.write_json(folder / "recipe.json", about)
    runs.write_json(folder / "metrics.json", metrics)
    runs.write_json(folder / "history.json", history)
    values = card(about, metrics, names, credits_)
    runs.write_json(folder / "card.json", values)
    (folder / "card.md").write_text(markdown(values), encoding="utf-8")
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
