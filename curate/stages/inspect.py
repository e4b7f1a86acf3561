"""inspect: every claimed file is read and decoded once, at the scale needed; facts are kept under its bytes' hash."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, cast

import pyarrow as pa

from curate import built_with, freshness, proofs
from curate.db import Database
from curate.errors import CurateError
from curate.files import Location
from curate.images import artefacts, montage, tone
from curate.look import LOOKED_AT, VERSIONS, Errand, Facts, look
from curate.records import Layout
from curate.report import Report
from curate.workspace import Workspace

_PICTURES_AT_ONCE = 16  # files in one errand of a worker: enough to make the way there and back cheap
_ROWS_AT_ONCE = 2000  # rows held before they are written: what a kill can cost

_TABLES = ("pixels", "fingerprints", "features", "appearance", "masked_tones", "tiles", "sheets_cut")

_ALGORITHMS = [{"montage": montage.VERSION}]


def run(workspace: Workspace) -> Report:
    """Look at every file that lacks a fact, then build `records` and `pictures` anew.

    A root built with `--labels-only` looks at nothing. Facts are written as they come, so a run that was stopped goes
    on where it was.
    """
    report = Report("inspect", "files")
    with workspace.database() as database:
        freshness.require(database, "parse")
        proof = proofs.begin(database, workspace, "inspect")
        is_labels_only = database.table("mode").to_pylist()[0]["labels_only"]
        asked = {**LOOKED_AT, "by_places": workspace.recipe.dedup.by_places}
        if not is_labels_only:
            with database.transaction():
                if database.has("algorithms") and database.table("algorithms").to_pylist() != _ALGORITHMS:
                    database.build("forget_tiles")
                database.replace("algorithms", pa.Table.from_pylist(_ALGORITHMS))
            waiting = database.rows("to_inspect", **asked)
            report.there = database.count("members")
            report.made = len(waiting)
            with workspace.progress("inspect", len(waiting), "files") as advance:
                held, before = Facts(), 0
                errands = _errands(workspace, waiting)
                try:
                    for facts in workspace.workers.spread(look, errands, pictures=_weight(waiting)):
                        held.add(facts)
                        advance(len(facts.members))
                        before += len(facts.members) + len(facts.mask_members)
                        if len(held.fingerprints) + len(held.tiles) >= _ROWS_AT_ONCE:
                            _write(database, held)
                            held = Facts()
                except CurateError:  # a cluster that is lost, a program that is gone: what is known is known
                    _write(database, held)
                    raise
                _write(database, held)
            report.there = max(0, database.count("members") - before)
            if waiting and database.rows("to_inspect", **asked):
                proof = None  # what is not known now will be asked for again
        with database.transaction():
            database.replace("algorithms", pa.Table.from_pylist(_ALGORITHMS))
            database.replace("tone_bounds", tone_bounds(workspace.recipe.tone.bounds))
            database.replace("artefact_thresholds", artefact_thresholds())
            database.build("records")
            database.build("pictures", **VERSIONS)
            built_with.note(database, "inspect", workspace.recipe.knobs("tone"), LOOKED_AT, proof=proof)
            freshness.stamp(database, "inspect", "parse")
        for row in database.rows("not_readable"):
            report.left_out[row["problem"]] = row["pictures"]
        report.details["pictures"] = database.count("pictures")
    return report


def tone_bounds(name: str) -> pa.Table:
    """Return the table `tone_bounds`: the six classes of skin tone by those bounds, from light (step 1) to dark (6).

    `least_confidence`: an angle of less has no class.
    """
    bounds = tone.BOUNDS[name]
    words, above = zip(*bounds.classes, strict=True)
    return pa.table(
        {
            "step": pa.array(range(1, len(words) + 1), pa.int32()),
            "class": words,
            "above": pa.array(above, pa.float64()),
            "up_to": pa.array([math.inf, *above[:-1]], pa.float64()),
            "degrees": [
                " and ".join(
                    ([f"above {low:g}"] if low > -math.inf else []) + ([f"up to {high:g}"] if high < math.inf else [])
                )
                for low, high in zip(above, [math.inf, *above[:-1]], strict=True)
            ],
            "bounds": [name] * len(words),
            "least_confidence": [tone.LEAST_CONFIDENCE] * len(words),
            "source": [bounds.source] * len(words),
        }
    )


def artefact_thresholds() -> pa.Table:
    """Return the table `artefact_thresholds`: from which strength on (0..1) each counts, and how often rightly.

    `sensitivity` and `specificity`, 0..1, are those on pictures that were looked at by eye.
    """
    names = list(artefacts.NAMES)
    sensitivity, specificity = zip(*(artefacts.RIGHT[name] for name in names), strict=True)
    thresholds = [artefacts.THRESHOLDS[name] for name in names]
    return pa.table(
        {"artefact": names, "threshold": thresholds, "sensitivity": sensitivity, "specificity": specificity}
    )


def _weight(waiting: list[dict[str, Any]]) -> int:
    """Return the work to do, in pictures; a sheet is as much as some 20."""
    return sum(1 if row["layout"] == "picture" else 20 for row in waiting)


def _errands(workspace: Workspace, waiting: list[dict[str, Any]]) -> Iterator[list[Errand]]:
    batch: list[Errand] = []
    for row in waiting:
        location = Location.parse(row["location"])
        layout = None if row["layout"] == "picture" else cast(Layout, row["layout"])
        path = workspace.store.path(location.object)
        mask = None
        if row["mask_location"] is not None:
            mask = row["mask_location"], workspace.store.path(Location.parse(row["mask_location"]).object)
        errand = Errand(row["location"], path, layout, workspace.recipe.dedup.by_places, mask)
        if layout is not None:
            yield [errand]
            continue
        batch.append(errand)
        if len(batch) == _PICTURES_AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


def _write(database: Database, facts: Facts) -> None:
    """Write the facts; a file's row in `members` last, so that a file is never called known before its facts are."""
    rows_of = {name: getattr(facts, name) for name in _TABLES} | {"members": facts.mask_members + facts.members}
    for table, rows in rows_of.items():
        if rows:
            database.insert(table, pa.Table.from_pylist(rows, schema=database.schema(table)))
