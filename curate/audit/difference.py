"""diff: in what two corpora differ, record by record, and why: other recipe, label maps, files, decisions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from curate import built_with, freshness
from curate.built_with import BuiltWith
from curate.db import Database
from curate.errors import CorpusError, FetchError
from curate.workspace import Workspace

_VERSIONS = {
    "label_maps": "label maps",
    "labels_only": "built from labels only",
    "montage": "cutting of sheets",
    "fingerprint": "fingerprints",
    "appearance": "tone and artefacts",
    "features": "places in pictures",
    "looks": "second looks",
    "nearness": "comparison by places",
}
_NOT_TOLD = "recipe and files were not compared: nobody wrote down what {} was built with; curate build does"


def difference(before: Path, after: Path, *, first: int = 5) -> dict[str, Any]:
    """Return in what two corpora differ; each of them is a root, or a `corpus.duckdb` alone.

    `equal`; `totals` (records, pictures, left_out of each); `causes` (what, where, before, after); `changes`: kind,
    source, was, now, cause, records and `first`, that many of them (id, was, now, why); `notes`.
    The recipe, the versions and the files are those with which each was built, whatever its root says by now.
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
        causes = _sources(database) + _decisions(database)
    built, notes = [], []
    for path, file in zip((before, after), paths, strict=True):
        with Database(file, read_only=True) as database:
            known, late = built_with.read(database), freshness.caution(database)
        notes += [f"{path}: {late}"] if late else []
        notes += [] if known else [_NOT_TOLD.format(path)]
        built.append(known)
    shards = [_shard_recipe(path) for path in (before, after)]
    old, new = built
    causes = _versions(totals, old, new) + causes
    if old and new:
        causes = _recipes(old.recipe, new.recipe) + _recipes(*shards) + _files(old, new) + causes
        if (changes or causes) and old.versions.get("curate") != new.versions.get("curate"):
            causes.append(_cause("version", "curate", old.versions.get("curate"), new.versions.get("curate")))
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


def _versions(
    totals: Mapping[str, Mapping[str, Any]], old: BuiltWith | None, new: BuiltWith | None
) -> list[dict[str, Any]]:
    before, after = totals["before"], totals["after"]
    if old and new:  # else only what the tables themselves show of it
        before, after = {**before, **old.versions}, {**after, **new.versions}
    return [
        _cause("version", title, before[word], after[word])
        for word, title in _VERSIONS.items()
        if word in before and word in after and before[word] != after[word]
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


def _shard_recipe(path: Path) -> built_with.Recipe:
    """Return how the shards of a root were made, which its lock says; nothing where there are none, or no lock."""
    try:
        corpus = Workspace(path).lock().corpus if path.is_dir() else None
    except FetchError:  # no lock that can be read: `verify` says so, and the corpora can be compared without it
        return {}
    return {"shard": corpus.recipe["shard"]} if corpus and "shard" in corpus.recipe else {}


def _recipes(old: built_with.Recipe, new: built_with.Recipe) -> list[dict[str, Any]]:
    return [
        _cause("recipe", f"[{section}] {knob}", old[section].get(knob), new[section].get(knob))
        for section in sorted(old.keys() & new.keys())
        for knob in sorted(old[section].keys() | new[section].keys())
        if old[section].get(knob) != new[section].get(knob)
    ]


def _files(old: BuiltWith, new: BuiltWith) -> list[dict[str, Any]]:
    before, after = (
        {f"{source}, {name}": sha256 for source, files in built.files.items() for name, sha256 in files.items()}
        for built in (old, new)
    )
    return [
        _cause("locked file", name, _short(before.get(name)), _short(after.get(name)))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _short(value: str | None) -> str | None:
    """Cut a hash to what eyes compare."""
    is_hash = value is not None and len(value) == 64 and not set(value) - set("0123456789abcdef")
    return value[:12] if is_hash and value else value
