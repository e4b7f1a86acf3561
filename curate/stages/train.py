"""train: the shards become a run folder `data_cache/runs/<key>/` with a model, its figures and its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curate.ml import registry, runs, shards
from curate.report import Report
from curate.workspace import Workspace


def run(
    workspace: Workspace,
    *,
    model: str | None = None,
    target: str | None = None,
    epochs: int | None = None,
    side: int | None = None,
    batch: int | None = None,
    seed: int | None = None,
    teachers: Sequence[Path | str] = (),
    weights: str | None = None,
) -> Report:
    """Train on the shards that were made last; what is not given comes from the recipe, section [train].

    `teachers` are runs (folders, or their names under runs/) to distil from. `weights="imagenet"` starts from published
    weights where they can be had, and says so where they cannot; a path, from those of a file; else training starts
    from random weights.
    The report's details hold "run" (path of the run folder), "metrics" and "about"; a training that was done before is
    `there` and not done again. Either way it is the run that `quantize` and `evaluate` take where none is named.
    Raises UsageError for an unknown model or a number out of range, CorpusError without shards, TrainError where
    training cannot go on.
    """
    recipe = workspace.recipe.train
    options = runs.Options(
        model=model or recipe.model,
        target=target or recipe.target,
        side=recipe.side if side is None else side,
        epochs=recipe.epochs if epochs is None else epochs,
        batch=recipe.batch if batch is None else batch,
        learning_rate=recipe.learning_rate,
        batch_norm_momentum=recipe.batch_norm_momentum,
        seed=recipe.seed if seed is None else seed,
        weights=weights,
    ).checked()
    registry.check_weights(options.model, options.weights)
    made_of = shards.latest(workspace.cache / "shards")
    masters = [runs.find(workspace.cache / "runs", teacher) for teacher in teachers]

    from curate.ml.training import train

    before = set((workspace.cache / "runs").glob("*"))
    folder, notes = train(made_of, workspace.cache / "runs", options, teachers=masters, progress=workspace.progress)
    runs.point(folder)
    report = Report("train", "runs", made=int(folder not in before), there=int(folder in before), notes=notes)
    metrics = runs.read_json(folder / "metrics.json")
    report.details |= {"run": str(folder), "metrics": metrics, "about": runs.read(folder)}
    if report.details["about"]["initial"] == "random":
        report.notes.append("trained from random weights, on these pictures alone")
    for split, scores in metrics.items():
        if scores["pictures"]:
            report.notes.append(
                f"{split}: accuracy {scores['accuracy']:.3f}, balanced {scores['balanced_accuracy']:.3f} "
                f"on {scores['pictures']} pictures (always the most frequent class: {scores['majority']:.3f})"
            )
    return report
