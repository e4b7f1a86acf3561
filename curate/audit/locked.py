"""The files of `corpus.lock.json` against the store, the manifests and the listing of each source's tree."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from curate.audit.finding import Finding
from curate.audit.hashing import hashes
from curate.errors import FetchError, StorageError
from curate.lock import LockedSource, Standing
from curate.manifest import Manifest
from curate.tree import Tree, listing
from curate.workspace import Workspace


def check(workspace: Workspace, entries: Mapping[str, LockedSource], sound: set[str]) -> list[Finding]:
    """Return what is wrong; `sound` are the hashes of the objects that are here and whole.

    An object that is here but damaged is a finding of its own already, and is not named a second time.
    """
    findings: list[Finding] = []
    for source, entry in sorted(entries.items()):
        for name in sorted(entry.files):
            findings += _file(workspace, source, entry, name, sound)
        if source in workspace.manifests:
            findings += _standing(workspace, workspace.manifests[source], entry, sound)
            findings += _listing(workspace, workspace.manifests[source], entry)
    folder = workspace.cache / "incoming"
    for path in sorted(folder.glob("[!.]*.json")) if folder.is_dir() else []:
        if path.stem not in entries:
            hint = f"rm {shlex.quote(str(path))}"
            if path.stem in workspace.manifests:
                tree = Tree.read(path, workspace.manifests[path.stem])
                hint = fetch_again(workspace, path.stem, LockedSource(), tree.files)
            findings.append(Finding("not in the lock", str(path), "a source that the lock names", path.stem, hint))
    return findings


def needed(workspace: Workspace, entries: Mapping[str, LockedSource]) -> dict[str, str]:
    """Return, by the hash of each object that a source needs, the command that brings it back once it is gone."""
    owners: dict[str, dict[str, list[str]]] = {}
    for source, manifest in workspace.manifests.items():
        tree = Tree.read(workspace.tree_path(source), manifest)
        for name, file in (tree.files | entries.get(source, LockedSource()).files).items():
            owners.setdefault(file.sha256, {}).setdefault(source, []).append(name)
        for sha256, _ in tree.loose.values():
            owners.setdefault(sha256, {}).setdefault(source, [])
    return {
        sha256: " && ".join(
            fetch_again(workspace, source, entries.get(source, LockedSource()), names)
            for source, names in sorted(sources.items())
        )
        for sha256, sources in owners.items()
    }


def fetch_again(workspace: Workspace, source: str, entry: LockedSource, names: Collection[str]) -> str:
    """Return the command that brings files of a source back, and does not bring pictures where there were none."""
    manifest = workspace.manifests.get(source)
    files = [manifest.file(name) for name in names] if manifest else []
    labels = bool(files) and all(file is not None and file.role == "labels" for file in files)
    return f"curate fetch {source}" + (" --labels-only" if labels or entry.labels_only else "")


def standings(entries: Mapping[str, LockedSource]) -> dict[str, dict[str, list[str]]]:
    """Return for each standing (official, unpinned, not the official bytes) the file names by source."""
    standings: tuple[Standing, ...] = ("not the official bytes", "unpinned", "official")
    return {
        standing: {source: names for source, entry in sorted(entries.items()) if (names := entry.of(standing))}
        for standing in standings
    }


def _file(workspace: Workspace, source: str, entry: LockedSource, name: str, sound: set[str]) -> list[Finding]:
    file = entry.files[name]
    where = f"{source}: {name}"
    size = workspace.store.size(file.sha256)
    if size is None:
        hint = fetch_again(workspace, source, entry, [name])
        return [Finding("missing", where, f"sha256 {file.sha256}", "no such object here", hint)]
    if file.sha256 in sound and size != file.bytes:
        hint = f"take {workspace.lock_path.name} back from version control"
        return [Finding("the lock contradicts itself", where, f"{file.bytes} bytes", f"{size} bytes", hint)]
    return []


def _standing(workspace: Workspace, manifest: Manifest, entry: LockedSource, sound: set[str]) -> list[Finding]:
    """Hold what the lock calls official against the hashes of the manifest."""
    pins: dict[str, dict[str, str]] = {}
    for name, file in sorted(entry.files.items()):
        known = manifest.file(name)
        if known is not None and known.pin is not None and file.official and file.sha256 in sound:
            pins.setdefault(known.pin[0], {})[name] = known.pin[1]
    findings = []
    for algorithm, expected in sorted(pins.items()):
        paths = {name: workspace.store.path(entry.files[name].sha256) for name in expected}
        again = hashes(workspace, f"verify {manifest.name}", paths.values(), algorithm) if algorithm != "sha256" else {}
        for name, path in paths.items():
            found = again.get(path, entry.files[name].sha256)
            if found != expected[name]:
                hint = f"take {workspace.lock_path.name} back from version control"
                where = f"{manifest.name}: {name}"
                findings.append(Finding("called official, but is not", where, expected[name], found, hint))
    return findings


def _listing(workspace: Workspace, manifest: Manifest, entry: LockedSource) -> list[Finding]:
    """Make the listing of the tree anew from what is locked, and hold it against the one that is there."""
    path = workspace.tree_path(manifest.name)
    # What lies unpacked is pictures: where there is any, the labels alone are not what has to come back.
    anew = fetch_again(workspace, manifest.name, entry, () if entry.loose else entry.files)
    if not path.exists():
        if not entry.files and not entry.loose:
            return []
        return [Finding("missing", str(path), "the listing of the source's tree", "no such file", anew)]
    try:
        listing(path, manifest.name)
    except FetchError as damaged:
        return [Finding("damaged listing", str(path), str(damaged.expected), str(damaged.found), anew)]
    tree = Tree.read(path, manifest)
    gone = sorted({sha256 for sha256 in tree.objects() if not workspace.store.has(sha256)})
    hint = f"rm {shlex.quote(str(path))} && {anew}"
    summary = tree.summary()
    if (
        tree.files != entry.files
        or summary != entry.loose
        or (summary and entry.loose and summary.names != entry.loose.names)
    ):
        return [Finding("damaged listing", str(path), "the files that the lock names", "others", hint)]
    if gone:
        unpacked = {sha256: name for name, (sha256, _) in tree.loose.items()}
        return [
            Finding("missing", f"{manifest.name}: {unpacked[sha256]}", f"sha256 {sha256}", "no such object here", anew)
            for sha256 in gone
            if sha256 in unpacked
        ]
    try:
        again = Tree(manifest, dict(tree.files), dict(tree.loose))
        again.build(workspace.store, leave=tree.unread)  # a program installed since does not make the listing wrong
    except StorageError:  # nothing is known to be wrong
        raise
    except FetchError as broken:
        return [Finding("damaged archive", broken.where or str(path), "a whole archive", broken.found or "", hint)]
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / path.name
        again.write(fresh)
        if fresh.read_bytes() != path.read_bytes():
            return [Finding("damaged listing", str(path), "the tree that its files give", "another", hint)]
    return []
