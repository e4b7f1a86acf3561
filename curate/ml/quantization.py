"""The smaller forms of a run's model, side by side: bytes, accuracy, agreement with float, and time."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError, UsageError
from curate.ml import evaluation, runs
from curate.ml.card import card, form_card, markdown
from curate.ml.conversion import FORMS, MODES, Job, convert
from curate.ml.credits import Credit
from curate.ml.enclosure import enclose
from curate.ml.shards import read_index
from curate.ml.tflite import Interpreted
from curate.recipe import RANGES
from curate.report import Progress, silent

FORMAT = 2  # raise it whenever the same run would give other forms
QAT_EPOCHS = 2
_ALIKE = 0.9  # of the pictures answered as float does: with fewer a form is worth a word
_ROUNDS = 50  # of interleaved invocations; the median of these is told
_WARM = 5


def quantize(
    run: Path,
    shards: Path,
    modes: Sequence[str] = ("float16", "dynamic", "int8"),
    *,
    epochs: int = QAT_EPOCHS,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Convert a run's model and measure the forms; return {"split", "pictures", "table", "notes", "made"}.

    Leaves `model_<mode>.tflite`, which carries its labels and its card, the same card beside it as
    `model_<mode>.json`, `quantize.json` and new cards of the run in the run folder; the plain float form is always
    there, as what the others are measured by. A form that is there already is kept, and measured anew where another
    is made; each stays in the table. `epochs` are the passes of "qat" over the pictures for training.

    Each row of the table has mode, what (it is), file, bytes, accuracy and balanced_accuracy on the whole split test
    (validation, where test is empty), agreement (share of pictures with the answer of the float form), ms_1_thread and
    ms_2_threads (median for one picture) and their ratios to float.
    Raises UsageError for an unknown mode or number of epochs, TrainError where a form cannot be made or is not the
    model.
    """
    unknown = [mode for mode in modes if mode not in MODES]
    if unknown:
        raise UsageError(f"there is no mode {unknown[0]!r}", expected=", ".join(MODES), hint="curate quantize --help")
    least, most = RANGES["train.epochs"]
    if not least <= epochs <= most:
        raise UsageError(
            "a number of passes that cannot be meant",
            expected=f"epochs of {int(least)} to {int(most)}",
            found=str(epochs),
            hint="curate quantize --help",
        )
    about = runs.read(run)
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
    if "qat" not in modes:
        epochs = before.get("qat_epochs", epochs)
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
        credits_ = [Credit.from_dict(each) for each in index["credits"]]
        for mode, path in made.items():
            taken = Interpreted(path).dtype
            enclose(path, form_card(about, run.name, runs.labels(run), credits_, mode, taken))
        # All together, those made before too: only times of the same moment can be held against each other.
        forms = {mode: made.get(mode) or run / f"model_{mode}.tflite" for mode in wanted}
        table, pictures = _measure(forms, shards, split, about, runs.labels(run), progress)
        for path in made.values():
            for whole in (path.with_suffix(".json"), path):
                whole.replace(run / whole.name)
    notes += [
        f"{row['mode']} answers {1 - row['agreement']:.0%} of the pictures otherwise than float"
        for row in table
        if row["agreement"] < _ALIKE
    ]
    found = {"split": split, "pictures": pictures, "table": table, "notes": notes}
    if "qat" in wanted:
        found["qat_epochs"] = epochs
    runs.write_json(run / "quantize.json", {**found, "shards": index["key"], "format": FORMAT})
    _cards(run, about, table, index)
    runs.seal(run)
    return {**found, "made": len(missing)}


def _done_before(run: Path, shards: str) -> tuple[dict[str, Any], set[str]]:
    """Return what the last call found, and the modes whose files are here as it left them, made on these shards."""
    path = run / "quantize.json"
    if not path.is_file():
        return {}, set()
    found = runs.read_json(path)
    rows = found.get("table", [])
    if (found.get("format"), found.get("shards")) != (FORMAT, shards):
        return found, set()
    files = [(row["mode"], run / row["file"], row["bytes"]) for row in rows]
    return found, {mode for mode, file, size in files if file.is_file() and file.stat().st_size == size}


def _measure(
    made: dict[str, Path], shards: Path, split: str, about: dict[str, Any], names: list[str], progress: Progress
) -> tuple[list[dict[str, Any]], int]:
    forms = {mode: Interpreted(path, threads=2) for mode, path in made.items()}
    answers: dict[str, evaluation.Answers] = {}
    with progress(f"score {split}", None, "pictures") as advance:

        def every(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
            return np.concatenate([form.answer(pixels) for form in forms.values()], axis=1)

        together = evaluation.answers(every, shards, split, target=about["target"], side=about["side"], advance=advance)
    for place, mode in enumerate(forms):
        columns = slice(place * len(names), (place + 1) * len(names))
        answers[mode] = evaluation.Answers(together.truth, together.probabilities[:, columns])
    times, ratios = _latency(made)
    plain = answers["float"].probabilities.argmax(axis=1)
    table = []
    for mode, path in made.items():
        score = evaluation.scores(answers[mode], names)
        row: dict[str, Any] = {
            "mode": mode,
            "what": FORMS[mode],
            "file": path.name,
            "bytes": path.stat().st_size,
            "accuracy": score["accuracy"],
            "balanced_accuracy": score["balanced_accuracy"],
            "agreement": float((answers[mode].probabilities.argmax(axis=1) == plain).mean()),
            "largest_difference": float(np.abs(answers[mode].probabilities - answers["float"].probabilities).max()),
        }
        for threads, word in ((1, "1_thread"), (2, "2_threads")):
            row[f"ms_{word}"] = times[mode, threads]
            row[f"ratio_{word}"] = ratios[mode, threads]
        table.append(row)
    return table, len(together.truth)


def _latency(made: dict[str, Path]) -> tuple[dict[tuple[str, int], float], dict[tuple[str, int], float]]:
    """Return each form's median milliseconds on 1 and 2 threads, and the median of its ratios to float.

    Forms are timed in turn and each is held against the float form of the same turn, so that a busy moment hits both.
    """
    times, ratios = {}, {}
    for threads in (1, 2):
        forms = {mode: Interpreted(path, threads=threads) for mode, path in made.items()}
        for form in forms.values():
            form.answer(np.full((1, form.side, form.side, 3), 127, np.uint8))
        turns = [{mode: form.milliseconds() for mode, form in forms.items()} for _ in range(_WARM + _ROUNDS)][_WARM:]
        for mode in forms:
            times[mode, threads] = statistics.median(turn[mode] for turn in turns)
            ratios[mode, threads] = statistics.median(turn[mode] / turn["float"] for turn in turns)
    return times, ratios


def _cards(run: Path, about: dict[str, Any], table: list[dict[str, Any]], index: dict[str, Any]) -> None:
    metrics = runs.read_json(run / "metrics.json")
    credits_ = [Credit.from_dict(each) for each in index["credits"]]
    values = card(about, metrics, runs.labels(run), credits_, table)
    runs.write_json(run / "card.json", values)
    (run / "card.md").write_text(markdown(values), encoding="utf-8")
