"""Which run of a stage stands on which run of the one before: so that no stage builds on tables of another time."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from curate.db import Database
from curate.errors import CorpusError

_SCHEMA = pa.schema([("stage", pa.string()), ("number", pa.int64()), ("after", pa.string()), ("follows", pa.int64())])


def require(database: Database, stage: str) -> None:
    """Raise CorpusError where `stage`, or one that it stands on, has not run since the one before it did."""
    late = late_stage(database, stage)
    if late is not None:
        raise CorpusError(
            f"{late} has not run since the stage before it did",
            where=str(database.said_of),
            expected="the stages in their order: parse, inspect, dedup, label, split, shard",
            done="nothing was changed",
            hint="curate build",
        )


def caution(database: Database) -> str | None:
    """Return a sentence where the corpus is of another time than its labels or its pictures, None where all is of one.

    For who asks in SQL: the tables are there to be looked into at any time, also to find out what went wrong, but what
    joins them speaks of two times at once. Everything else that reads a corpus calls `require`.
    """
    late = late_stage(database, "split") if database.has("corpus") else None
    if late is None:
        return None
    return (
        f"{late} has not run since the stage before it did: the tables here are of two times, and what joins them is "
        "not to be relied on; next: curate build"
    )


def late_stage(database: Database, stage: str) -> str | None:
    """Return the first stage in the line up to `stage` that has to run again, None where all stand on one another."""
    runs = _runs(database)
    late: str | None = None
    here: str | None = stage
    while here is not None:
        run = runs.get(here)
        if run is None:
            return here
        before = run["after"]
        if before is not None and before in runs and runs[before]["number"] != run["follows"]:
            late = here
        here = before
    return late


def stamp(database: Database, stage: str, after: str | None) -> None:
    """Note that `stage` has run on what the last run of `after` left."""
    runs = _runs(database)
    number = max((run["number"] for run in runs.values()), default=0) + 1
    follows = runs[after]["number"] if after is not None else None
    runs[stage] = {"stage": stage, "number": number, "after": after, "follows": follows}
    database.replace("stage_runs", pa.Table.from_pylist(list(runs.values()), schema=_SCHEMA))


def _runs(database: Database) -> dict[str, dict[str, Any]]:
    if not database.has("stage_runs"):
        return {}
    return {row["stage"]: row for row in database.table("stage_runs").to_pylist()}
