"""evaluate: a form of a run's model scored on a whole split, as values and as a page in the run folder."""

from __future__ import annotations

from pathlib import Path

from curate.errors import UsageError
from curate.ml import runs, shards
from curate.report import Report
from curate.vocabulary import SPLITS
from curate.workspace import Workspace


def run(
    workspace: Workspace,
    run: Path | str | None = None,
    *,
    split: str = "test",
    mode: str = "keras",
    sensitivity: float | None = None,
) -> Report:
    """Score a run (None: the one that `train` made or found last) on a split of the shards that it was trained on.

    `mode` is "keras" or a quantized form ("float", "float16", "dynamic", "int8", "qat", "int16x8"). `sensitivity`
    (0..1) asks for the threshold that finds that share of the last category, chosen on validation. Leaves
    `evaluation_<split>.json` and `.html` in the run folder, `evaluation_<split>_<form>` for another form than keras,
    either with `_sensitivity_<share>` behind it where a threshold was asked for: neither takes the other's place. The
    report's details hold "run", "page" and "evaluation" (see `curate.ml.evaluated`). Raises UsageError for an unknown
    run, split or form, CorpusError where shards are damaged, TrainError where the run is.
    """
    folder = runs.find(workspace.cache / "runs", run)
    about = runs.read(folder)
    if split not in SPLITS:
        raise UsageError(
            f"there is no split {split!r}", expected=", ".join(SPLITS), hint="curate evaluate --split test"
        )
    own = workspace.cache / "shards" / str(about["shards"])
    made_of = own if own.is_dir() else shards.latest(workspace.cache / "shards")

    from curate.ml.evaluated import evaluate
    from curate.ml.evaluation_page import evaluation_page

    history = runs.history(folder)  # before the work: a damaged one is told at once
    found = evaluate(folder, made_of, split, form=mode, sensitivity=sensitivity, progress=workspace.progress)
    scored = max(part["pictures"] for part in found["targets"].values())
    report = Report("evaluate", "pictures", made=scored, did="scored")
    report.details |= {"run": str(folder), "evaluation": found}
    if run is None:
        report.notes.append(runs.taken(folder))
    if found["shards"] != found["trained_on"]:
        report.notes.append(
            f"the run was trained on other shards ({found['trained_on']}) than these ({found['shards']}): "
            "a picture of this split may have been one to learn from"
        )
    if not scored:
        report.problems.append(
            f"no labelled picture is in the split {split}: nothing was scored; "
            "curate sql 'from split_balance' says what is where"
        )
        if sensitivity is not None:
            report.notes.append("no threshold was chosen: there is no picture to tell what it gives")
        return report
    if split == "train":
        report.notes.append("these pictures were learnt from: the figures say nothing of others")
    if split == "validation":
        report.notes.append("the weights were chosen by these pictures: the figures flatter, those of test do not")
    name = f"evaluation_{split}" if mode == "keras" else f"evaluation_{split}_{mode}"
    if sensitivity is not None:
        name += f"_sensitivity_{sensitivity:g}"
    try:
        runs.add(folder, {f"{name}.json": runs.as_json(found), f"{name}.html": evaluation_page(found, history)})
    except OSError as refused:
        report.problems.append(f"the page could not be written into {folder}: {refused}")
    else:
        report.details["page"] = str(folder / f"{name}.html")
    return report
