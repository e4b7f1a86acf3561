"""What other label maps would change: which pictures would get another category or subtype, come in or go out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.db import Database
from curate.errors import CorpusError, UsageError
from curate.labelmaps import TABLES, LabelMaps
from curate.text_table import text_table
from curate.workspace import Workspace

Maps = Mapping[str, pa.Table]


def maps_of(workspace: Workspace) -> Maps:
    """Return the maps of a root as tables, as `label` would use them. Raises LabelMapError as it would."""
    return LabelMaps.read(workspace.label_maps, list(workspace.manifests)).tables()


def maps_at(place: Path, workspace: Workspace) -> Maps:
    """Return the maps of another time: those in a folder of label maps, or those with which a corpus was labelled.

    `place` is a folder of maps (what it lacks is as it ships), a root, or a `corpus.duckdb`; `workspace` says which
    sources there are. Raises UsageError where it is none of them, CorpusError where the corpus is of another version.
    """
    database = Workspace(place).database_path if place.is_dir() else place
    if database.is_file():
        return _labelled_with(database)
    folder = place / "label_maps" if (place / "label_maps").is_dir() else place
    if folder.is_dir() and any(folder.glob("*.csv")):
        files = workspace.facts("label_maps", "*.csv", own=folder)
        return LabelMaps.read(files, list(workspace.manifests)).tables()
    raise UsageError(
        "here are no label maps, and no corpus",
        where=str(place),
        expected="a folder of label maps, a root in which a corpus was built, or its corpus.duckdb",
        found="a folder without them" if place.is_dir() else "nothing" if not place.exists() else "a file",
        hint="curate label --diff label_maps-of-last-year",
    )


def _labelled_with(path: Path) -> Maps:
    with Database(path, read_only=True) as database:
        for name, words in TABLES.items():
            has = database.table(name).column_names if database.has(name) else []
            lacking = [word.rstrip("#") for word in words.split() if word.rstrip("#") not in has]
            if lacking:
                raise CorpusError(
                    "this corpus was not labelled, or another version of curate made it",
                    where=str(path),
                    expected=f"its table {name} with {', '.join(lacking)}",
                    done="nothing was changed",
                    hint="curate build, in its root; or name a folder of label maps instead",
                )
        return {name: database.table(name) for name in TABLES}


def changes(before: Path, after: Path, *, first: int = 5) -> dict[str, Any]:
    """Return what differs between two databases that hold the same records under other maps.

    `equal`; `versions`, `files` (name, was, now: sha256 or null) and `categories` (category, before, after: pictures,
    null where it is not declared) of the maps; `pictures` of the corpus `before` and `after`; `changed`: how many
    pictures by kind; `changes`: kind, was, was_subtype, now, now_subtype, source, source_label, pictures, and `first`,
    that many of them (id, why).
    """
    with Database.pair(before, after) as database:
        database.build("label_changes")
        rows = database.rows("label_change_counts", most=first)
        sums = database.rows("label_change_sums")
    sides = [_labelled_with(path) for path in (before, after)]
    versions = [side["map_version"].to_pylist()[0]["version"] for side in sides]
    files = [{row["name"]: row["sha256"] for row in side["map_files"].to_pylist()} for side in sides]
    changed: dict[str, int] = {}
    for row in rows:
        changed[row["kind"]] = changed.get(row["kind"], 0) + row["pictures"]
    return {
        "equal": not rows and all(row["was_declared"] == row["is_declared"] for row in sums),
        "versions": {"before": versions[0], "after": versions[1]},
        "files": [
            {"name": name, "was": files[0].get(name), "now": files[1].get(name)}
            for name in sorted(files[0].keys() | files[1].keys())
            if files[0].get(name) != files[1].get(name)
        ],
        "categories": [
            {
                "category": row["category"],
                "before": row["before"] if row["was_declared"] else None,
                "after": row["after"] if row["is_declared"] else None,
            }
            for row in sums
        ],
        "pictures": {side: sum(row[side] for row in sums) for side in ("before", "after")},
        "changed": changed,
        "changes": rows,
    }


_SAID = {
    "category": "change their category",
    "subtype": "change their subtype alone",
    "leaves the corpus": "leave the corpus",
    "enters the corpus": "enter the corpus",
}


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return the changes as lines of text: the maps, the sums, then each change with some of its pictures."""
    versions = found["versions"]
    told = [f"label maps {versions['before']} -> {versions['after']}"]
    told += [f"  {file['name']}: {_file(file)}" for file in found["files"]]
    if found["equal"]:
        same = "the maps are the same" if not found["files"] else "no picture changes its category or subtype"
        return [*told, same]
    rows = [
        {"category": row["category"], "before": _count(row["before"]), "after": _count(row["after"])}
        for row in found["categories"]
    ]
    rows.append({"category": "all"} | {side: f"{count:,}" for side, count in found["pictures"].items()})
    told += ["", *text_table(rows).splitlines(), ""]
    told += [f"{found['changed'].get(kind, 0):>8,}  {said}" for kind, said in _SAID.items()]
    kind = None
    for row in found["changes"]:
        if row["kind"] != kind:
            kind = row["kind"]
            told += ["", f"pictures that {_SAID[kind]}:"]
        told.append(f"{row['pictures']:>8,}  {row['source']} {row['source_label']!r}: {_change(row)}")
        for each in row["first"]:
            told.append(f"            {each['id']}" + (f"  ({each['why']})" if each["why"] else ""))
        if row["first"] and row["pictures"] > len(row["first"]):
            told.append(f"            ... and {row['pictures'] - len(row['first']):,} more")
    return told


def _file(file: Mapping[str, Any]) -> str:
    return "new" if file["was"] is None else "gone" if file["now"] is None else "changed"


def _count(pictures: int | None) -> str:
    return "not declared" if pictures is None else f"{pictures:,}"


def _change(row: Mapping[str, Any]) -> str:
    was, now, old, new = row["was"], row["now"], row["was_subtype"], row["now_subtype"]
    if old == new:
        return f"{old}: {was} -> {now}" if old else f"{was} -> {now}"
    return f"{was} ({old or 'no subtype'}) -> {now} ({new or 'no subtype'})"
