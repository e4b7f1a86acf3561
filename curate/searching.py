"""The search for near pictures by their places: every source asks every other, once for what both hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import pyarrow as pa

from curate.db import Database
from curate.images import features
from curate.images.neighbours import Asked
from curate.pairs import NEARNESS_VERSION, Known, settle, sight
from curate.workspace import Workspace

_AT_ONCE = 256  # pairs that a worker settles at a time


def search(database: Database, workspace: Workspace, detail: float) -> int:
    """Bring the table `aligned` to what the pictures at hand say; return how many pairs were looked at.

    Two sources are compared as wholes, the one with fewer pictures asking, so that the answer depends on what they hold
    alone: not on which came first, nor on what else is here. Each answer is kept as it comes, so that a search cut
    short goes on where it stood. Pictures of less `detail` have no say.
    """
    database.build("searchable", features=features.VERSION, detail=detail)
    with database.transaction():
        for row in database.rows("searches_gone"):
            database.build("forget_aligned", "forget_search", asking=row["asking"], asked=row["asked"])
    waiting = database.rows("to_search", nearness=NEARNESS_VERSION)
    settled = 0
    pictures = sum(row["pictures"] for row in waiting)
    with (
        workspace.progress("dedup: compare", pictures, "pictures") as advance,
        workspace.workers.kept(pictures / 4) as workers,
    ):
        for asked, rows in groupby(waiting, key=lambda row: str(row["asked"])):
            there = _pictures(database, workspace, asked)
            index = Asked([one.places for one in there])
            for row in rows:
                own = row["asking"] == asked
                here = there if own else _pictures(database, workspace, row["asking"])
                looked, found = 0, dict[tuple[Any, ...], dict[str, Any]]()

                def batches(
                    index: Asked = index, here: list[Known] = here, there: list[Known] = there, own: bool = own
                ) -> Iterator[list[tuple[Known, Known, bool]]]:
                    nonlocal looked
                    for count, ends in index.neighbours(None if own else [one.places for one in here]):
                        known = ((here[i], there[j], mirror) for i, j, mirror in ends)
                        pairs = [pair for pair in known if pair[0].sight.key != pair[1].sight.key]
                        looked += len(pairs)
                        for start in range(0, len(pairs), _AT_ONCE):
                            yield pairs[start : start + _AT_ONCE]
                        advance(count)

                for batch in workers.spread(settle, batches(), pictures=len(here) / 4):
                    for pair in batch:
                        key = tuple(pair[f"{end}_{word}"] for end in ("first", "second") for word in ("sha256", "cell"))
                        if key not in found or pair["score"] > found[key]["score"]:
                            found[key] = pair | {"asking": row["asking"], "asked": asked}
                _keep(database, row, [found[key] for key in sorted(found)])
                settled += looked
    return settled


def _keep(database: Database, row: dict[str, Any], aligned: list[dict[str, Any]]) -> None:
    done = {name: row[name] for name in ("asking", "asked", "contents")} | {"version": NEARNESS_VERSION}
    # Two transactions: a key that is deleted in one cannot be inserted in the same.
    with database.transaction():
        database.build("forget_aligned", "forget_search", asking=row["asking"], asked=row["asked"])
    with database.transaction():
        for table, rows in (("aligned", aligned), ("searches", [done])):
            database.insert(table, pa.Table.from_pylist(rows, schema=database.schema(table)))


def _pictures(database: Database, workspace: Workspace, source: str) -> list[Known]:
    return [
        Known(sight(workspace, row), row["places"])
        for row in database.rows("searchable_of", source=source, features=features.VERSION)
    ]
