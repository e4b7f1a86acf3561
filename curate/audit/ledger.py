"""The ledger: per source, claimed = kept + left out by reason, to the last row."""

from __future__ import annotations

from typing import Any

from curate import freshness
from curate.audit.leftovers import leftovers
from curate.errors import CorpusError
from curate.lock import Standing
from curate.workspace import Workspace


def ledger(workspace: Workspace) -> dict[str, Any]:
    """Return `sources` (source, claimed, kept, left_out by reason), `total`, `balances`, `splits` and `notes`.

    Raises CorpusError where the corpus was not built.
    """
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("the corpus is not built yet", where=str(workspace.root), hint="curate build")
        freshness.require(database, "split")
        rows = database.table("ledger").to_pylist()
        splits = {row["split"]: row["pictures"] for row in database.rows("split_sizes")}
        labels_only = bool(database.table("mode").to_pylist()[0]["labels_only"])
        claimed_rows = database.count("records")
        reasons = [row["reason"] for row in database.rows("exclusion_reasons")]
        unbalanced = database.rows("conservation")
        others = database.rows("not_as_published") if database.has("expected_counts") else []
    sources: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = sources.setdefault(row["source"], {"source": row["source"], "claimed": 0, "kept": 0, "left_out": {}})
        entry["claimed"] += row["records"]
        if row["outcome"] == "kept":
            entry["kept"] = row["records"]
        else:
            entry["left_out"][row["outcome"]] = row["records"]
    entries = list(sources.values())
    for entry in entries:
        entry["left_out"] = {reason: entry["left_out"][reason] for reason in reasons if reason in entry["left_out"]}
    total = {
        "source": "all",
        "claimed": sum(entry["claimed"] for entry in entries),
        "kept": sum(entry["kept"] for entry in entries),
        "left_out": {reason: sum(entry["left_out"].get(reason, 0) for entry in entries) for reason in reasons},
    }
    balances = not unbalanced and claimed_rows == total["claimed"] == total["kept"] + sum(total["left_out"].values())
    return {
        "sources": entries,
        "total": total,
        "balances": balances,
        "labels_only": labels_only,
        "splits": splits,
        "notes": _not_as_published(others) + _notes(workspace) + leftovers(workspace),
    }


def _not_as_published(rows: list[dict[str, Any]]) -> list[str]:
    """Say, a line per source, which counts are not those that the whole source has."""
    by_source: dict[str, list[str]] = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append(f"{row['here']:,} {row['what']} ({row['expected']:,} expected)")
    return [f"{source}: not as published: {', '.join(counts)}" for source, counts in by_source.items()]


def _notes(workspace: Workspace) -> list[str]:
    """Say which files are not the official bytes, and which nobody could pin."""
    notes = []
    for source, entry in sorted(workspace.locked().items()):
        standings: tuple[Standing, ...] = ("not the official bytes", "unpinned")
        for standing in standings:
            names = entry.of(standing)
            if names:
                notes.append(f"{source}: {standing}: {', '.join(names)}")
    return notes
