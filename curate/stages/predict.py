"""predict: a run asked about single pictures and folders of them, read once and answered in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curate import encoded
from curate.csv_rows import CsvRows
from curate.errors import TrainError, UnreadablePicture, UsageError
from curate.images import header
from curate.ml import forms, runs
from curate.ml.enclosure import enclosed
from curate.picture_folder import SUFFIXES, pictures_in
from curate.report import Progress, silent

SMALLEST_SIDE = 32  # pixels: of what is smaller no answer says anything, though a model would give one
_BATCH = 32  # pictures in memory at once


def named(folder: Path, name: str, form: str | None) -> tuple[Path, str]:
    """Return the run below `folder` that a name means, and the form: "keras" where none is given.

    The name may be the path of a `.tflite` file: in a run folder that is this form of the run, anywhere else it answers
    by the card that it carries, and is itself given back, with the form that its card says. Raises UsageError where
    there is no such file, where `form` is another, and where no run is meant; TrainError for a file without a card.
    """
    path = Path(name)
    if path.suffix != ".tflite":
        return runs.find(folder, name), form or "keras"
    if not path.is_file():
        raise UsageError("there is no such model", where=name, hint="curate predict RUN PICTURE --form int8")
    word = path.stem.removeprefix("model_")
    in_run = path.name.startswith("model_") and (path.parent / "recipe.json").is_file()
    if not in_run:
        word = str(enclosed(path).get("mode", word))
    if form not in (None, word):
        raise UsageError(
            "the file is another form than the one that is asked for",
            where=name,
            expected=f"--form {word}, or none",
            found=f"--form {form}",
            hint="curate predict RUN PICTURE --form int8",
        )
    return (path.parent if in_run else path), word


def pictures(paths: Iterable[Path]) -> tuple[list[Path], list[dict[str, str]]]:
    """Return the files that are named, and those in named folders that are called as pictures are, by name.

    The second is what was passed over in folders: "file" and "reason". A file that is named is never passed over.
    Raises UsageError where a path is not there, or nothing is left; CurateError where a folder cannot be read.
    """
    found: list[Path] = []
    skipped: list[dict[str, str]] = []
    for path in paths:
        if path.is_dir():
            inside, others = pictures_in(path)
            found += inside
            skipped += [{"file": str(path / other["file"]), "reason": other["reason"]} for other in others]
        elif path.is_file():
            found.append(path)
        else:
            raise UsageError("there is no such picture", where=str(path), hint="curate predict RUN PICTURE...")
    if not found:
        raise UsageError(
            "there is no picture in what was named",
            expected=f"files, or folders that hold {', '.join(sorted(SUFFIXES))}",
            found=f"{skipped[0]['file']}: {skipped[0]['reason']}" if skipped else "nothing",
            hint="curate predict RUN PICTURE...",
        )
    return found, skipped


def predict_pictures(run: Path, paths: Iterable[Path], *, mode: str = "keras") -> list[dict[str, Any]]:
    """Return what `predicted` yields, for whoever wants it all at once."""
    return list(predicted(run, pictures(paths)[0], form=mode))


def predicted(
    run: Path, files: Sequence[Path], *, form: str = "keras", progress: Progress = silent
) -> Iterator[dict[str, Any]]:
    """Yield the answer for each file, in their order; some are in memory at a time.

    Each row has picture, label, probability, probabilities (by label), and, where the run says of
    which category its labels are, category, category_probability and categories (by name). A file that is no picture,
    or one of less than `SMALLEST_SIDE` pixels on a side, has problem in their place; one of several frames or pages
    has a note that the first was answered. A picture is made first what it would be in the shards that the run was
    trained on.
    """
    model = forms.load(run, form)
    if missing := {"short_side", "quality"} - set(model.stored):
        raise runs.damaged(run / "recipe.json", f"no pictures.{min(missing)}")
    with progress("predict", len(files), "pictures") as advance:
        for start in range(0, len(files), _BATCH):
            batch = files[start : start + _BATCH]
            yield from _answered(model, batch)
            advance(len(batch))


def write(path: Path, run: Path, form: str, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the answers of a form of a run as CSV, whole or not at all; return how many have a problem.

    A row for each picture: picture, problem, note, run, form, label, probability, where the run knows them category and
    category_probability, then the probability of each category and of each label by its name. Raises TrainError where
    the file cannot be written.
    """
    labels, categories = forms.names_of(run)
    broken = 0
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            out = CsvRows(file)
            of_category = ["category", "category_probability", *categories] if categories else []
            head = ["label", "probability", *of_category, *labels]
            out.row(["picture", "problem", "note", "run", "form", *head])
            for row in rows:
                broken += "problem" in row
                told = [None] * len(head) if "problem" in row else _cells(row, labels, categories)
                out.row([row["picture"], row.get("problem"), row.get("note"), run.name, form, *told])
        part.replace(path)
    except OSError as refused:
        raise TrainError(
            "the table could not be written", where=str(path), found=str(refused), hint="--out FILE.csv elsewhere"
        ) from refused
    finally:
        part.unlink(missing_ok=True)
    return broken


def _cells(row: Mapping[str, Any], labels: Sequence[str], categories: Sequence[str]) -> list[Any]:
    of_category: list[Any] = []
    if categories:
        of_category = [row["category"], _told(row["category_probability"])]
        of_category += [_told(row["categories"][name]) for name in categories]
    given = [_told(row["probabilities"][name]) for name in labels]
    return [row["label"], _told(row["probability"]), *of_category, *given]


def _told(probability: float) -> str:
    return f"{probability:.6f}"


def _answered(model: forms.Form, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    from curate.ml import dataset

    read: dict[Path, Any] = {}
    problems: dict[Path, str] = {}
    notes: dict[Path, str] = {}
    for path in files:
        try:
            data = path.read_bytes()
            width, height, frames = header.extent(data) or (SMALLEST_SIDE, SMALLEST_SIDE, 1)
            if min(width, height) < SMALLEST_SIDE:
                problems[path] = f"too small to be judged: {width} x {height} pixels, less than {SMALLEST_SIDE}"
                continue
            if frames > 1:
                notes[path] = f"the first of {frames} frames"
            made = encoded.handed_on(
                data,
                model.stored["short_side"],
                model.stored["quality"],
                bool(model.stored.get("hair_removal", False)),
            )
            read[path] = np.asarray(dataset.decode(made.data, model.side))
        except UnreadablePicture as broken:
            problems[path] = broken.what
        except OSError as refused:
            problems[path] = f"it cannot be read: {refused.strerror or refused}"
    given = dict(zip(read, model.answer(np.stack(list(read.values()))), strict=True)) if read else {}
    for path in files:
        about = {"picture": str(path)} | ({"note": notes[path]} if path in notes else {})
        yield about | ({"problem": problems[path]} if path in problems else _said(model, given[path]))


def _said(model: forms.Form, probabilities: Any) -> dict[str, Any]:
    label, probability, each = _best(model.labels, probabilities)
    said: dict[str, Any] = {"label": label, "probability": probability, "probabilities": each}
    if model.categories is not None:
        summed = model.categories.sums(probabilities[None])[0]
        category, of_category, each = _best(model.categories.names, summed)
        said |= {"category": category, "category_probability": of_category, "categories": each}
    return said


def _best(names: Sequence[str], probabilities: Any) -> tuple[str, float, dict[str, float]]:
    best = int(probabilities.argmax())
    each = {name: float(value) for name, value in zip(names, probabilities, strict=True)}
    return names[best], float(probabilities[best]), each
