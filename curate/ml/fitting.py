"""How weights are found: the phases of a training, epoch by epoch, from wherever the one before has come to."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.errors import TrainError
from curate.ml import balancing, dataset, models
from curate.ml.backend import Dataset, Model, keras
from curate.ml.board import Board
from curate.ml.checkpoints import Keeper, State, given
from curate.ml.distillation import TaughtLoss, distiller
from curate.ml.losses import LabelLoss, answered_right
from curate.ml.runs import Options
from curate.report import Advance, Progress, Say


class NoNumberError(TrainError):
    """The loss became no number: the same training would end so again."""


@dataclass(frozen=True)
class Phase:
    """Epochs `first` to `last` (from 0, without the last) in one course of the learning rate, `rate` at its highest."""

    first: int
    last: int
    rate: float
    head_alone: bool = False


def phases(options: Options) -> list[Phase]:
    """Return the phases of a training: the head alone, where it has epochs of its own, then all at a lower rate."""
    head = options.head_epochs
    if not head:
        return [Phase(0, options.epochs, options.learning_rate)]
    rest = Phase(head, options.epochs, options.learning_rate * options.fine_rate)
    return [Phase(0, head, options.learning_rate, head_alone=True)] + ([rest] if rest.first < rest.last else [])


def fit(
    model: Model,
    teachers: Sequence[Model],
    shards: Path,
    options: Options,
    labels: Sequence[int],
    state: State,
    folder: Path,
    *,
    logs: Path | None,
    progress: Progress,
    say: Say,
) -> None:
    """Train a model on from `state`, with a checkpoint in `folder` after each epoch; its weights are then the best.

    `labels` are those of the split train; `options` are settled. The best epoch is the one with the lowest validation
    loss, the last where no picture is for validation. With `logs`, TensorBoard's files are written there; `say` is told
    the figures of each epoch.
    Raises NoNumberError where the loss is no number, CorpusError where a shard is damaged, TrainError where a
    checkpoint does not fit or cannot be written.
    """
    student = models.logits_of(model)
    target = dataset.target_in(shards, options.target)
    gamma = options.focal_gamma if options.loss == "focal" else 0.0
    loss = LabelLoss(target.members, gamma=gamma, smoothing=options.label_smoothing)
    right = answered_right(target.members)
    learner = student
    if teachers:
        chosen = right if options.oracle else None
        taught = TaughtLoss(loss, alpha=options.alpha, temperature=options.temperature, right=chosen)
        learner = distiller(student, teachers, taught)
    weights = balancing.class_weights(labels, target.labels)
    validation = _validation(shards, options, weights) if judged_by(shards, options, labels) else None
    steps = max(1, len(labels) // options.batch)
    left = 0 if state.stopped else options.epochs - state.epoch
    title = f"from {state.epoch + 1}" if state.epoch else "train"  # a bar has room for nine letters
    with progress(title, steps * left, "steps") as advance, dataset.reading(shards):
        for number, phase in enumerate(phases(options)):
            if state.stopped or state.epoch >= phase.last:
                continue
            (models.freeze_body if phase.head_alone else models.unfreeze)(model)
            learner.compile(
                optimizer=_optimizer(options, phase, steps),
                loss=loss,
                metrics=[keras.metrics.MeanMetricWrapper(right, name="accuracy")],
                auto_scale_loss=False,
                jit_compile=False,
            )
            learner.optimizer.build(student.trainable_variables)
            if state.epoch > phase.first:
                _go_on(learner.optimizer, state, folder)
            elif not phase.head_alone:
                state.waited = 0
            patience = math.inf if phase.head_alone else max(1, options.patience)
            keeper = Keeper(folder, model, state, phase=number, patience=patience)
            callbacks: list[Any] = [_steps(advance), _told(say, options.epochs), keeper]
            if logs is not None:
                callbacks.insert(0, Board(logs))  # before the epoch counts as done: what is cut between is said twice
            learner.fit(
                _training(shards, options, range(state.epoch, phase.last)),
                steps_per_epoch=steps,
                initial_epoch=state.epoch,
                epochs=phase.last,
                validation_data=validation,
                callbacks=callbacks,
                shuffle=False,  # the data set shuffles itself
                verbose=0,
            )
            _check(state, options)
    if state.weights:
        model.set_weights(state.weights)


def _training(shards: Path, options: Options, epochs: range) -> Dataset:
    return dataset.load(
        shards,
        "train",
        target=options.target,
        side=options.side,
        batch=options.batch,
        training=True,
        balance=None if options.balance == "none" else options.balance,  # type: ignore[arg-type]
        seed=options.seed,
        epochs=epochs,
        hair=options.hair,
        ruler=options.ruler,
    )


def judged_by(shards: Path, options: Options, labels: Sequence[int]) -> int:
    """Return how many pictures the epochs are judged by: those for validation. Where rare classes count more, those of
    classes without a picture for training (`labels`) weigh nothing, and do not count.
    """
    held = dataset.labels_of(shards, "validation", options.target)
    return len(held) if options.balance == "none" else sum(label in set(labels) for label in held)


def _go_on(optimizer: Any, state: State, folder: Path) -> None:
    try:
        given(optimizer.variables, state.optimizer)
    except ValueError as broken:
        raise TrainError(
            "a checkpoint does not fit this training",
            where=str(folder),
            expected="the state of its optimizer",
            found=str(broken),
            done="nothing was changed",
            hint=f"rm -r {shlex.quote(str(folder))} && curate train, which begins anew",
        ) from broken


def _validation(shards: Path, options: Options, weights: dict[int, float]) -> Dataset:
    """Return the pictures for validation, weighed as those for training are: the epoch is chosen by what is learnt."""
    found = dataset.load(shards, "validation", target=options.target, side=options.side, batch=options.batch)
    return found if options.balance == "none" else found.map(balancing.with_weight(weights))


def _optimizer(options: Options, phase: Phase, steps: int) -> Any:
    total = steps * (phase.last - phase.first)
    warm = min(steps, max(1, total // 10))
    rate = keras.optimizers.schedules.CosineDecay(
        phase.rate / 10, max(1, total - warm), warmup_target=phase.rate, warmup_steps=warm
    )
    if options.weight_decay:
        optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    else:
        optimizer = keras.optimizers.Adam(rate)
    return keras.optimizers.LossScaleOptimizer(optimizer) if options.mixed_precision == "on" else optimizer


def _check(state: State, options: Options) -> None:
    """Raise NoNumberError where the last epoch gave no number, or none ever did for validation."""
    last = state.history["loss"][-1]
    held = "val_loss" in state.history
    if math.isfinite(last) and not (held and state.best is None):
        return
    raise NoNumberError(
        "the loss became no number",
        expected="a finite loss",
        found=f"{last if not math.isfinite(last) else state.history['val_loss'][-1]} in epoch "
        f"{len(state.history['loss'])}",
        done="no run was left behind",
        hint=f"a lower learning_rate than {options.learning_rate:g} in curate.toml [train]",
    )


def _told(say: Say, epochs: int) -> Any:
    class Told(keras.callbacks.Callback):  # type: ignore[misc]
        """Says the figures of each epoch in a line."""

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            """Say them, those of validation by their own name."""
            figures = ", ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
            say(f"epoch {epoch + 1} of {epochs}: {figures}")

    return Told()


def _steps(advance: Advance) -> Any:
    class Steps(keras.callbacks.Callback):  # type: ignore[misc]
        """Tells how far it is, and stops in the middle of an epoch that is lost."""

        def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
            """Look at the mean of the loss so far: once it is no number, it stays so."""
            advance(1)
            if logs and not math.isfinite(logs["loss"]):
                self.model.stop_training = True

    return Steps()
