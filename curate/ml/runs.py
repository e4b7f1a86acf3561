"""A run folder: what one training left, named by what it was made of; read without loading TensorFlow."""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from curate import whole
from curate.errors import TrainError, UsageError
from curate.ml.registry import IMAGENET
from curate.recipe import RANGES, TrainRecipe

FORMAT = 4  # raise it whenever the same options would train another model
HASHES = "files.json"
"""The file of a run that gives the sha256 (hex) of each other file of it, by name."""


@dataclass(frozen=True, slots=True)
class Options:
    """All that a training depends on beside the shards: the knobs of the recipe's section [train], and whether it
    starts from published `weights`. `replicas`: devices that share each batch; `train` sees to it.
    """

    model: str
    target: str
    side: int
    epochs: int
    batch: int
    learning_rate: float
    batch_norm_momentum: float
    seed: int
    weights: str | None = None
    alpha: float = TrainRecipe.alpha
    temperature: float = TrainRecipe.temperature
    oracle: bool = TrainRecipe.oracle
    head_epochs: int = TrainRecipe.head_epochs
    fine_rate: float = TrainRecipe.fine_rate
    weight_decay: float = TrainRecipe.weight_decay
    loss: str = TrainRecipe.loss
    focal_gamma: float = TrainRecipe.focal_gamma
    label_smoothing: float = TrainRecipe.label_smoothing
    balance: str = TrainRecipe.balance
    patience: int = TrainRecipe.patience
    hair: float = TrainRecipe.hair
    ruler: float = TrainRecipe.ruler
    mixed_precision: str = TrainRecipe.mixed_precision
    replicas: int = 1

    def checked(self) -> Options:
        """Return the same options. Raises UsageError for numbers and words that cannot be meant."""
        wanted, wrong = [], []
        types = get_type_hints(TrainRecipe)
        for name in types:
            value = getattr(self, name)
            if f"train.{name}" in RANGES:
                least, most = RANGES[f"train.{name}"]
                if not least <= value <= most:
                    wanted.append(f"{name} of {least:g} to {most:.10g}")
                    wrong.append(f"{name} {value}")
            elif (choices := getattr(types[name], "__args__", None)) and value not in choices:
                wanted.append(f"{name} " + " or ".join(choices))
                wrong.append(f"{name} {value!r}")
        if wrong:
            raise UsageError(
                "a training cannot go so",
                expected=", ".join(wanted),
                found=", ".join(wrong),
                hint="curate train --help",
            )
        return self

    def said(self) -> dict[str, Any]:
        """Return plain values; a file of weights is said by its hash, so that its place does not count."""
        values = asdict(self)
        if self.weights not in (None, IMAGENET) and Path(str(self.weights)).is_file():
            values["weights"] = f"sha256:{sha256(Path(str(self.weights)))}"
        return values

    def settled(self, *, taught: bool) -> Options:
        """Return the same training with nothing left open: what -1 stands for, and the defaults for all that has no
        effect in it (`taught`: it has teachers), so that the same training has one name.
        """
        return replace(
            self,
            head_epochs=min(self.epochs, self._head_epochs()),
            patience=max(5, math.ceil(self.epochs / 3)) if self.patience < 0 else self.patience,
            fine_rate=self.fine_rate if self._head_epochs() else TrainRecipe.fine_rate,
            focal_gamma=self.focal_gamma if self.loss == "focal" else TrainRecipe.focal_gamma,
            alpha=self.alpha if taught else TrainRecipe.alpha,
            temperature=self.temperature if taught else TrainRecipe.temperature,
            oracle=self.oracle if taught else TrainRecipe.oracle,
        )

    def _head_epochs(self) -> int:
        if self.head_epochs >= 0:
            return self.head_epochs
        return math.ceil(self.epochs / 5) if self.weights else 0


def key(shards_key: str, options: Options, teachers: Sequence[str]) -> str:
    """Return the name of the run of these options on these shards: 16 hex digits.

    `teachers` are the hashes of their models, in any order: what a teacher says counts, not what its folder is called.
    """
    made_of = [FORMAT, shards_key, options.said(), sorted(teachers)]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def find(folder: Path, name: Path | str | None) -> Path:
    """Return a run by its path, by its name below `folder`, or by the first digits of that.

    None means the run that `train` made or found last, and the newest where that is not known.
    Raises UsageError where there is none, or more than one.
    """
    if name is not None and Path(name).is_dir():
        return Path(name)
    if name is None and (last := _pointed(folder)) is not None:
        return last
    made = [path.parent for path in folder.glob("[!.]*/recipe.json")]
    wanted = [path for path in made if name is None or path.name.startswith(str(name))]
    if name is None and wanted:
        return max(wanted, key=lambda path: (path.stat().st_mtime, path.name))
    if len(wanted) != 1:
        raise UsageError(
            f"there is no run {name}" if name is not None and not wanted else "no run, or more than one, is meant",
            where=str(folder),
            expected=", ".join(sorted(path.name for path in made)) or "what `curate train` prints",
            hint="curate train" if not made else "type one of these",
        )
    return wanted[0]


