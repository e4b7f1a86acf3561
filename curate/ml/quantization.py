"""The smaller forms of a run's model, side by side: bytes, accuracy, agreement with float, and time."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError, UsageError
from curate.ml import evaluation, forms, runs
from curate.ml.card import card, form_card, markdown
from curate.ml.conversion import FORMS, MODES, Job, convert
from curate.ml.credits import Credit, credits_in
from curate.ml.enclosure import enclose
from curate.ml.latency import busy, latency
from curate.ml.shards import read_index
from curate.ml.tflite import Interpreted
from curate.recipe import RANGES
from curate.report import Progress, silent

FORMAT = 3  # raise it whenever the same run would give other forms
QAT_EPOCHS = 2
_ALIKE = 0.9  # of the pictures answered as float does: with fewer a form is worth a word


def quantize(
    run: Path,
    shards: Path,
    modes: Sequence[str] = ("float16", "dynamic", "int8"),
    *,
    epochs: int | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Convert a run's model and measure the forms; return {"split", "pictures", "table", "notes", "made"}.

    Leaves `model_<mode>.tflite`, which carries its labels and its card, the same card beside it as
    `model_<mode>.json`, `quantize.json` and new cards of the run in the run folder; the plain float form is always
    there, as what the others are measured by. A form that is there already is kept, and measured anew where another
    is made; each stays in the table. `epochs` are the passes of "qat" over the pictures for training (None: 2, or as
    many as the last time).

    Each row of the table has mode, what (it is), file, bytes, accuracy and balanced_accuracy on the whole split test
    (validation, where test is empty), agreement (share of pictures with the answer of the float form), and what
    `curate.ml.latency` says of time. With the target "both" these are of the category, and "subtype" has the same of
    the pictures whose subtype is known.
    Raises UsageError for an unknown mode, or for epochs that cannot be meant or are for no form, TrainError where a
    form cannot be made or is not the model, or the run is damaged.
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise UsageError(f"there is no mode {unknown[0]!r}", expected=", ".join(MODES), hint="curate quantize --help")
    if epochs is not None and "qat" not in modes:
        raise UsageError(
            "epochs are passes of qat, and that form is not asked for",
            expected="--mode qat, or no --epochs",
            found=f"epochs {epochs} for {', '.join(modes)}",
            hint=f"curate quantize RUN --mode qat --epochs {epochs}",
        )
    least, most = RANGES["train.epochs"]
    if epochs is not None and not least <= epochs <= most:
        raise UsageError(
            "a number of passes that cannot be meant",
            expected=f"epochs of {int(least)} to {int(most)}",
            found=str(epochs),
            hint="curate quantize --help",
        )
    about = runs.read(run)
    runs.check(run / "model.keras")
    index = read_index(shards)
    notes = []
    if index["key"] != about["shards"]:
        notes.append(f"the run was trained on other shards ({about['shards']}) than these ({index['key']})")
    split = next((split for split in ("test", "validation") if index["shards"].get(split)), None)
    if split is None:
        raise TrainError(
            "no picture is left to measure on",
            where=str(shards),
            expected="pictures in the split test or validation",
            hint="other shares in curate.toml [split], then curate build",
        )
    if split != "test":
        notes.append("the split test is empty: accuracy is that on validation, by which the weights were chosen")
    before, kept = _done_before(run, index["key"])
    wanted = [mode for mode in MODES if mode in {"float", *modes, *(row["mode"] for row in before.get("table", []))}]
    if epochs is None:
        epochs = before.get("qat_epochs", QAT_EPOCHS)
    if epochs != before.get("qat_epochs", epochs):
        kept.discard("qat")
    missing = tuple(mode for mode in wanted if mode not in kept)
    if not missing:
        return {**before, "made": 0, "notes": [*before["notes"], "these forms were made before; their table stands"]}
    with tempfile.TemporaryDirectory(prefix=".quantize-", dir=run) as scratch:
        job = Job(
            run, shards, Path(scratch), missing, about["target"], about["side"], about["batch"], about["seed"], epochs
        )
        what = "convert, after some training for qat" if "qat" in missing else "convert"
        with progress(what, len(missing), "forms") as advance:
            made = convert(job)
            advance(len(missing))
        data = _data(run, about, index)
        for mode, path in made.items():
            taken = Interpreted(path).dtype
            enclose(path, form_card(about, run.name, runs.labels(run), data, mode, taken))
        # All together, those made before too: only times of the same moment can be held against each other.
        files = {mode: made.get(mode) or run / f"model_{mode}.tflite" for mode in wanted}
        table, pictures = _measure(files, shards, split, run, about, progress)
        for path in made.values():
            for whole in (path.with_suffix(".json"), path):
                whole.replace(run / whole.name)
    notes += [
        f"{row['mode']} answers {1 - row['agreement']:.0%} of the pictures otherwise than float"
        for row in table
        if row["agreement"] < _ALIKE
    ]
    notes += busy(table)
    found = {"split": split, "pictures": pictures, "table": table, "notes": notes}
    if "qat" in wanted:
        found["qat_epochs"] = epochs
    runs.write_json(run / "quantize.json", {**found, "shards": index["key"], "format": FORMAT})
    values = card(about, runs.read_json(run / "metrics.json"), runs.labels(run), data, table)
    runs.write_json(run / "card.json", values)
    (run / "card.md").write_text(markdown(values), encoding="utf-8")
    runs.seal(run)
    return {**found, "made": len(missing)}


def _done_before(run: Path, shards: str) -> tuple[dict[str, Any], set[str]]:
    """Return what the last call found, and the modes whose files are here as it left them, made on these shards.

    Raises TrainError where the table is damaged.
    """
    path = run / "quantize.json"
    if not path.is_file():
        return {}, set()
    found = runs.read_json(path)
    rows = found.get("table", [])
    try:
        said = {str(row["mode"]): str(row["file"]) for row in rows}
        epochs = int(found.get("qat_epochs", QAT_EPOCHS))
    except (KeyError, TypeError, ValueError) as broken:
        raise runs.damaged(path, f"table: {broken}") from broken
    lacking = {"split", "pictures", "table", "notes"} - set(found)
    if lacking or not set(said) <= set(MODES) or found.get("qat_epochs", epochs) != epochs:
        raise runs.damaged(path, f"no {min(lacking)}" if lacking else f"forms {', '.join(said)}")
    if (found.get("format"), found.get("shards")) != (FORMAT, shards):
        return found, set()
    hashes = runs.read_json(run / runs.HASHES) if (run / runs.HASHES).is_file() else {}
    files = {mode: run / file for mode, file in said.items()}
    return found, {
        mode for mode, file in files.items() if file.is_file() and runs.sha256(file) == hashes.get(file.name)
    }


def _data(run: Path, about: Mapping[str, Any], index: Mapping[str, Any]) -> list[Credit | Mapping[str, Any]]:
    """Return whose pictures the run was trained and measured on, and those of these shards where they are others."""
    here = credits_in(index)
    if index["key"] == about["shards"]:
        return list(here)
    path = run / "card.json"
    before = runs.read_json(path).get("data", [])
    try:
        known = {credit["source"] for credit in before}
    except (KeyError, TypeError) as broken:
        raise runs.damaged(path, f"data: {broken}") from broken
    return [*before, *(credit for credit in here if credit.source not in known)]


def _measure(
    made: dict[str, Path], shards: Path, split: str, run: Path, about: dict[str, Any], progress: Progress
) -> tuple[list[dict[str, Any]], int]:
    names, categories = runs.labels(run), forms.categories(run, about)
    loaded = {mode: Interpreted(path, threads=2) for mode, path in made.items()}
    with progress(f"score {split}", None, "pictures") as advance:

        def every(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            return np.concatenate([form.answer(pixels) for form in loaded.values()], axis=1)

        together = evaluation.answers(every, shards, split, target=about["target"], side=about["side"], advance=advance)
    if not len(together.truth):
        raise TrainError(
            "no picture is left to measure on",
            where=str(shards),
            expected=f"pictures in the split {split} whose {about['target']} is known",
            hint="other shares in curate.toml [split], then curate build",
        )
    given = {
        mode: together.probabilities[:, place * len(names) : (place + 1) * len(names)]
        for place, mode in enumerate(loaded)
    }
    summed = given if categories is None else {mode: categories.sums(each) for mode, each in given.items()}
    times = latency(made)
    table = []
    for mode, path in made.items():
        row: dict[str, Any] = {"mode": mode, "what": FORMS[mode], "file": path.name, "bytes": path.stat().st_size}
        if categories is None:
            row |= _figures(together, together.truth, given[mode], given["float"], names)
        else:
            row |= _figures(together, together.categories, summed[mode], summed["float"], categories.names)
            row["subtype"] = _figures(together, together.truth, given[mode], given["float"], names)
        row["largest_difference"] = float(np.abs(given[mode] - given["float"]).max())
        table.append({**row, **times[mode]})
    return table, len(together.truth)


def _figures(
    together: evaluation.Answers,
    truth: npt.NDArray[np.int64],
    given: npt.NDArray[np.float32],
    plain: npt.NDArray[np.float32],
    names: Sequence[str],
) -> dict[str, Any]:
    """Return the figures of one form by one truth: of the pictures whose truth is known; it may agree on all."""
    score = evaluation.scores(together.of(truth, given), names)
    told: dict[str, Any] = {
        word: score[word] for word in ("pictures", "accuracy", "balanced_accuracy") if word in score
    }
    return {**told, "agreement": float((given.argmax(axis=1) == plain.argmax(axis=1)).mean())}
