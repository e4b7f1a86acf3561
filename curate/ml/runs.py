"""A run folder: what one training left, named by what it was made of; read without loading TensorFlow."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate.errors import TrainError, UsageError

FORMAT = 1  # raise it whenever the same options would train another model


@dataclass(frozen=True, slots=True)
class Options:
    """All that a training depends on beside the shards: `side` in pixels; `alpha`, `temperature` for teachers alone."""

    model: str
    target: str
    side: int
    epochs: int
    batch: int
    learning_rate: float
    batch_norm_momentum: float
    seed: int
    weights: str | None = None
    alpha: float = 0.5  # share of the teachers' word in the loss; the label has the rest
    temperature: float = 3.0

    def checked(self) -> Options:
        """Return the same options. Raises UsageError for numbers that cannot be meant."""
        wrong = [
            f"{name} {value}"
            for name, value, least in (
                ("epochs", self.epochs, 1),
                ("batch", self.batch, 1),
                ("side", self.side, 32),
                ("seed", self.seed, 0),
            )
            if value < least
        ]
        if self.target not in ("category", "subtype"):
            wrong.append(f"target {self.target!r}")
        if wrong:
            raise UsageError(
                "a training cannot go so",
                expected="epochs and batch of at least 1, side of at least 32, target category or subtype",
                found=", ".join(wrong),
                hint="curate train --help",
            )
        return self


def key(shards_key: str, options: Options, teachers: tuple[str, ...]) -> str:
    """Return the name of the run of these options on these shards: 16 hex digits."""
    made_of = [FORMAT, shards_key, asdict(options), teachers]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def find(folder: Path, name: Path | str | None) -> Path:
    """Return a run by its path, by its name below `folder`, or by the first digits of that; None means the newest.

    Raises UsageError where there is none, or more than one.
    """
    if name is not None and Path(name).is_dir():
        return Path(name)
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


def read(run: Path) -> dict[str, Any]:
    """Return a run's `recipe.json`. Raises TrainError where the folder is no run, or of another version."""
    path = run / "recipe.json"
    if not path.is_file() or not (run / "model.keras").is_file():
        raise TrainError(
            "this is no run folder", where=str(run), expected="what `curate train` prints", hint="curate train"
        )
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if about.get("format") != FORMAT:
        raise TrainError(
            "the run was made by another version of curate",
            where=str(run),
            expected=f"format {FORMAT}",
            found=f"format {about.get('format')}",
            hint="curate train",
        )
    return about


def labels(run: Path) -> list[str]:
    """Return the label names of a run's model in the order of its outputs."""
    return (run / "labels.txt").read_text(encoding="utf-8").splitlines()


def write_json(path: Path, values: Any) -> None:
    """Write JSON that a person can read; the file is whole or not there."""
    part = path.with_name(f".{path.name}.part")
    part.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(path)
