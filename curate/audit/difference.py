"""diff: in what two corpora differ, record by record, and why: other recipe, label maps, files, decisions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate.db import Database
from curate.errors import CorpusError
from curate.lock import LockedSource
from curate.workspace import Workspace

_VERSIONS = {
    "label_maps": "label maps",
    "labels_only": "built from labels only",
    "montage": "cutting of sheets",
    "fingerprint": "fingerprints",
    "appearance": "tone and artefacts",
}
_NOT_TOLD = "recipe and locked files were not compared: {} is a database alone"


def difference(before: Path, after: Path, *, first: int = 5) -> dict[str, Any]:
    """Return in what two corpora differ; each of them is a root, or a `corpus.duckdb` alone.

    `equal`; `totals` (records, pictures, left_out of each); `causes` (what, where, before, after); `changes`: kind,
    source, was, now, cause, records and `first`, that many of them (id, was, now, why); `notes`.
    Raises CorpusError where one of the two is no corpus.
    """
    paths = _database(before), _database(after)
    found: dict[str, Any] = {"before": str(before), "after": str(after)}
    if paths[0].samefile(paths[1]):
        return found | {
            "equal": True,
            "totals": {},
            "causes": [],
            "changes": [],
            "notes": ["they are one and the same"],
        }
    with Database.pair(*paths) as database:
        _check(database, {"before": paths[0], "after": paths[1]})
        database.build("diff_changes")
        totals = {row.pop("side"): row for row in database.rows("diff_totals")}
        changes = database.rows("diff_counts", most=first)
        causes = _versions(totals) + _sources(database) + _decisions(database)
    notes = [_NOT_TOLD.format(path) for path in (before, after) if not path.is_dir()]
    if not notes:
        causes = _recipes(before, after) + _locks(before, after) + causes
    return found | {
        "equal": not changes and not causes,
        "totals": {
            side: {word: row[word] for word in ("records", "pictures", "left_out")} for side, row in totals.items()
        },
        "causes": causes,
        "changes": changes,
        "notes": notes,
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return a difference as lines of text."""
    told: list[str] = []
    for side in ("before", "after"):
        row = found["totals"].get(side)
        counts = (
            f": {row['records']:,} records = {row['pictures']:,} kept + {row['left_out']:,} left out" if row else ""
        )
        told.append(f"{side:<6} {found[side]}{counts}")
    told += found["notes"]
    if found["equal"]:
        return [*told, "no difference"]
    if found["causes"]:
        told += ["", "made with other"]
        told += [f"  {cause['what']}: {cause['where']}: {_change(cause)}" for cause in found["causes"]]
    sums: dict[str, int] = {}
    for row in found["changes"]:
        sums[row["kind"]] = sums.get(row["kind"], 0) + row["records"]
    kind = None
    for row in found["changes"]:
        if row["kind"] != kind:
            kind = row["kind"]
            told += ["", f"{kind}: {sums[kind]:,}"]
        told += _group(row)
    if not found["changes"]:
        told += ["", "the records, pictures and labels are the same"]
    return told


def _group(row: Mapping[str, Any]) -> list[str]:
    words = [word for word in (row["source"], _arrow(row), row["cause"] and f"because: {row['cause']}") if word]
    told = [f"  {row['records']:>7,}  {'; '.join(words)}".rstrip()]
    for each in row["first"]:
        change = "" if row["was"] or row["now"] else f": {_arrow(each)}"
        told.append(f"           {each['id']}{change}" + (f" ({each['why']})" if each["why"] else ""))
    if row["records"] > len(row["first"]):
        told.append(f"           ... and {row['records'] - len(row['first']):,} more")
    return told


def _arrow(row: Mapping[str, Any]) -> str:
    return "" if row["was"] is None and row["now"] is None else f"{_said(row['was'])} -> {_said(row['now'])}"


def _change(cause: Mapping[str, Any]) -> str:
    return f"{_said(cause['before'])} -> {_said(cause['after'])}"


def _said(value: object) -> str:
    return "nothing" if value is None else str(value)


def _database(path: Path) -> Path:
    file = Workspace(path).database_path if path.is_dir() else path
    if not file.is_file():
        raise CorpusError(
            "there is no corpus here yet",
            where=str(file),
            expected="a root in which a corpus was built, or its corpus.duckdb",
            hint=f"curate --root {path} build" if path.is_dir() else "name a root or a corpus.duckdb",
        )
    return file


def _check(database: Database, paths: Mapping[str, Path]) -> None:
    for row in database.rows("diff_lacking"):
        raise CorpusError(
            "this corpus is not finished, or another version of curate made it",
            where=str(paths[row["side"]]),
            expected=f"its table {row['table_name']} with the column {row['column_name']}",
            hint="curate build, in its root",
        )


def _cause(what: str, where: str, before: object, after: object) -> dict[str, Any]:
    return {"what": what, "where": where, "before": before, "after": after}


def _versions(totals: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    old, new = totals["before"], totals["after"]
    return [
        _cause("version", title, old[word], new[word]) for word, title in _VERSIONS.items() if old[word] != new[word]
    ]


def _sources(database: Database) -> list[dict[str, Any]]:
    return [
        _cause("source", f"{row['source']}, {row['field']}", _short(row["was"]), _short(row["now"]))
        for row in database.rows("diff_sources")
    ]


def _decisions(database: Database) -> list[dict[str, Any]]:
    causes = []
    for row in database.rows("diff_decisions"):
        line = " ".join(row[word] for word in ("decision", "first", "second") if row[word])
        sides = (row["note"] or "decided", None) if row["side"] == "before" else (None, row["note"] or "decided")
        causes.append(_cause("decision", line, *sides))
    return causes


def _recipes(before: Path, after: Path) -> list[dict[str, Any]]:
    old, new = (dataclasses.asdict(Workspace(path).recipe) for path in (before, after))
    return [
        _cause("recipe", f"[{section}] {knob}", value, new[section][knob])
        for section, knobs in old.items()
        for knob, value in knobs.items()
        if value != new[section][knob]
    ]


def _locks(before: Path, after: Path) -> list[dict[str, Any]]:
    old, new = (_locked(Workspace(path).locked()) for path in (before, after))
    return [
        _cause("locked file", name, _short(old.get(name)), _short(new.get(name)))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _locked(entries: Mapping[str, LockedSource]) -> dict[str, str]:
    """Return the hash of each locked file by its name, whatever it was adopted from."""
    found = {}
    for source, entry in entries.items():
        for name, file in entry.files.items():
            found[f"{source}, {name}"] = file.sha256
        if entry.loose:
            found[f"{source}, unpacked content"] = entry.loose.sha256
    return found


def _short(value: str | None) -> str | None:
    """Cut a hash to what eyes compare."""
    is_hash = value is not None and len(value) == 64 and not set(value) - set("0123456789abcdef")
    return value[:12] if is_hash and value else value
