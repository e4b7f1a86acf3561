"""train: the shards become a run folder `data_cache/runs/<key>/` with a model, its figures and its card."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate.errors import UsageError
from curate.ml import registry, runs, shards
from curate.report import Report, Say, unsaid
from curate.workspace import Workspace


def run(
    workspace: Workspace,
    *,
    teachers: Sequence[Path | str] = (),
    weights: str | None = None,
    tensorboard: bool = False,
    say: Say = unsaid,
    **knobs: Any,
) -> Report:
    """Train on the shards that were made last; `knobs` are those of the recipe's section [train], from where comes what
    is not given, or None.

    `teachers` are runs (folders, or their names under runs/) to distil from. `weights="imagenet"` starts from published
    weights where they can be had, and says so where they cannot; a path, from those of a file; else training starts
    from random weights.
    `tensorboard` writes logs of that kind to data_cache/logs/<run>/. A training that was stopped is gone on with.
    `say` is told, as it goes on, what there is to know before it begins, and the figures of each epoch.
    The report's details hold "run" (path of the run folder), "metrics" and "about"; a training that was done before is
    `there` and not done again. Either way it is the run that `quantize` and `evaluate` take where none is named.
    Raises UsageError for an unknown model, a number out of range or a knob without effect, CorpusError without shards,
    TrainError where training cannot go on, or goes on in another process.
    """
    said = dataclasses.asdict(workspace.recipe.train) | {knob: it for knob, it in knobs.items() if it is not None}
    options = runs.Options(**said, weights=weights).checked()
    _check_effect([knob for knob, it in knobs.items() if it is not None], options, taught=bool(teachers))
    registry.check_weights(options.model, options.weights)
    made_of = shards.latest(workspace.cache / "shards")
    masters = [runs.find(workspace.cache / "runs", teacher) for teacher in teachers]
    locked = workspace.lock().corpus
    held = locked is not None and locked.shards is not None and locked.shards["key"] == made_of.name

    from curate.ml.training import train

    before = set((workspace.cache / "runs").glob("*"))
    folder, notes = train(
        made_of,
        workspace.cache / "runs",
        options,
        teachers=masters,
        logs=workspace.cache / "logs" if tensorboard else None,
        corpus=locked.rows["corpus"] if locked is not None and held else None,
        progress=workspace.progress,
        say=say,
    )
    report = Report("train", "runs", made=int(folder not in before), there=int(folder in before), notes=notes)
    metrics = runs.read_json(folder / "metrics.json")
    report.details |= {"run": str(folder), "metrics": metrics, "about": runs.read(folder)}
    runs.point(folder)
    if report.details["about"]["initial"] == "random":
        report.notes.append("trained from random weights, on these pictures alone")
    if tensorboard and report.made:
        report.notes.append(f"tensorboard --logdir {shlex.quote(str(workspace.cache / 'logs'))} shows how it went")
    elif tensorboard:
        report.notes.append("no logs for TensorBoard were written: they are made while it trains")
    for split, scores in metrics.items():
        if scores["pictures"]:
            report.notes.append(
                f"{split}: accuracy {scores['accuracy']:.3f}, balanced {scores['balanced_accuracy']:.3f} "
                f"on {scores['pictures']} pictures (always the most frequent class: {scores['majority']:.3f})"
            )
    return report


_TAUGHT = ("alpha", "temperature", "oracle")  # knobs that only a teacher gives an effect


def _check_effect(given: Sequence[str], options: runs.Options, *, taught: bool) -> None:
    """Raise UsageError for knobs that were given for this training and would do nothing in it."""
    idle = [] if taught else [knob for knob in _TAUGHT if knob in given]
    hint = "--teacher RUN, or leave it out"
    if not idle and "focal_gamma" in given and options.loss != "focal":
        idle, hint = ["focal_gamma"], "--loss focal, or leave it out"
    if idle:
        words = ", ".join(f"--{knob.replace('_', '-')}" for knob in idle)
        raise UsageError(f"without effect in this training: {words}", hint=hint)
