"""The tour: a small drawn world of all sources goes the whole way, over HTTP on loopback, as the real thing does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from curate import manifest, pipeline
from curate.audit.ledger import ledger
from curate.audit.report import write
from curate.demo.server import serve
from curate.demo.world import make
from curate.errors import CurateError
from curate.report import Progress, Report, silent
from curate.workspace import Workspace, shipped

Size = Literal["tiny", "small", "demo"]

_RECIPE = """\
# The recipe of the demo: small pictures and a short training, so that it ends within minutes.
[shard]
name = "demo"
short_side = 112

[train]
side = 96
epochs = {epochs}
batch = 16
learning_rate = 2e-3
"""


@dataclass(frozen=True)
class Outcome:
    """What the tour ends with: the ledger, the run with its metrics and its quantized forms, the report page."""

    ledger: dict[str, Any]
    run: Path
    metrics: dict[str, Any]
    forms: list[dict[str, Any]]
    page: Path
    example: str
    seconds: float


def tour(
    folder: Path,
    *,
    size: Size = "demo",
    epochs: int = 12,
    workers: int | None = None,
    progress: Progress = silent,
) -> Iterator[Report | Outcome]:
    """Make the world in `folder`, serve it, build its corpus there, train, quantize and report.

    Yields each stage's report as it is done, and the outcome last. A folder of an earlier tour goes on where it was.
    Raises CurateError where `folder` holds something else.
    """
    started = time.monotonic()
    if folder.exists() and any(folder.iterdir()) and not (folder / "served").is_dir():
        raise CurateError(
            "this folder is not empty, and no demo stands in it",
            where=str(folder),
            done="nothing was changed",
            hint="curate demo ANOTHER-FOLDER",
        )
    folder.mkdir(parents=True, exist_ok=True)
    with progress("draw", 1, "worlds") as advance:
        world = make(folder, size=size)
        advance(1)
    drawn = Report("draw", "records", made=len(world.records), seconds=time.monotonic() - started)
    drawn.notes.append(f"the files of {len(world.expected)} sources, as each publishes them, are in {world.served}")
    yield drawn
    (folder / "curate.toml").write_text(_RECIPE.format(epochs=epochs), encoding="utf-8")
    with serve(world.served) as address:
        world.write_manifests(address, manifest.read_all(shipped("manifests")))
        workspace = Workspace(folder, workers=workers, progress=progress)
        for report in pipeline.build(workspace, list(workspace.manifests), accept_license=True):
            yield report
            if report.problems:
                return  # a demo that lacks a part shows nothing
    trained = pipeline.run("train", workspace)
    yield trained
    run = Path(trained.details["run"])
    quantized = pipeline.run("quantize", workspace, run=run)
    yield quantized
    page = write(workspace)
    yield page
    yield Outcome(
        ledger=ledger(workspace),
        run=run,
        metrics=trained.details["metrics"],
        forms=quantized.details["table"],
        page=Path(page.details["file"]),
        example=_example(workspace),
        seconds=time.monotonic() - started,
    )


def _example(workspace: Workspace) -> str:
    """Return the id of a picture with a story to tell: a copy that was left out."""
    with workspace.database(read_only=True) as database:
        return str(database.table("duplicates").column("id")[0])
