"""One training: shards in, a run folder out, whole or not at all; stopped at any moment, it goes on where it was."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import gcd, isfinite
from pathlib import Path
from typing import Any

from curate import __version__, whole
from curate.errors import TrainError
from curate.ml import (
    backend,
    checkpoints,
    dataset,
    evaluation,
    fitting,
    forms,
    models,
    plots,
    premises,
    registry,
    runs,
    unfinished,
)
from curate.ml.backend import Model, keras, tf
from curate.ml.card import card, markdown
from curate.ml.checkpoints import State
from curate.ml.credits import Credit, credits_in
from curate.ml.runs import Options
from curate.ml.shards import read_index
from curate.ml.targets import Target, target
from curate.ml.weights import Unreached
from curate.report import Progress, Say, silent, unsaid

_MADE_BY = ("short_side", "quality", "hair_removal")  # the knobs of the shards by which a picture's bytes are made
_DONE = "this training was done before; its run folder stands"


def train(
    shards: Path,
    folder: Path,
    options: Options,
    *,
    teachers: Sequence[Path] = (),
    logs: Path | None = None,
    corpus: str | None = None,
    progress: Progress = silent,
    say: Say = unsaid,
) -> tuple[Path, list[str]]:
    """Train one model on the shards and leave `folder/<key>/`; return that path and what a person should know.

    The run folder holds model.keras, metrics.json, history.json, history.svg, recipe.json, card.json, card.md,
    labels.txt and files.json. Where it is there already nothing is done. The weights kept are those of the epoch with
    the lowest validation loss (of the last epoch, where no picture is for validation).

    A training that was stopped, at whatever moment, is gone on with after its last whole epoch, to the same result:
    until it is done it lives in `folder/.<key>.unfinished/`. The same options give the same run on the same machine;
    for that TensorFlow is told to be deterministic, in this whole process. `teachers` are run folders to distil from,
    `logs` a folder for TensorBoard (`logs/<key>/`), `corpus` the hash of the corpus, for the record. `say` is told, as
    the work goes on, what there is to know before it begins, and the figures of each epoch.
    Raises UsageError for an unknown model, CorpusError where there are no shards or one is damaged, TrainError where
    the pictures for training are of fewer than two classes, the loss is no number, a teacher does not fit, something
    cannot be written, or another process is at this very training.
    """
    registry.check_weights(options.checked().model, options.weights)
    index = read_index(shards)
    aim = target(index, options.target, shards)
    # In the order of their hashes: sums of their words are then rounded in one way, however they were typed.
    masters = sorted((premises.known(path, aim) for path in teachers), key=lambda master: master.model)
    options = _on_this_machine(options)

    def place(settled: Options) -> Path:
        return folder / runs.key(index["key"], settled, [master.model for master in masters])

    settled = options.settled(taught=bool(teachers))
    leaks = premises.leaks([master.said() for master in masters], index["key"])
    if place(settled).is_dir():
        unfinished.sweep(place(settled))
        return place(settled), [_DONE, *leaks]
    dataset.check(shards)
    labels = dataset.labels_of(shards, "train", options.target)
    premises.check_classes(shards, labels, aim)
    notes = leaks + premises.few(labels, aim)
    tf.config.experimental.enable_op_determinism()
    keras.backend.clear_session()
    keras.utils.set_random_seed(options.seed)
    with backend.strategy(options.replicas).scope():
        model, unreached = _model(settled, aim)
        if unreached:
            notes += unreached
            settled = replace(options, weights=None).settled(taught=bool(teachers))
        run = place(settled)
        with unfinished.held(run) as part:
            if run.is_dir():
                return run, [*unreached, _DONE, *leaks]
            found, removed = checkpoints.newest(part, model)
            state = found or State()
            notes += removed + premises.head_alone(settled)
            if state.epoch:
                checkpoints.given(model.variables, state.network)
                notes.append(f"went on after epoch {state.epoch} of {settled.epochs}, where it had been stopped")
            for note in notes:
                say(note)
            try:
                said = [models.logits_of(models.load(master.path)) for master in masters]
                board = logs / run.name if logs else None
                fitting.fit(model, said, shards, settled, labels, state, part, logs=board, progress=progress, say=say)
            except fitting.NoNumberError:
                checkpoints.forget(part)  # it would come to nothing again
                raise
            model = _in_full_precision(model, settled, aim)
            metrics = _metrics(model, shards, settled, aim, progress)
            about = _about(index, settled, aim, model, state)
            about |= {
                "teachers": [master.said() for master in masters],
                "corpus": corpus,
                "index": runs.sha256(shards / "index.json"),
            }
            credits_ = credits_in(index)
            try:
                with whole.folder(run) as made:
                    models.save(model, made / "model.keras")
                    _describe(made, about, metrics, state.history, aim.names, credits_)
                    runs.seal(made)
            except OSError as broken:
                raise TrainError(
                    "the run could not be written",
                    where=str(run),
                    found=str(broken),
                    done="what was learnt is kept",
                    hint="make room, then curate train",
                ) from broken
    return run, notes + _kept(state, settled)


def _on_this_machine(options: Options) -> Options:
    """Return the options with what the machine decides: over how many devices, and whether in half precision."""
    half = options.mixed_precision == "on" or (options.mixed_precision == "auto" and backend.has_half_precision())
    replicas = gcd(options.batch, len(backend.devices()))
    return replace(options, mixed_precision="on" if half else "off", replicas=replicas)


def _model(options: Options, aim: Target) -> tuple[Model, list[str]]:
    """Return the network, at half precision where the options say so; and a note, where it has not the weights that
    were wanted.
    """
    knobs: dict[str, Any] = {
        "classes": len(aim.names),
        "side": options.side,
        "batch_norm_momentum": options.batch_norm_momentum,
    }
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if options.mixed_precision == "on" else "float32")
    try:
        if options.weights is None:
            return models.build(options.model, **knobs), []
        try:
            return models.build(options.model, weights=options.weights, **knobs), []
        except Unreached as unreached:
            note = (
                f"the weights {options.weights!r} could not be had ({unreached}): trained from random weights instead"
            )
            # What was built until then has drawn from the seed, and taken names.
            keras.backend.clear_session()
            keras.utils.set_random_seed(options.seed)
            return models.build(options.model, **knobs), [note]
    finally:
        keras.config.set_dtype_policy(before)


def _in_full_precision(model: Model, options: Options, aim: Target) -> Model:
    """Return the network as it is handed on: whoever converts it wants whole numbers of 32 bits in every layer, on one
    device.
    """
    if options.mixed_precision == "off" and options.replicas == 1:
        return model
    full, _ = _model(replace(options, weights=None, mixed_precision="off"), aim)
    full.set_weights(model.get_weights())
    return full


def _kept(state: State, options: Options) -> list[str]:
    """Say whose weights were kept, and why it ended."""
    if not state.best_epoch:
        return ["no picture of what is trained is for validation: the weights are those of the last epoch"]
    notes = [f"kept: the weights of epoch {state.best_epoch}, of the lowest validation loss in {state.epoch}"]
    if state.epoch < options.epochs:
        notes.append(f"stopped after epoch {state.epoch} of {options.epochs}: {state.waited} brought nothing better")
    return notes


def _about(index: Mapping[str, Any], options: Options, aim: Target, model: Model, state: State) -> dict[str, Any]:
    return {
        "format": runs.FORMAT,
        "shards": index["key"],
        **options.said(),
        **aim.said(),
        "shard_files": {each["file"]: each["sha256"] for split in index["shards"].values() for each in split},
        # what `predict` has to do with a picture before it asks the model
        "pictures": {knob: index["recipe"][knob] for knob in _MADE_BY if knob in index["recipe"]},
        "initial": options.said()["weights"] or "random",
        "published": registry.find(options.model).credit if options.weights == registry.IMAGENET else None,
        "epochs_done": state.epoch,
        "epoch_kept": state.best_epoch or state.epoch,
        "reference": registry.find(options.model).reference,
        "parameters": models.trainable_parameters(model),
        "made_with": {name: importlib.metadata.version(name) for name in ("keras", "numpy")}
        | {"curate": __version__, "tensorflow": tf.__version__},
    }


def _metrics(model: Model, shards: Path, options: Options, aim: Target, progress: Progress) -> dict[str, Any]:
    """Return the figures of each split; with "both" those of the category, and under "subtype" those of the subtype."""
    metrics: dict[str, Any] = {}
    answer = evaluation.keras_answer(model)
    kinds = forms.Categories(aim.categories, aim.of_label)
    for split in ("validation", "test"):
        with progress(f"score {split}", None, "pictures") as advance:
            found = evaluation.answers(answer, shards, split, target=aim.name, side=options.side, advance=advance)
        if aim.name != "both":
            metrics[split] = evaluation.scores(found, aim.names)
            continue
        categories = found.of(found.categories, kinds.sums(found.probabilities)) if found.ids else found
        metrics[split] = evaluation.scores(categories, aim.categories)
        metrics[split]["subtype"] = evaluation.scores(found.of(found.truth, found.probabilities), aim.names)
    return metrics


def _describe(
    folder: Path,
    about: dict[str, Any],
    metrics: dict[str, Any],
    history: dict[str, list[float]],
    names: Sequence[str],
    credits_: list[Credit],
) -> None:
    runs.write_json(folder / "recipe.json", about)
    runs.write_json(folder / "metrics.json", metrics)
    told = {name: [each if isfinite(each) else None for each in numbers] for name, numbers in history.items()}
    runs.write_json(folder / "history.json", told)
    (folder / "history.svg").write_text(plots.history(history), encoding="utf-8")
    values = card(about, metrics, names, credits_)
    runs.write_json(folder / "card.json", values)
    (folder / "card.md").write_text(markdown(values), encoding="utf-8")
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
