"""The audit of a split, ours or a stranger's: which pictures of one split are known, in any way, to another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate import freshness
from curate.audit.split_file import ID_COLUMNS, SPLIT_COLUMNS, SplitFile, is_split
from curate.components import grouped
from curate.db import Database
from curate.errors import UsageError
from curate.workspace import Workspace

KINDS = ("id", "listed", "bytes", "near", "lesion", "patient")
"""The ways in which two pictures are one, or of one: the closest first."""

_NEED_PICTURES = ("bytes", "near")
_CAN_BE_UNKNOWN = ("bytes", "near", "lesion", "patient")
_MEMORY = "768MB"  # for the tables of the audit; five million rows need more, and find it on the disk
_MOST_NAMED = 5  # splits of a name that says nothing, in the note on them
_MOST_SPLITS = 100  # more different words than that are no splits, but the wrong column


def audit(
    workspace: Workspace,
    path: Path,
    *,
    id_column: str | None = None,
    split_column: str | None = None,
    by: str | None = None,
    listed: int | None = None,
) -> dict[str, Any]:
    """Hold a CSV of (picture, split) against what this root knows; label files suffice.

    Splits that differ in letter case only are one (`notes` says so). Bytes are those of the record that a name means.

    Returns `rows`, `known` (rows), `compared` (known rows with a split), `pictures` (known, each once), `columns`,
    `splits` (test before train), `unmatched`, `doubled` (names in more than one split; both counted, and so many
    `listed`; None: all),
    `needs` (what a kind that cannot be seen here needs), `pairs` (per two splits and kind: `pictures` of
    the first whose group is in the second too, of how many, and of how many nothing is known; the same by source and by
    the column `by`), `examples` (at most `listed` per pair and kind) and `leaks` (whether there is any).
    Raises UsageError for a file or a column that is not as it must be, for fewer than two splits, or where no row
    names a picture of this root; CorpusError where nothing was parsed.
    """
    file = SplitFile.open(path)
    names = file.find(id_column, ID_COLUMNS, "name of the picture", "--id-column")
    split = file.find(split_column, SPLIT_COLUMNS, "split", "--split-column")[0]
    names = [name for name in names if name != split] or names
    beside = file.find(by, (), "part of the file", "--by")[0] if by is not None else None
    table, encoding = file.read(list(dict.fromkeys([*names, split, *([beside] if beside else [])])))
    with workspace.database(read_only=True) as database, database.spilling(_MEMORY):
        database.require("records", "parse")
        database.build("audit_names")
        chosen = _choose(database, table, names)
        words, notes = _one_case(table[split])
        rows = {"name": table[chosen], "split": words}
        rows["value"] = table[beside] if beside else pa.nulls(table.num_rows, pa.string())
        with database.lent(audited=pa.table(rows)):
            _check(database, file, chosen, split)
            database.build("audit_places")
            needs = _group(database, near=workspace.recipe.dedup.near)
            found = _found(database, bool(beside), listed)
    found["file"] = str(path)
    found["encoding"] = encoding
    found["columns"] = {"picture": chosen, "split": split, "by": beside}
    found["notes"] = notes + _strange([row["split"] for row in found["splits"]])
    found["needs"] = needs
    found["leaks"] = bool(found["doubled"]["names"]) or any(
        kind["pictures"] for pair in found["pairs"] for kind in pair["kinds"]
    )
    return found


def _choose(database: Database, table: pa.Table, names: Sequence[str]) -> str:
    """Of several likely columns, take the one that names most pictures of this root; the first of equals."""
    known = []
    for name in names if len(names) > 1 else ():
        with database.lent(audited=pa.table({"name": table[name]})):
            database.build("audit_matches")
            known.append(database.rows("audit_likely")[0]["known"])
    return names[known.index(max(known))] if known else names[0]


def _one_case(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, list[str]]:
    """Return the splits with one spelling each, the most frequent of those that differ in case, and notes on it."""
    counts = {row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()}
    spelled: dict[str, list[str]] = {}
    for word in sorted(counts, key=lambda word: (-counts[word], word)):
        spelled.setdefault(word.casefold(), []).append(word)
    merged = [words for words in spelled.values() if len(words) > 1]
    spelling = {word: words[0] for words in merged for word in words}
    notes = [f"{' and '.join(map(repr, words))} are taken as one split, {words[0]!r}" for words in merged]
    for word, one in spelling.items():
        column = pc.if_else(pc.equal(column, word), one, column)
    return column, notes


def _strange(splits: Sequence[str]) -> list[str]:
    """Return a note on splits whose names say nothing: they are compared as they stand, and may be a wrong column."""
    strange = [split for split in splits if not is_split(split)]
    if not strange:
        return []
    named = ", ".join(map(repr, strange[:_MOST_NAMED])) + (", ..." if len(strange) > _MOST_NAMED else "")
    stand = "is none of train, validation and test: compared as it stands"
    if len(strange) > 1:
        stand = "are none of train, validation and test: compared as they stand"
    return [f"{named} {stand}"]


def _check(database: Database, file: SplitFile, chosen: str, split: str) -> None:
    words = database.rows("audit_too_many")[0]["words"]
    if words > _MOST_SPLITS:
        raise UsageError(
            f"the column {split!r} has {words:,} different words: that is no split",
            where=str(file.path),
            expected=f"at most {_MOST_SPLITS}",
            found="the columns " + ", ".join(file.columns),
            hint=f"curate audit {file.path} --split-column NAME",
        )
    if words < 2:
        raise UsageError(
            f"the column {split!r} has {'one split only' if words else 'no split'}: nothing to compare",
            where=str(file.path),
            expected="pictures of two splits at least, such as train and test",
            found="the columns " + ", ".join(file.columns),
            hint="write the rows of all splits into one file, or --split-column NAME for another column",
        )
    database.build("audit_matches")
    if not database.rows("audit_likely")[0]["known"]:
        unmatched = database.rows("audit_unmatched", most=3)
        raise UsageError(
            f"no row of the column {chosen!r} names a picture of this corpus",
            where=str(file.path),
            expected="names such as " + ", ".join(row["name"] for row in database.rows("audit_named_like")),
            found=", ".join(row["name"] for row in unmatched) or "no names at all",
            hint="--id-column NAME for another column, or curate fetch the source that these pictures are from",
        )


def _group(database: Database, *, near: bool) -> dict[str, str]:
    """Build the groups of every kind and what they leak; return what each kind that cannot be seen here needs."""
    can_see = database.has("pictures") and database.count("pictures") > 0
    needs = {} if can_see else dict.fromkeys(_NEED_PICTURES, "needs pictures")
    if can_see and not near:
        needs["near"] = "switched off in the recipe"
    elif can_see and (not database.has("edges") or freshness.late_stage(database, "dedup") is not None):
        needs["near"] = "needs curate build: the pictures that are here are not compared yet"
    joined = {"listed": database.select("audit_listed")}
    if "near" not in needs:
        joined["near"] = database.select("audit_near")
        if database.has("photographs"):
            joined["lesion"] = database.select("audit_kin")
    with database.lent(audit_joined=_joined(joined)):
        database.build("audit_groups")
    if can_see:
        database.build("audit_bytes")
    database.build("audit_leaks")
    return needs


def _joined(pairs: Mapping[str, pa.Table]) -> pa.Table:
    """Return, by kind, the pictures that pairs join, each with the first of those that it hangs together with."""
    columns = ("kind", "torn", "picture")
    rows = [pa.table({name: pa.array([], pa.string()) for name in columns})]
    for kind, edges in pairs.items():
        ends = pa.chunked_array([*edges["first"].chunks, *edges["second"].chunks], pa.string())
        names = pc.unique(ends)
        words = pa.array([kind] * len(names), pa.string())
        rows.append(pa.table([words, grouped(names, edges), names], names=columns))
    return pa.concat_tables(rows)


def _counted(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the names that are listed, and how many names and rows there are in all."""
    names = rows[0]["all_names"] if rows else 0
    counted = {"names": names, "rows": rows[0].get("all_rows", names) if rows else 0}
    return counted | {"listed": [{k: v for k, v in row.items() if not k.startswith("all_")} for row in rows]}


