"""quantize: a run's model in smaller forms, each with its size, accuracy and speed beside the float form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from curate.ml import runs, shards
from curate.report import Report
from curate.workspace import Workspace


def run(
    workspace: Workspace,
    run: Path | str | None = None,
    modes: Sequence[str] = ("float16", "dynamic", "int8"),
    *,
    epochs: int | None = None,
) -> Report:
    """Convert a run's model (None: the run that `train` made or found last) and measure it on the shards of its run.

    Leaves `model_<mode>.tflite`, `quantize.json` and the card in the run folder; `epochs` are those of the mode "qat"
    (None: 2, or as many as the last time).
    The report's details hold "run", "split" and "table", a row for each form with the float form first.
    Raises UsageError for an unknown run or mode, CorpusError where there are no shards, TrainError where a form cannot
    be made or is not the model.
    """
    folder = runs.find(workspace.cache / "runs", run)
    about = runs.read(folder)
    own = workspace.cache / "shards" / str(about["shards"])
    made_of = own if own.is_dir() else shards.latest(workspace.cache / "shards")

    from curate.ml.quantization import quantize

    found = quantize(folder, made_of, modes, epochs=epochs, progress=workspace.progress)
    made = found["made"]
    report = Report("quantize", "forms", made=made, there=len(found["table"]) - made, notes=found["notes"])
    if run is None:
        report.notes.append(runs.taken(folder))
    report.details |= {"run": str(folder), **{name: found[name] for name in ("split", "pictures", "table")}}
    return report
