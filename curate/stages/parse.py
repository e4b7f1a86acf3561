"""parse: every source's files become claims, in the source's own words; what was read before is not read again."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from curate import built_with, freshness, proofs
from curate import sources as parsers
from curate.db import Database
from curate.errors import CorpusError, ManifestError, ParseError
from curate.files import Files
from curate.lock import LockedSource
from curate.manifest import OWN, Manifest
from curate.records import Case, Claim, ListedPair, Record, Sheet
from curate.report import Report
from curate.tree import Tree
from curate.workspace import Workspace

_TABLES: dict[type, str] = {Record: "claims", Sheet: "sheets", Case: "cases", ListedPair: "listed_pairs"}


def run(workspace: Workspace, sources: Sequence[str] = (), *, labels_only: bool | None = None) -> Report:
    """Parse what was fetched of the named sources (all, where none is named) into claims, and build `records`.

    `labels_only` says whether this root needs pictures; None keeps what the root was built with before.
    Raises ParseError for a label file in an unknown form, CorpusError where nothing was fetched.
    """
    report = Report("parse", "claims")
    chosen = [source for source in workspace.sources(sources) if workspace.tree_path(source).exists()]
    if not chosen:
        raise CorpusError(
            "nothing was fetched yet",
            where=str(workspace.root),
            hint="curate fetch, or curate fetch SOURCE --from FOLDER",
        )
    with workspace.database(create=True) as database:
        database.build("facts")
        before = _mode(database)
        now = labels_only if labels_only is not None else bool(before)
        left = built_with.proofs(database).get("parse")
        proof = proofs.begin(database, workspace, "parse", labels_only=now)
        known = {row["source"]: row["key"] for row in database.table("parsed").to_pylist()}
        with workspace.progress("parse", len(chosen), "sources") as advance:
            for source in chosen:
                files = workspace.files(source)
                assert files is not None, "chosen has only sources with a tree"
                key = _key(workspace, source)
                if known.get(source) != key:
                    report.made += _parse(database, workspace, source, files, key)
                advance(1)
        database.replace("mode", pa.table({"labels_only": [now]}))
        is_late = freshness.late_stage(database, "parse") is not None
        # Another manifest gives other tables of the same claims; and who was killed behind the claims has said nothing.
        is_new = now != before or report.made > 0 or is_late or proof != left
        with database.transaction():
            database.replace("sources", _sources(workspace))
            database.replace("expected_counts", _expected(workspace))
            database.build("records")
            for source in chosen:
                database.replace_source("parsed_files", source, _read_from(workspace, source))
            wanted = {"corpus.sources": list(workspace.recipe.corpus.sources)}
            is_all = set(chosen) == {name for name in workspace.manifests if workspace.tree_path(name).exists()}
            kept = proof if is_all or proof == left else None
            built_with.note(database, "parse", wanted, {"parsers": parsers.version()}, proof=kept)
            if is_new:
                freshness.stamp(database, "parse", None)
        report.there = sum(database.count(table) for table in _TABLES.values()) - report.made
        report.details["records"] = database.count("records")
        for row in database.rows("not_looked_at"):
            report.notes.append(row["note"])
    return report


def _parse(database: Database, workspace: Workspace, source: str, files: Files, key: str) -> int:
    claims = list(parse(workspace.manifests[source], files))
    _check(source, claims)
    with database.transaction():
        for kind, table in _TABLES.items():
            database.replace_source(table, source, _arrow(kind, source, claims, files))
        database.replace_source("parsed", source, pa.table({"source": [source], "key": [key]}))
    return len(claims)


def parse(manifest: Manifest, files: Files) -> Iterable[Claim]:
    """Return the claims that a source's parser reads in its tree; ManifestError where there is no such parser."""
    parser = manifest.parser
    try:
        module = importlib.import_module(f"curate.sources.{parser}")
    except ModuleNotFoundError as missing:
        raise ManifestError(
            f"there is no parser {parser!r}", expected="the name of a module in curate.sources"
        ) from missing
    if not hasattr(module, "parse"):
        raise ManifestError(f"{parser!r} is no parser", expected="a module in curate.sources that has parse(files)")
    claims: Iterable[Claim] = module.parse(files, manifest.columns) if parser == OWN else module.parse(files)
    return claims