def _found(database: Database, by: bool, listed: int | None) -> dict[str, Any]:
    most = 2**62 if listed is None else listed
    splits = database.rows("audit_splits_found")
    sizes = {(row["split"], row["part"], row["value"]): row for row in database.rows("audit_sizes", by=by)}
    counts = {
        (row["split"], row["against"], row["part"], row["value"], row["kind"]): row
        for row in database.rows("audit_counts", by=by)
    }
    order = [row["split"] for row in splits]
    pairs = [_pair(first, second, sizes, counts) for place, first in enumerate(order) for second in order[place + 1 :]]
    totals = database.rows("audit_totals")[0]
    return {
        "rows": totals["rows"],
        "known": totals["known"],
        "compared": totals["compared"],
        "pictures": totals["pictures"],
        "without_name": totals["without_name"],
        "without_split": totals["without_split"],
        "splits": splits,
        "sources": {row["source"]: row["pictures"] for row in database.rows("audit_sources")},
        "unmatched": _counted(database.rows("audit_unmatched", most=most)),
        "doubled": _counted(database.rows("audit_doubled", most=most)),
        "pairs": pairs,
        "examples": database.rows("audit_examples", most=most),
    }


def _pair(first: str, second: str, sizes: Mapping[Any, Any], counts: Mapping[Any, Any]) -> dict[str, Any]:
    def one(kind: str | None, part: str, value: str | None) -> dict[str, Any]:
        size = sizes[first, part, value]
        here = counts.get((first, second, part, value, kind), {"pictures": 0, "groups": 0})
        entry = {"kind": kind or "any", "pictures": here["pictures"], "of": size["pictures"]}
        if kind is not None:
            entry["groups"] = here["groups"]
        if kind in _CAN_BE_UNKNOWN:
            entry["unknown"] = size[kind]
        if part == "whole":
            there = counts.get((second, first, part, value, kind))
            entry["pictures_of_the_other"] = there["pictures"] if there else 0
        return entry

    parts: dict[str, dict[str, list[dict[str, Any]]]] = {"source": {}, "column": {}}
    for split, part, value in sizes:
        if split == first and part != "whole":
            parts[part][value] = [one(kind, part, value) for kind in KINDS]
    return {
        "split": first,
        "against": second,
        "any": one(None, "whole", None),
        "kinds": [one(kind, "whole", None) for kind in KINDS],
        "by_source": parts["source"],
        "by_column": parts["column"],
    }
