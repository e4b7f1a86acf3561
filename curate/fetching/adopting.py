"""Bytes that lie in folders: taken as a source's, or, where the cache was lost, taken again from where they came."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from curate import adoption
from curate.archive import members_of
from curate.errors import FetchError, StorageError
from curate.fetching.holdings import Holdings
from curate.lock import LockedFile, LockedSource, Loose
from curate.manifest import OWN
from curate.tree import Tree

_NAMED = 5  # missing files that a message names; the rest is counted


@dataclass
class Counts:
    """The final names of the files that were brought in, and of those that were here already."""

    made: set[str] = field(default_factory=set)
    there: set[str] = field(default_factory=set)

    def add(self, other: Counts) -> None:
        """Count what came later; a file that came twice was still brought in once."""
        self.made |= other.made
        self.there = (self.there | other.there) - self.made

    def __bool__(self) -> bool:
        return bool(self.made or self.there)


def adopt(
    held: Holdings, source: str, folders: Sequence[Path], *, labels_only: bool = False, extra: bool = False
) -> Counts:
    """Adopt what lies in the folders, all or nothing, and remember them; return what came.

    The report counts it, unless it came as an `extra` beside what is counted anyway: then folders that hold nothing
    that is still missing are no error. Raises FetchError where nothing of the source is there, or what is there
    contradicts itself.
    """
    before = copy.deepcopy((held.locked(source), held.tree(source)))
    try:
        counts = _adopt(held, source, folders, labels_only, extra)
    except FetchError:
        held.lock[source], held.trees[source] = before
        raise
    if not extra:
        held.report.made += len(counts.made)
        held.report.there += len(counts.there)
    if counts:
        held.settle(source)
    return counts


def restore(held: Holdings, source: str) -> Counts:
    """Adopt again from the remembered folders what is gone; return what came.

    Raises FetchError, naming the files, where they do not give back what was locked.
    """
    tree, locked = held.tree(source), held.locked(source)
    again, counts = _walk(held, source, whole=False)
    has = held.workspace.store.has
    files = {name: file for name, file in again.files.items() if _same(file, locked.files.get(name))}
    files |= {name: file for name, file in tree.files.items() if has(file.sha256) or file.downloaded}
    loose = _by_identity(again)
    loose |= {name: entry for name, entry in _by_identity(tree).items() if has(entry[1][0])}
    if locked.loose is None or locked.loose.names:  # what was laid beside it since was not asked for
        names = set(locked.loose.names) if locked.loose else set()
        loose = {name: entry for name, entry in loose.items() if name in names}
    wrong = [
        f"{name} ({file.origin})"
        for name, file in locked.files.items()
        if name not in files and not file.downloaded and not _downloadable(held, source, name, file)
    ]
    wrong += _changed(locked.loose, {name: entry for name, (_, entry) in loose.items()}, tree)
    if wrong:
        raise FetchError(
            f"what was adopted for {source} is gone, and its folders do not give it back",
            where=", ".join(locked.folders) or "the folders are not known",
            expected=", ".join(wrong),
            done="nothing was changed",
            hint=f"put it back there, or, to take what is there now: {_again(held, source)}",
        )
    tree.files, tree.loose = files, dict(loose.values())
    held.settle(source)
    counts.made &= files.keys() | loose.keys()
    return counts


def widen(held: Holdings, source: str) -> Counts:
    """Adopt from the remembered folders what `--labels-only` left lying there; return what came.

    What was taken before stays. Raises FetchError where what lies there contradicts itself.
    """
    tree, locked = held.tree(source), held.locked(source)
    again, counts = _walk(held, source, whole=True)
    has = held.workspace.store.has
    kept = {name: file for name, file in tree.files.items() if has(file.sha256) or file.downloaded}
    loose = _by_identity(again)
    gone = [folder for folder in locked.folders if not adoption.is_there(held.workspace.folder(folder))]
    if gone or not locked.folders:  # else an archive that came now stands for what of it lay unpacked
        loose = _by_identity(tree) | loose
    tree.files, tree.loose = again.files | kept, dict(loose.values())
    locked.labels_only = [folder for folder in locked.labels_only if folder in gone]
    held.settle(source)
    return counts


def _adopt(held: Holdings, source: str, folders: Sequence[Path], labels_only: bool, extra: bool) -> Counts:
    tree, locked = held.tree(source), held.locked(source)
    counts = Counts()
    if locked.adopted and held.lost(source):
        counts.add(_restore_or_forget(held, source))
    taken = _take(held, tree, folders, labels_only=labels_only)
    if not taken:
        names = adoption.wanted_names(tree.manifest, labels_only=labels_only)
        if not names:
            held.report.notes.append(f"{source} has no label files: with --labels-only there is nothing to fetch")
            return Counts()
        if extra and (tree.files or tree.loose):
            held.report.notes.append(f"{source}: nothing that is missing in {', '.join(map(str, folders))}")
            return counts
        raise FetchError(
            f"nothing of {source} was found",
            where=", ".join(map(str, folders)),
            expected=", ".join(names),
            done="nothing was adopted",
            hint=f"look for the files by these names, then: curate fetch {source} --from FOLDER",
        )
    remembered = [held.remembered(folder) for folder in folders]
    narrow = [folder for folder in remembered if folder not in locked.folders or folder in locked.labels_only]
    widened = not labels_only and any(folder in locked.labels_only for folder in remembered)
    locked.folders = [folder for folder in locked.folders if folder not in remembered] + remembered
    locked.labels_only = [folder for folder in locked.labels_only if folder not in remembered]
    locked.labels_only += narrow if labels_only else []
    counts.add(taken)
    if widened and not locked.labels_only:
        counts.add(widen(held, source))
    counts.there -= counts.made
    return counts


def _restore_or_forget(held: Holdings, source: str) -> Counts:
    """Before more is adopted: bring back what was, or stop counting on it."""
    tree, locked = held.tree(source), held.locked(source)
    try:
        return restore(held, source)
    except StorageError:  # it may all be there
        raise
    except FetchError:
        where = ", ".join(locked.folders) or "folders that are not known"
        held.report.notes.append(f"{source}: what was adopted from {where} is gone; forgotten")
        locked.folders, locked.labels_only, locked.loose = [], [], None
        locked.files = {name: file for name, file in locked.files.items() if file.downloaded}
        tree.files = {name: file for name, file in tree.files.items() if name in locked.files}
        tree.loose = {}
        return Counts()


def _walk(held: Holdings, source: str, *, whole: bool) -> tuple[Tree, Counts]:
    """Take what the remembered folders give, one by one as they came: the later one replaces the earlier.

    `whole`: pictures too from those of which only the labels were adopted.
    """
    tree, locked = held.tree(source), held.locked(source)
    again, counts = Tree(tree.manifest), Counts()
    for name in locked.folders:
        folder = held.workspace.folder(name)
        if adoption.is_there(folder):
            narrow = name in locked.labels_only and not whole
            counts.add(_take(held, again, [folder], labels_only=narrow, before=tree))
    return again, counts


def _take(
    held: Holdings, tree: Tree, folders: Sequence[Path], *, labels_only: bool, before: Tree | None = None
) -> Counts:
    """Take into the tree what the folders give; what `before` (else the tree) had, and the store has, is there."""
    store = held.workspace.store
    old_files = (before or tree).files
    # Another folder may replace a published file by the right one; of own pictures nobody knows which is meant.
    remembered = [held.workspace.folder(name) for name in held.locked(tree.manifest.name).folders]
    is_new = tree.manifest.parser == OWN and not all(_is_among(folder, remembered) for folder in folders)
    had = {sha256 for sha256 in (before or tree).objects() if store.has(sha256)}
    here = {
        file.name
        for file in tree.manifest.files
        if file.members and held.has(tree, file.name) and file.name not in tree.unread
    }
    placed = adoption.placed_in(folders)
    with held.workspace.progress(f"hash {tree.manifest.name}", None, "B") as told:
        choice = adoption.choose(
            tree.manifest,
            placed,
            store,
            labels_only=labels_only,
            here=here,
            watch=lambda piece: told(len(piece)),
        )
    after = Tree(tree.manifest, dict(tree.files), dict(tree.loose))
    counts = Counts()
    total = sum(item.size for item, _ in choice.files.values()) + sum(item.size for item in choice.loose)
    for name, (item, _) in choice.files.items():
        if (file := tree.manifest.file(name)) and file.members:
            _check_archive(item.path)
    with held.workspace.progress(f"adopt {tree.manifest.name}", total, "B") as advance:
        for name, (item, known) in choice.files.items():
            file = tree.manifest.file(name)
            assert file is not None
            sha256, size = store.adopt(item.path, link=bool(file.members), sha256=known)
            advance(size)
            official = name in choice.official
            old = tree.files.get(name)
            if old is not None and old.official and not official and store.has(old.sha256):
                counts.there.add(name)  # the official bytes are here: others do not take their place
                continue
            if old is not None and old.sha256 != sha256 and not old.downloaded and before is None:
                held.report.notes.append(f"{tree.manifest.name}: {name} is now {item.path}; it was {old.origin}")
            same = name in old_files and old_files[name].sha256 == sha256 and sha256 in had
            (counts.there if same else counts.made).add(name)
            after.files[name] = LockedFile(sha256, size, file.pinned, official, held.remembered(item.path))
        old_loose, loose = _by_identity(before or tree), _by_identity(tree)
        with ThreadPoolExecutor(4) as pool:
            copies = pool.map(lambda item: store.adopt(item.path, link=False), choice.loose)
            for item, (sha256, size) in zip(choice.loose, copies, strict=True):
                advance(size)
                name = tree.manifest.identity(item.relative)
                if is_new and name in loose and loose[name][1][0] != sha256:
                    raise _two(tree.manifest.name, name, item.path, folders)
                loose[name] = (item.relative, (sha256, size))  # in place of what was known by that
                same = name in old_loose and old_loose[name][1][0] == sha256 and sha256 in had
                (counts.there if same else counts.made).add(name)
        after.loose = dict(loose.values())
    after.build(store)
    tree.files, tree.loose, tree.locations = after.files, after.loose, after.locations
    return counts


def _is_among(folder: Path, known: Collection[Path]) -> bool:
    return any(folder == other or folder.resolve() == other.resolve() for other in known)


def _two(source: str, name: str, path: Path, folders: Sequence[Path]) -> FetchError:
    return FetchError(
        f"another picture of {source} is here under the path {name}",
        where=str(path),
        expected="each path once, below all folders that are given",
        found="other bytes",
        done="nothing was adopted",
        hint=f"give the folder above, in which both lie: curate fetch {source} --from {folders[0].resolve().parent}",
    )


def _by_identity(tree: Tree) -> dict[str, tuple[str, tuple[str, int]]]:
    """Return the unpacked content by what tells one file from another: its path in the tree, and (sha256, bytes)."""
    return {tree.manifest.identity(path): (path, entry) for path, entry in tree.loose.items()}


def _same(file: LockedFile, locked: LockedFile | None) -> bool:
    return locked is not None and file.sha256 == locked.sha256


def _downloadable(held: Holdings, source: str, name: str, file: LockedFile) -> bool:
    """Tell whether a file that was adopted can be had from its publisher, in the same bytes."""
    manifest = held.workspace.manifests[source]
    known = manifest.file(name)
    return file.official and manifest.access == "open" and known is not None and known.pinned and bool(known.urls)


def _changed(locked: Loose | None, now: dict[str, tuple[str, int]], tree: Tree) -> list[str]:
    """Say which unpacked files are not there, or have other bytes than the listing knows; nothing where all is well."""
    if locked is None or Loose.of(now) == locked:
        return []
    old = {name: entry for name, (_, entry) in _by_identity(tree).items()}
    names = [name for name in locked.names if name not in now]
    names += [
        f"{name} (other bytes now)" for name in locked.names if name in now and old.get(name, now[name]) != now[name]
    ]
    if not names:
        return [f"{locked.count} unpacked files of {locked.bytes} bytes; {len(now)} are there now, not all the same"]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"{', '.join(names[:_NAMED])}{more}, of {locked.count} unpacked files"]


def _again(held: Holdings, source: str) -> str:
    locked: LockedSource = held.locked(source)
    folders = [folder for name in locked.folders if adoption.is_there(folder := held.workspace.folder(name))]
    narrow = " --labels-only" if locked.labels_only else ""
    return f"curate fetch {source}{narrow}" + (
        "".join(f" --from {shlex.quote(str(folder))}" for folder in folders) or " --from FOLDER"
    )


def _check_archive(path: Path) -> None:
    """Refuse an archive that cannot be read, before anything of it is taken."""
    try:
        members_of(path)
    except StorageError:
        raise
    except FetchError as error:
        parts = error.parts()
        raise FetchError(
            error.what,
            where=parts.get("where"),
            expected=parts.get("expected"),
            found=parts.get("found"),
            done="not adopted",
            hint=parts.get("next") or "get the archive again from its publisher",
        ) from error