def point(run: Path) -> None:
    """Remember this run as the one that `find` gives where no name is given."""
    whole.write_text(run.parent / "current", f"{run.name}\n")


def _pointed(folder: Path) -> Path | None:
    pointer = folder / "current"
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8", errors="replace").strip()
    return folder / name if name and (folder / name / "recipe.json").is_file() else None


def taken(run: Path) -> str:
    """Say, for a note, which run was taken where none was named."""
    if _pointed(run.parent) == run:
        return f"the run is {run.name}, which `curate train` made or found last"
    return f"the run is {run.name}, the newest"


def seal(run: Path) -> None:
    """Write the sha256 of each file of a run beside them, for `curate verify`."""
    found = {}
    for path in sorted(run.iterdir()):
        if path.is_file() and path.name != HASHES and not path.name.startswith("."):
            found[path.name] = sha256(path)
    write_json(run / HASHES, found)


def add(run: Path, files: Mapping[str, str]) -> None:
    """Write text files into a run, by name, and their hashes beside those of its other files, which stay."""
    listed = read_json(run / HASHES) if (run / HASHES).is_file() else {}
    for name, text in files.items():
        whole.write_text(run / name, text)
        listed[name] = hashlib.sha256(text.encode()).hexdigest()
    write_json(run / HASHES, dict(sorted(listed.items())))


def read(run: Path) -> dict[str, Any]:
    """Return a run's `recipe.json`. Raises TrainError where the folder is no run, damaged, or of another version."""
    path = run / "recipe.json"
    if not path.is_file():
        raise TrainError(
            "this is no run folder", where=str(run), expected="what `curate train` prints", hint="curate train"
        )
    about = read_json(path)
    if about.get("format") != FORMAT:
        raise TrainError(
            "the run was made by another version of curate",
            where=str(run),
            expected=f"format {FORMAT}",
            found=f"format {about.get('format')}",
            hint="curate train",
        )
    if not (run / "model.keras").is_file():
        raise damaged(run / "model.keras", "no such file")
    missing = {"target", "side", "shards"} - set(about)
    if missing:
        raise damaged(path, f"no {', '.join(sorted(missing))}")
    return about


def read_json(path: Path) -> dict[str, Any]:
    """Return what a JSON file of a run says. Raises TrainError, with what to type, where it is damaged or gone."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as broken:
        raise damaged(path, str(broken)) from broken
    if not isinstance(values, dict):
        raise damaged(path, type(values).__name__)
    return values


def check(path: Path) -> Path:
    """Return a file of a run. Raises TrainError where it is not what the hash in the run says."""
    listed = path.parent / HASHES
    said = read_json(listed).get(path.name) if listed.is_file() else None
    if said is not None and path.is_file() and (found := sha256(path)) != said:
        raise damaged(path, f"sha256 {found}, where {HASHES} says {said}")
    return path


def history(run: Path) -> dict[str, list[float]]:
    """Return what `history.json` of a run says: a number for each epoch by name, NaN where the epoch gave none.
    Nothing where there is no such file.

    Raises TrainError where it is damaged.
    """
    path = run / "history.json"
    values = read_json(path) if path.is_file() else {}
    for name, numbers in values.items():
        if not isinstance(numbers, list) or not all(isinstance(each, int | float | None) for each in numbers):
            raise damaged(path, f"{name}: no list of numbers")
    return {name: [math.nan if each is None else each for each in numbers] for name, numbers in values.items()}


def sha256(path: Path) -> str:
    """Return the sha256 of a file, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damaged(path: Path, found: str) -> TrainError:
    """Return the error about a file of a run that is not what it was when it was made, with what to type next."""
    maker = "train"
    if path.name == "quantize.json" or path.suffix == ".tflite":
        maker = "quantize"
    elif path.name.startswith("evaluation_"):
        maker = "evaluate"
    hint = (
        f"rm -r {shlex.quote(str(path.parent))} && curate train"
        if maker == "train"
        else f"rm {shlex.quote(str(path))} && curate {maker} {shlex.quote(path.parent.name)}"
    )
    return TrainError(
        "a file of the run is damaged",
        where=str(path),
        expected=f"what `curate {maker}` wrote",
        found=(found.strip().splitlines() or ["nothing"])[0],
        hint=hint,
    )


def labels(run: Path) -> list[str]:
    """Return the label names of a run's model in the order of its outputs. Raises TrainError where they are damaged."""
    path = run / "labels.txt"
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as broken:
        raise damaged(path, str(broken)) from broken


def write_json(path: Path, values: Any) -> None:
    """Write JSON that a person can read; the file is whole or not there."""
    whole.write_text(path, as_json(values))


def as_json(values: Any) -> str:
    """Return values as JSON that a person can read. Raises ValueError for a NaN, which JSON cannot say."""
    return json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
