"""inspect: every file that is claimed is read and decoded once; what is known of its bytes is kept under their hash."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pyarrow as pa

from curate import freshness
from curate.db import Database
from curate.files import Location
from curate.images import montage
from curate.look import LOOKED_AT, VERSIONS, Errand, Facts, look
from curate.records import Layout
from curate.report import Report
from curate.workers import spread, worth
from curate.workspace import Workspace

_PICTURES_AT_ONCE = 16  # files in one errand of a worker: enough to make the way there and back cheap
_ROWS_AT_ONCE = 2000  # rows held before they are written: what a kill can cost

_ALGORITHMS = [{"montage": montage.VERSION}]


def run(workspace: Workspace) -> Report:
    """Look at every file that lacks a fact, then build `records` and `pictures` anew.

    A root built with `--labels-only` looks at nothing. Facts are written as they come, so a run that was stopped goes
    on where it was.
    """
    report = Report("inspect", "files")
    with workspace.database() as database:
        freshness.require(database, "parse")
        if not database.table("mode").to_pylist()[0]["labels_only"]:
            with database.transaction():
                if database.has("algorithms") and database.table("algorithms").to_pylist() != _ALGORITHMS:
                    database.build("forget_tiles")
                database.replace("algorithms", pa.Table.from_pylist(_ALGORITHMS))
            waiting = database.rows("to_inspect", **LOOKED_AT, by_places=workspace.recipe.dedup.by_places)
            report.there = database.count("members")
            report.made = len(waiting)
            with workspace.progress("inspect", len(waiting), "files") as advance:
                held, before = Facts(), 0
                for facts in spread(
                    look, _errands(workspace, waiting), workers=worth(workspace.workers, _weight(waiting))
                ):
                    held.add(facts)
                    advance(len(facts.members))
                    before += len(facts.members)
                    if len(held.fingerprints) + len(held.tiles) >= _ROWS_AT_ONCE:
                        _write(database, held)
                        held = Facts()
                _write(database, held)
            report.there = max(0, database.count("members") - before)
        with database.transaction():
            database.replace("algorithms", pa.Table.from_pylist(_ALGORITHMS))
            database.build("records")
            database.build("pictures", **VERSIONS)
            freshness.stamp(database, "inspect", "parse")
        for row in database.rows("not_readable"):
            report.left_out[row["problem"]] = row["pictures"]
        report.details["pictures"] = database.count("pictures")
    return report


def _weight(waiting: list[dict[str, Any]]) -> int:
    """Return the work to do, in pictures; a sheet is as much as some 20."""
    return sum(1 if row["layout"] == "picture" else 20 for row in waiting)


def _errands(workspace: Workspace, waiting: list[dict[str, Any]]) -> Iterator[list[Errand]]:
    batch: list[Errand] = []
    for row in waiting:
        location = Location.parse(row["location"])
        layout = None if row["layout"] == "picture" else cast(Layout, row["layout"])
        path = workspace.store.path(location.object)
        errand = Errand(row["location"], path, layout, workspace.recipe.dedup.by_places)
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
    for table in ("fingerprints", "features", "appearance", "tiles", "sheets_cut", "members"):
        rows = getattr(facts, table)
        if rows:
            empty = database.table(table).slice(0, 0)
            database.insert(table, pa.Table.from_pylist(rows, schema=empty.schema))