def _check(source: str, claims: Sequence[Claim]) -> None:
    """Hold the parser to its word: every claimed id once."""
    seen: set[str | int] = set()
    for claim in claims:
        if isinstance(claim, ListedPair):
            continue
        name = claim.image_id if isinstance(claim, Record) else claim.name if isinstance(claim, Sheet) else claim.number
        if name in seen:
            raise ParseError(
                f"{source} claims {name!r} twice",
                where=f"the label files of {source}",
                expected="every picture once",
                done="nothing of this source was changed",
                hint="compare the two rows, take the wrong one out, then curate build",
            )
        seen.add(name)


def _key(workspace: Workspace, source: str) -> str:
    """Name what the claims are made of: the source's tree, the code of the parsers, what is kept of a row.

    Where the files came from does not count: a copy of the same bytes gives the same claims.
    """
    digest = hashlib.sha256(json.dumps((workspace.tree(source) or {})["files"], sort_keys=True).encode())
    manifest = workspace.manifests[source]
    digest.update(json.dumps([manifest.parser, sorted(manifest.columns.items()), _columns(Record)]).encode())
    digest.update(parsers.version().encode())
    return digest.hexdigest()


def _read_from(workspace: Workspace, source: str) -> pa.Table:
    """Return the rows of `parsed_files` of a source: what is locked of it, as it is now."""
    tree = Tree.read(workspace.tree_path(source), workspace.manifests[source])
    hashes = LockedSource(files=tree.files, loose=tree.summary()).hashes
    return pa.table(
        {
            "source": pa.array([source] * len(hashes), pa.string()),
            "name": pa.array(list(hashes), pa.string()),
            "sha256": pa.array(list(hashes.values()), pa.string()),
        }
    )


_WHOLE = {"ordinal", "position", "number"}


def _columns(kind: type) -> list[str]:
    names = ["source", *(knob.name for knob in dataclasses.fields(kind))]
    names += ["location"] if kind in (Record, Sheet) else []
    return names + (["ordinal", "mask_location"] if kind is Record else [])


def _arrow(kind: type, source: str, claims: Sequence[Claim], files: Files) -> pa.Table:
    """Return the claims of one kind as rows of its table, made column by column: a source may claim a million."""
    own = [(ordinal, claim) for ordinal, claim in enumerate(claims) if type(claim) is kind]
    columns: dict[str, Iterable[Any]] = {knob.name: _each(own, knob.name) for knob in dataclasses.fields(kind)}
    columns["source"] = itertools.repeat(source, len(own))
    if "claims" in columns:
        columns["claims"] = (json.dumps(dict(said), ensure_ascii=False, sort_keys=True) for said in columns["claims"])
    for column, of in (("location", "file"), ("mask_location", "mask")):
        columns[column] = (None if path is None else files.location(path).text() for path in _each(own, of))
    columns["ordinal"] = (ordinal for ordinal, _ in own)
    return pa.table(
        {name: pa.array(columns[name], pa.int32() if name in _WHOLE else pa.string()) for name in _columns(kind)}
    )


def _each(claims: Sequence[tuple[int, Claim]], name: str) -> Iterator[Any]:
    return (getattr(claim, name) for _, claim in claims)


def _mode(database: Database) -> bool | None:
    """Return whether this root was built from labels alone; None where that is not known yet."""
    return bool(database.table("mode").to_pylist()[0]["labels_only"]) if database.has("mode") else None


def _expected(workspace: Workspace) -> pa.Table:
    rows = [
        {"source": manifest.name, "what": what, "expected": count}
        for manifest in workspace.manifests.values()
        for what, count in manifest.expected.items()
    ]
    schema = pa.schema([("source", pa.string()), ("what", pa.string()), ("expected", pa.int64())])
    return pa.Table.from_pylist(rows, schema=schema)


def _sources(workspace: Workspace) -> pa.Table:
    rows = [
        {
            "source": manifest.name,
            "namespace": manifest.namespace,
            "title": manifest.title,
            "released": manifest.released,
            "modality": manifest.modality,
            "license": manifest.license,
            "license_url": manifest.license_url,
            "redistribution": manifest.redistribution,
            "attribution": manifest.attribution,
            "here": workspace.tree_path(manifest.name).exists(),
        }
        for manifest in workspace.manifests.values()
    ]
    return pa.Table.from_pylist(rows)
