"""verify: everything that has a hash is hashed again, and everything that follows from something is held against it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from curate import db, locked_corpus, proofs, storage, whole
from curate.audit import locked, made_of, sharded, trained
from curate.audit.finding import Finding
from curate.audit.hashing import hashes
from curate.audit.leftovers import leftovers
from curate.errors import CorpusError, CurateError, FetchError
from curate.lock import Lock, LockedSource
from curate.report import Report
from curate.tree import Tree
from curate.workspace import Workspace

_SHOWN = 20  # findings that a person still reads; `details` has them all
_SECONDS = 600.0  # for reading one table of the database


def run(workspace: Workspace) -> Report:
    """Hold `data_cache` against its hashes and against `corpus.lock.json`; nothing is changed, and no network is used
    but for objects that lie on object storage.

    Objects are hashed against their names, locked files against lock and manifest, the listing of each source's tree
    against the tree that its files give, shards against `index.json`, the files beside them against what `index.json`
    says, runs, pages and the database against the hashes beside them; the corpus, and the recipe, label maps, decisions
    and files that are here, against what the lock says it was made of. Each thing that is wrong is a finding, also a
    lock that cannot be read: the rest is then held against the listings and the database alone.
    Raises CorpusError where there is nothing to verify.
    """
    report = Report("verify", "files", did="whole")
    if not workspace.lock_path.exists() and not workspace.cache.is_dir():
        raise CorpusError("there is nothing here to verify", where=str(workspace.root), hint="curate fetch SOURCE")
    damaged = _database(workspace)
    is_readable = not damaged and workspace.database_path.exists()
    lock, findings = _lock(workspace, is_readable=is_readable)
    entries = lock.sources
    more, sound = _objects(workspace, locked.needed(workspace, entries))
    findings += damaged + more
    report.made += len(sound)
    findings += locked.check(workspace, entries, sound)
    findings += made_of.check(workspace, lock, is_readable=is_readable)
    for check in (sharded.check, trained.check):
        more, sound_files = check(workspace)
        findings += more
        report.made += sound_files
    findings += _pages(workspace) + _proofs(workspace)
    findings.sort()
    report.findings = len(findings)
    report.left_out = dict(sorted(Counter(finding.kind for finding in findings).items()))
    report.notes = [finding.sentence() for finding in findings[:_SHOWN]]
    if len(findings) > _SHOWN:
        report.notes.append(f"{len(findings) - _SHOWN} more findings; all of them: curate --json verify")
    standings = locked.standings(entries)
    for standing in ("not the official bytes", "unpinned"):
        report.notes += [f"{source}: {standing}: {', '.join(names)}" for source, names in standings[standing].items()]
    report.notes += made_of.notes(lock.corpus)
    report.notes += leftovers(workspace)
    report.details = {"findings": [finding.as_dict() for finding in findings], **standings}
    return report


def _lock(workspace: Workspace, *, is_readable: bool) -> tuple[Lock, list[Finding]]:
    """Return the lock; where it cannot be read, what the listings and the database say of themselves, and a finding."""
    try:
        return workspace.lock(), []
    except FetchError as broken:
        path = workspace.lock_path
        again = f"rm {shlex.quote(str(path))} && curate fetch && {made_of.build(workspace)}"
        hint = f"take {path.name} back from version control, or trust what is here: {again}"
        finding = Finding("damaged lock", str(path), broken.expected or "", broken.found or broken.what, hint)
    trees = {name: Tree.read(workspace.tree_path(name), known) for name, known in workspace.manifests.items()}
    here = {
        name: LockedSource(files=tree.files, loose=tree.summary())
        for name, tree in trees.items()
        if workspace.tree_path(name).exists()
    }
    return Lock(here, locked_corpus.of(workspace) if is_readable else None), [finding]


def _objects(workspace: Workspace, needed: Mapping[str, str]) -> tuple[list[Finding], set[str]]:
    """Return what is wrong in the store, and the hashes of the objects that are whole.

    `needed`: by hash, the command that brings an object back.
    """
    folder = workspace.store.folder
    findings: list[Finding] = []
    named: list[Path] = []
    files = workspace.store.files()
    for path in files:
        if re.fullmatch(r"[0-9a-f]{64}", path.name) and path == workspace.store.path(path.name):
            named.append(path)
        else:
            findings.append(
                Finding(
                    "not an object",
                    str(path),
                    "files named by their sha256, in the folder of its first two digits",
                    str(path.relative_to(folder)),
                    storage.removal(path),
                )
            )
    sound: set[str] = set()
    for path, found in hashes(workspace, "verify objects", named, sizes=files).items():
        if found == path.name:
            sound.add(found)
        else:
            hint = " && ".join(filter(None, [storage.removal(path), needed.get(path.name)]))
            findings.append(Finding("damaged object", str(path), f"sha256 {path.name}", found, hint))
    return findings, sound


def _database(workspace: Workspace) -> list[Finding]:
    """Hold the database against the hash that who wrote it last left beside it."""
    path = workspace.database_path
    if not path.exists():
        return []
    expected = whole.sealed(path)
    if expected is not None:
        found = hashes(workspace, "verify corpus", [path])[path]
        if found == expected:
            return []
    # What was killed while it wrote leaves no hash; and where the hash is another, the rows say which table it is.
    findings = _tables(path)
    if not findings and expected is not None:
        findings = [Finding("damaged database", str(path), f"sha256 {expected}", found, _anew(path))]
    return findings


def _tables(path: Path) -> list[Finding]:
    """Read every value of every table: DuckDB holds each block against its checksum on the way."""
    try:
        tables = db.ask(path, db.script("verify_tables"), seconds=_SECONDS).column("table_name").to_pylist()
    except (db.QueryError, CorpusError) as refused:
        if "another curate" in refused.what:
            raise
        return [_broken(path, refused)]
    return _unreadable(path, tables) if tables else []


def _unreadable(path: Path, tables: list[str]) -> list[Finding]:
    """Say which of the tables cannot be read: all in one question, and by halves where that is refused."""
    refused = _readable(path, tables)
    if refused is None:
        return []
    if len(tables) == 1:
        return [_broken(path, refused, tables[0])]
    half = len(tables) // 2
    found = _unreadable(path, tables[:half]) + _unreadable(path, tables[half:])
    return found or [_broken(path, refused)]


def _readable(path: Path, tables: list[str]) -> db.QueryError | None:
    """Read all rows of the tables; return why they cannot be read, None where they can."""
    rows = db.script("verify_rows")
    try:
        db.ask(path, "union all\n".join(rows.replace("TABLE_NAME", table) for table in tables), seconds=_SECONDS)
    except db.QueryError as refused:
        return refused
    return None


def _broken(path: Path, refused: CurateError, table: str | None = None) -> Finding:
    found = (refused.found or refused.what).split("\n")[0]
    where = f"{path}, table {table}" if table else str(path)
    return Finding("damaged database", where, "rows that can be read", found, _anew(path))


def _anew(path: Path) -> str:
    return f"rm {shlex.quote(str(path))} && curate build   (only time is lost)"


def _pages(workspace: Workspace) -> list[Finding]:
    """Hold the pages that `report` and `review` wrote here, each by its own name, against their hashes."""
    folder = workspace.cache / "reports"
    pages = [path for path in sorted(folder.glob("*.html")) if whole.sealed(path) is not None]
    return [
        Finding("damaged page", str(path), f"sha256 {whole.sealed(path)}", found, f"curate {path.stem}")
        for path, found in hashes(workspace, "verify reports", pages).items()
        if found != whole.sealed(path)
    ]


def _proofs(workspace: Workspace) -> list[Finding]:
    """Say that what the stages noted for the next build is damaged; that build does more then, and nothing wrong."""
    path = proofs.path_of(workspace)
    if not proofs.is_damaged(workspace):
        return []
    hint = f"rm {shlex.quote(str(path))} && curate build   (only time is lost)"
    return [Finding("damaged proofs", str(path), "what curate wrote, by the hash in it", "other contents", hint)]
