"""Bytes that lie in folders: taken as a source's, or, where the cache was lost, taken again from where they came."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from curate import adoption
from curate.archive import is_rar, members_of
from curate.errors import FetchError
from curate.fetching.holdings import Holdings, downloaded
from curate.lock import LockedFile
from curate.tree import Tree


def adopt(held: Holdings, source: str, folders: Sequence[Path], *, labels_only: bool = False) -> None:
    """Adopt what lies in the folders, all or nothing, and remember them.

    Raises FetchError where nothing of the source is there, or what is there contradicts itself.
    """
    tree = held.tree(source)
    locked = held.locked(source)
    if locked.folders and held.lost(source):
        _restore_or_forget(held, source)
    made, there = _take(held, tree, folders, labels_only=labels_only)
    if made + there == 0:
        names = adoption.wanted_names(tree.manifest, labels_only=labels_only)
        if not names:
            held.report.notes.append(f"{source} has no label files: with --labels-only there is nothing to fetch")
            return
        raise FetchError(
            f"nothing of {source} was found",
            where=", ".join(map(str, folders)),
            expected=", ".join(names),
            done="nothing was adopted",
            hint=f"look for the files by these names, then: curate fetch {source} --from FOLDER",
        )
    remembered = [held.remembered(folder) for folder in folders]
    locked.folders = [folder for folder in locked.folders if folder not in remembered] + remembered
    held.report.made += made
    held.report.there += there
    held.settle(source)


def restore(held: Holdings, source: str) -> None:
    """Adopt again from the remembered folders. Raises FetchError where what comes is not what was locked."""
    tree, locked = held.tree(source), held.locked(source)
    folders = [folder for name in locked.folders if (folder := held.workspace.root / name).exists()]
    for labels_only in (False, True):  # the lock does not say which it was: its hashes do
        again = Tree(tree.manifest, dict(tree.files), dict(tree.loose))
        for folder in folders:  # one by one, as they came: the later one replaces the earlier
            _take(held, again, [folder], labels_only=labels_only)
        if again.summary() == locked.loose:
            break
    again.files = {
        name: file
        for name, file in again.files.items()
        if name in locked.files and file.sha256 == locked.files[name].sha256
    }
    wrong = [
        f"{name} ({file.origin})"
        for name, file in locked.files.items()
        if not downloaded(file) and not held.has(again, name)
    ]
    if again.summary() != locked.loose:
        found = again.summary()
        wrong.append(f"{locked.loose.count if locked.loose else 0} unpacked files")
        wrong.append(f"there now: {found.count if found else 0}, not the same ones")
    if wrong:
        raise FetchError(
            f"what was adopted for {source} is gone, and its folders do not give it back",
            where=", ".join(locked.folders),
            expected=", ".join(wrong),
            done="nothing was changed",
            hint=f"to take what is there now: curate fetch {source} --from FOLDER",
        )
    tree.files, tree.loose = again.files, again.loose
    held.report.made += len(tree.files) + len(tree.loose)
    held.settle(source)


def _restore_or_forget(held: Holdings, source: str) -> None:
    """Before more is adopted: bring back what was, or stop counting on it."""
    tree, locked = held.tree(source), held.locked(source)
    try:
        restore(held, source)
    except FetchError:
        held.report.notes.append(f"{source}: what was adopted from {', '.join(locked.folders)} is gone; forgotten")
        locked.folders, locked.loose = [], None
        locked.files = {name: file for name, file in locked.files.items() if downloaded(file)}
        tree.files = {name: file for name, file in tree.files.items() if name in locked.files}
        tree.loose = {}


def _take(held: Holdings, tree: Tree, folders: Sequence[Path], *, labels_only: bool) -> tuple[int, int]:
    store = held.workspace.store
    here = {
        file.name
        for file in tree.manifest.files
        if file.members and held.has(tree, file.name) and not is_rar(store.path(tree.files[file.name].sha256))
    }
    placed = adoption.placed_in(folders)
    choice = adoption.choose(tree.manifest, placed, labels_only=labels_only, here=here)
    after = Tree(tree.manifest, dict(tree.files), dict(tree.loose))
    made = there = 0
    total = sum(item.size for item, _ in choice.files.values()) + sum(item.size for item in choice.loose)
    with held.workspace.progress(f"adopt {tree.manifest.name}", total, "B") as advance:
        for name, (item, known) in choice.files.items():
            file = tree.manifest.file(name)
            assert file is not None
            if file.members:
                _check_archive(item.path)
            sha256, size = store.adopt(item.path, link=bool(file.members), sha256=known)
            advance(size)
            official = name in choice.official
            old = tree.files.get(name)
            if old is not None and old.official and not official and store.has(old.sha256):
                there += 1  # the official bytes are here: others do not take their place
                continue
            made, there = (made, there + 1) if old and old.sha256 == sha256 else (made + 1, there)
            after.files[name] = LockedFile(sha256, size, file.pinned, official, held.remembered(item.path))
        with ThreadPoolExecutor(4) as pool:
            copies = pool.map(lambda item: store.adopt(item.path, link=False), choice.loose)
            for item, (sha256, size) in zip(choice.loose, copies, strict=True):
                advance(size)
                new = after.put_loose(item.relative, sha256, size)
                made, there = (made + 1, there) if new else (made, there + 1)
    after.build(store)
    tree.files, tree.loose, tree.locations, tree.unread = after.files, after.loose, after.locations, after.unread
    return made, there


def _check_archive(path: Path) -> None:
    """Refuse an archive that cannot be read, before anything of it is taken."""
    if is_rar(path):
        return
    try:
        members_of(path)
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
