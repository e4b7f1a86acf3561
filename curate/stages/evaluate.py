"""evaluate and predict: a run's model scored on a whole split, or asked about single pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curate import encoded
from curate.errors import UnreadablePicture, UsageError
from curate.ml import runs, shards
from curate.ml.evaluation import Answer
from curate.report import Report
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm"}


def run(workspace: Workspace, run: Path | str | None = None, *, split: str = "test", mode: str = "keras") -> Report:
    """Score a run (None: the one that `train` made or found last) on a split of the shards that it was trained on.

    `mode` is "keras" or a quantized form ("float", "float16", "dynamic", "int8", "qat"). The report's details hold
    "run", "split" and "scores" (see `curate.ml.evaluation.scores`). Raises UsageError for an unknown run, split or
    form.
    """
    folder = runs.find(workspace.cache / "runs", run)
    about = runs.read(folder)
    if split not in SPLITS:
        raise UsageError(
            f"there is no split {split!r}", expected=", ".join(SPLITS), hint="curate evaluate --split test"
        )
    own = workspace.cache / "shards" / str(about["shards"])
    made_of = own if own.is_dir() else shards.latest(workspace.cache / "shards")

    from curate.ml import evaluation

    answer, side = _model(folder, mode)
    with workspace.progress(f"score {split}", None, "pictures") as advance:
        found = evaluation.answers(answer, made_of, split, target=about["target"], side=side, advance=advance)
    scores = evaluation.scores(found, runs.labels(folder))
    report = Report("evaluate", "pictures", made=scores["pictures"], did="scored")
    report.details |= {"run": str(folder), "mode": mode, "split": split, "shards": made_of.name, "scores": scores}
    if run is None:
        report.notes.append(runs.taken(folder))
    if made_of != own:
        report.notes.append(f"the run was trained on other shards ({about['shards']}) than these ({made_of.name})")
    if not scores["pictures"]:
        report.problems.append(f"no labelled picture is in the split {split}")
    return report


def predict_pictures(run: Path, paths: Iterable[Path], *, mode: str = "keras") -> list[dict[str, Any]]:
    """Answer for single pictures, and for the pictures in folders, in the order given (a folder's by name).

    Each row has picture, label, probability and probabilities (by label); a file that is no picture has problem in
    their place. A picture is made first what it would be in the shards that the run was trained on.
    """
    names = runs.labels(run)
    stored = runs.read(run)["pictures"]
    answer, side = _model(run, mode)
    rows = [_predict(path, answer, side, names, stored) for path in _files(paths)]
    if not rows:
        raise UsageError(
            "there is no picture in what was named",
            expected=f"files, or folders that hold {', '.join(sorted(_SUFFIXES))}",
            hint="curate predict RUN PICTURE...",
        )
    return rows


def _predict(path: Path, answer: Answer, side: int, names: Sequence[str], stored: Mapping[str, int]) -> dict[str, Any]:
    from curate.ml import dataset

    try:
        bare = stored.get("hair_removal", False)
        made = encoded.handed_on(path.read_bytes(), stored["short_side"], stored["quality"], bool(bare))
    except UnreadablePicture as broken:
        return {"picture": str(path), "problem": broken.what}
    probabilities = answer(np.asarray(dataset.decode(made.data, side))[None])[0]
    best = int(probabilities.argmax())
    return {
        "picture": str(path),
        "label": names[best],
        "probability": float(probabilities[best]),
        "probabilities": {name: float(value) for name, value in zip(names, probabilities, strict=True)},
    }


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(each for each in path.rglob("*") if each.suffix.lower() in _SUFFIXES and each.is_file())
        elif path.is_file():
            yield path
        else:
            raise UsageError("there is no such picture", where=str(path), hint="curate predict RUN PICTURE...")


def _model(folder: Path, mode: str) -> tuple[Answer, int]:
    if mode != "keras":
        from curate.ml.tflite import Interpreted

        path = folder / f"model_{mode}.tflite"
        if not path.is_file():
            raise UsageError(
                f"the run has no form {mode!r}",
                where=str(folder),
                expected=", ".join(
                    ["keras", *sorted(each.stem.removeprefix("model_") for each in folder.glob("*.tflite"))]
                ),
                hint=f"curate quantize {folder.name}",
            )
        form = Interpreted(path, threads=2)
        return form.answer, form.side
    from curate.ml import models
    from curate.ml.evaluation import keras_answer

    model = models.load(folder)
    return keras_answer(model), int(model.input_shape[1])
