"""The files of `corpus.lock.json` against the store, the manifests and the listing of each source's tree."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from curate.audit.finding import Finding
from curate.audit.hashing import hashes
from curate.errors import FetchError
from curate.lock import LockedFile, LockedSource
from curate.manifest import Manifest
from curate.tree import Tree
from curate.workspace import Workspace


def check(workspace: Workspace, entries: Mapping[str, LockedSource], sound: set[str]) -> list[Finding]:
    """Return what is wrong; `sound` are the hashes of the objects that are here and whole.

    An object that is here but damaged is a finding of its own already, and is not named a second time.
    """
    findings: list[Finding] = []
    for source, entry in sorted(entries.items()):
        for name, file in sorted(entry.files.items()):
            findings += _file(workspace, source, name, file, sound)
        if source in workspace.manifests:
            findings += _standing(workspace, workspace.manifests[source], entry, sound)
            findings += _listing(workspace, workspace.manifests[source], entry)
    folder = workspace.cache / "incoming"
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []:
        if path.stem not in entries:
            hint = f"curate fetch {path.stem}" if path.stem in workspace.manifests else f"rm '{path}'"
            findings.append(Finding("not in the lock", str(path), "a source that the lock names", path.stem, hint))
    return findings


def standings(entries: Mapping[str, LockedSource]) -> dict[str, dict[str, list[str]]]:
    """Return for each standing (official, unpinned, not the official bytes) the file names by source."""
    found: dict[str, dict[str, list[str]]] = {"not the official bytes": {}, "unpinned": {}, "official": {}}
    for source, entry in sorted(entries.items()):
        for name, file in sorted(entry.files.items()):
            found[file.standing].setdefault(source, []).append(name)
    return found


def _file(workspace: Workspace, source: str, name: str, file: LockedFile, sound: set[str]) -> list[Finding]:
    where = f"{source}: {name}"
    path = workspace.store.path(file.sha256)
    if not path.is_file():
        return [Finding("missing", where, f"sha256 {file.sha256}", "no such object here", f"curate fetch {source}")]
    size = path.stat().st_size
    if file.sha256 in sound and size != file.bytes:
        hint = f"take {workspace.lock_path.name} back from version control"
        return [Finding("the lock contradicts itself", where, f"{file.bytes} bytes", f"{size} bytes", hint)]
    return []


def _standing(workspace: Workspace, manifest: Manifest, entry: LockedSource, sound: set[str]) -> list[Finding]:
    """Hold what the lock calls official against the hashes of the manifest."""
    by_md5 = {
        workspace.store.path(file.sha256): name
        for name, file in entry.files.items()
        if (known := manifest.file(name)) and known.md5 and not known.sha256 and file.sha256 in sound
    }
    md5 = {by_md5[path]: found for path, found in hashes(workspace, f"verify {manifest.name}", by_md5, "md5").items()}
    findings = []
    for name, file in sorted(entry.files.items()):
        known = manifest.file(name)
        if known is None or not known.pinned or not file.official:
            continue
        expected, found = (known.sha256, file.sha256) if known.sha256 else (known.md5, md5.get(name))
        if found is not None and found != expected:
            hint = f"curate fetch {manifest.name}"
            where = f"{manifest.name}: {name}"
            findings.append(Finding("called official, but is not", where, str(expected), found, hint))
    return findings


def _listing(workspace: Workspace, manifest: Manifest, entry: LockedSource) -> list[Finding]:
    """Make the listing of the tree anew from what is locked, and hold it against the one that is there."""
    path = workspace.tree_path(manifest.name)
    if not path.exists():
        hint = f"curate fetch {manifest.name}"
        if not entry.files and not entry.loose:
            return []
        return [Finding("missing", str(path), "the listing of the source's tree", "no such file", hint)]
    tree = Tree.read(path, manifest)
    gone = sorted({sha256 for sha256 in tree.objects() if not workspace.store.has(sha256)})
    hint = f"rm '{path}' && curate fetch {manifest.name}"
    if tree.files != entry.files or tree.summary() != entry.loose:
        return [Finding("damaged listing", str(path), "the files that the lock names", "others", hint)]
    if gone:
        unpacked = {sha256 for sha256, _ in tree.loose.values()}
        return [
            Finding("missing", f"{manifest.name}: unpacked content", f"sha256 {sha256}", "no such object here", hint)
            for sha256 in gone
            if sha256 in unpacked
        ]
    try:
        again = Tree(manifest, dict(tree.files), dict(tree.loose))
        again.build(workspace.store)
    except FetchError as broken:
        return [Finding("damaged archive", broken.where or str(path), "a whole archive", broken.found or "", hint)]
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / path.name
        again.write(fresh)
        if fresh.read_bytes() != path.read_bytes():
            return [Finding("damaged listing", str(path), "the tree that its files give", "another", hint)]
    return []
