"""The corpus against `corpus.lock.json`: its rows, its shards, and the recipe, maps and decisions that are here now."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from curate import __version__, decisions, locked_corpus, pairs, sources, whole
from curate.audit.finding import Finding
from curate.errors import CurateError
from curate.lock import Lock, LockedCorpus
from curate.look import LOOKED_AT
from curate.recipe import Recipe
from curate.workspace import Workspace


def check(workspace: Workspace, lock: Lock, *, is_readable: bool) -> list[Finding]:
    """Return in what the corpus is not the one that the lock names, or what it was made of is no longer here.

    `is_readable`: the database is there, and nothing of it is damaged as far as is known.
    """
    findings: list[Finding] = []
    where = str(workspace.lock_path)
    if lock.edited:
        found = "other contents"
        hint = f"{_take_back(workspace)}; where they are meant: curate build"
        findings.append(Finding("edited lock", where, "what curate wrote, by the hash in it", found, hint))
    corpus = lock.corpus
    if corpus is None:
        if is_readable and locked_corpus.of(workspace) is not None:
            found = "nothing of it"
            findings.append(Finding("not in the lock", where, "what the corpus was made of", found, build(workspace)))
        return findings
    findings += _shards(workspace, corpus)
    for check_one in (_recipe, _maps, _decisions, _files):
        findings += check_one(workspace, lock, corpus)
    if not workspace.database_path.exists():
        path = str(workspace.database_path)
        findings.append(Finding("missing", path, f"the corpus {corpus.short}", "no such file", build(workspace)))
    elif is_readable:
        findings += _rows(workspace, corpus)
    return findings


def notes(corpus: LockedCorpus | None) -> list[str]:
    """Say with which other version of curate, its parsers and algorithms a corpus was made; that alone is no harm."""
    if corpus is None:
        return []
    here = {"curate": __version__, "parsers": sources.version(), **LOOKED_AT, **pairs.VERSIONS}
    known = {"curate": corpus.curate, **corpus.versions}
    other = [f"{name} {known[name]}, here {here[name]}" for name in here if known.get(name, here[name]) != here[name]]
    return [f"the corpus was made by other versions: {'; '.join(other)}; to make it anew: curate build"] * bool(other)


def _rows(workspace: Workspace, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the rows of the database, and what it says it was built with, against the lock."""
    path = workspace.database_path
    again = f"rm {shlex.quote(str(path))} && {build(workspace)}   (only time is lost)"
    try:
        made = locked_corpus.of(workspace)
    except CurateError as refused:
        yield Finding("changed corpus", str(path), f"the corpus {corpus.short}", refused.what, again)
        return
    if made is None:
        yield Finding("changed corpus", str(path), f"the corpus {corpus.short}", "none, or none that says", again)
        return
    for table, expected in sorted(corpus.rows.items()):
        found = made.rows.get(table, "no such table")
        if found != expected:
            yield Finding("changed corpus", f"{path}, table {table}", f"rows of sha256 {expected}", found, again)
    others = locked_corpus.differences(corpus, made)
    if others:
        expected = f"made with what {workspace.lock_path.name} says"
        yield Finding("changed corpus", str(path), expected, f"other {', '.join(others)}", build(workspace))


def _shards(workspace: Workspace, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the index of the shards, which has the hash of each of them, against the lock."""
    if corpus.shards is None:
        return
    folder = workspace.cache / "shards" / corpus.shards["key"]
    index = folder / "index.json"
    if not index.is_file():
        yield Finding("missing", str(index), "the shards that the lock names", "no such file", "curate shard")
        return
    found = hashlib.sha256(index.read_bytes()).hexdigest()
    if found != corpus.shards["index"] and whole.sealed(index) == found:  # else the index is a finding of its own
        hint = f"rm -r {shlex.quote(str(folder))} && curate shard"
        yield Finding("other shards", str(index), f"sha256 {corpus.shards['index']}", found, hint)
    pointer = folder.parent / "current"
    named = pointer.read_bytes().decode("utf-8", "replace").strip() if pointer.exists() else "no such file"
    if named != folder.name:
        yield Finding("other shards", str(pointer), folder.name, named, "curate shard")


def _recipe(workspace: Workspace, lock: Lock, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the recipe of now against that of the corpus; a knob that only another curate knows is no finding."""
    for section, knobs in corpus.recipe.items():
        now = workspace.recipe.knobs(section) if section in Recipe.__dataclass_fields__ else {}
        for knob, value in knobs.items():
            name = f"{section}.{knob}"
            if name in now and now[name] != value:
                where = f"{workspace.root / 'curate.toml'} [{section}] {knob}"
                stage = "curate shard" if section == "shard" else build(workspace)
                hint = f"{stage}   (or set it back)"
                yield Finding("other recipe", where, f"{value!r}, as the corpus was built", repr(now[name]), hint)


def _maps(workspace: Workspace, lock: Lock, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the label maps of now against those by which the corpus was labelled."""
    expected: Mapping[str, str] = corpus.label_maps["files"]
    paths = workspace.label_maps
    for name in sorted(expected.keys() | paths.keys()):
        found = hashlib.sha256(paths[name].read_bytes()).hexdigest() if name in paths else "no such file"
        if found != expected.get(name, "no such file"):
            where = str(paths.get(name, workspace.root / "label_maps" / name))
            hint = (
                f"{build(workspace)}   (what it would change: curate label --diff {shlex.quote(str(workspace.root))})"
            )
            yield Finding("other label map", where, _sha256(expected.get(name)), _sha256(found), hint)


def _decisions(workspace: Workspace, lock: Lock, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the decisions of now against those of the corpus."""
    path = workspace.decisions_path
    hint = f"{build(workspace)}   (or take {path.name} back from version control)"
    try:
        now = locked_corpus.decisions(decisions.read(path).to_pylist())
    except CurateError as refused:
        yield Finding("damaged decisions", refused.where or str(path), refused.expected or "", refused.what, hint)
        return
    if now != corpus.decisions:
        yield Finding("other decisions", str(path), _sha256(corpus.decisions), _sha256(now), hint)


def _files(workspace: Workspace, lock: Lock, corpus: LockedCorpus) -> Iterator[Finding]:
    """Hold the files that the lock names by now against those of which the corpus was made."""
    for source in sorted(corpus.sources.keys() | lock.sources.keys()):
        hashes = lock.sources[source].hashes if source in lock.sources else {}
        now = locked_corpus.files(hashes) if hashes else None
        if source not in workspace.manifests or (now and not workspace.tree_path(source).exists()):
            continue  # not of this corpus; or its listing is missing, which is a finding of its own
        if now != corpus.sources.get(source):
            where = f"{workspace.lock_path}: {source}"
            expected = "the files of which the corpus was made"
            yield Finding("other files", where, expected, "others" if now else "none", build(workspace))


def build(workspace: Workspace) -> str:
    """Return the command that makes the corpus anew, of labels alone where it was made so."""
    try:
        with workspace.database(read_only=True) as database:
            labels_only = database.has("mode") and database.table("mode").to_pylist()[0]["labels_only"]
    except CurateError:
        labels_only = False
    return "curate build" + (" --labels-only" if labels_only else "")


def _take_back(workspace: Workspace) -> str:
    return f"take {workspace.lock_path.name} back from version control"


def _sha256(value: Any) -> str:
    return f"sha256 {value}" if value and " " not in str(value) else "none"
