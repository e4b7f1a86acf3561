"""What is held of each source while bytes come in: its tree and its lock, which are written as they change."""

from __future__ import annotations

import datetime
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from curate import lock, storage
from curate.lock import LockedFile, LockedSource
from curate.manifest import Manifest
from curate.report import Report
from curate.tree import Tree

if TYPE_CHECKING:
    from curate.workspace import Workspace


class Holdings:
    """The trees and the lock of one workspace in one call of `fetch`; `report` counts what is done to them."""

    def __init__(self, workspace: Workspace, report: Report) -> None:
        self.workspace = workspace
        self.report = report
        here = workspace.lock()
        self.lock = here.sources
        report.notes += here.warnings
        self.trees: dict[str, Tree] = {}
        self._guard = threading.Lock()

    def locked(self, source: str) -> LockedSource:
        """Return what is locked of a source, to be changed; nothing yet where it is new."""
        return self.lock.setdefault(source, LockedSource())

    def tree(self, source: str) -> Tree:
        """Return the tree of a source as it is now."""
        if source not in self.trees:
            manifest = self.workspace.manifests[source]
            tree = Tree.read(self.workspace.tree_path(source), manifest)
            if tree.is_damaged and tree.summary() != self.lock.get(source, LockedSource()).loose:
                tree.loose = {}  # what the lock does not prove could have the name of another file
            self.trees[source] = tree
        return self.trees[source]

    def has(self, tree: Tree, name: str) -> bool:
        """Tell whether the bytes of a file of the manifest are here."""
        return name in tree.files and self.workspace.store.has(tree.files[name].sha256)

    def lost(self, source: str) -> bool:
        """Tell whether anything that was taken is gone, or the listing does not say what the lock says."""
        return lost(self.workspace, self.tree(source), self.locked(source))

    def came(self, source: str, name: str, file: LockedFile) -> None:
        """Lock a file at once, so that a killed run keeps it; safe to call from several threads."""
        with self._guard:
            self.tree(source).files[name] = file
            self.locked(source).files[name] = file
            lock.write(self.workspace.lock_path, self.lock)

    def settle(self, source: str) -> None:
        """Make the tree's listing and the lock say what is here now."""
        tree = self.tree(source)
        tree.build(self.workspace.store)
        locked = self.locked(source)
        locked.files.update(tree.files)
        locked.loose = tree.summary()
        lock.write(self.workspace.lock_path, self.lock)
        if tree.locations:
            tree.write(self.workspace.tree_path(source))

    def accept(self, manifest: Manifest) -> None:
        """Record that the licence of a source was accepted, and when."""
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        locked = self.locked(manifest.name)
        if not self.accepted(manifest):
            locked.accepted = {"license": manifest.license, "date": today}
            lock.write(self.workspace.lock_path, self.lock)

    def accepted(self, manifest: Manifest) -> bool:
        """Tell whether the licence that the manifest names was accepted."""
        accepted = self.locked(manifest.name).accepted
        return accepted is not None and accepted.get("license") == manifest.license

    def remembered(self, path: Path) -> str:
        """Return how the lock names a path, or an address."""
        if storage.is_remote(path):
            return str(path)
        # A folder inside the root is named from the root, so that the root can be moved with it.
        whole, root = path.resolve(), self.workspace.root.resolve()
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


def lost(workspace: Workspace, tree: Tree, locked: LockedSource) -> bool:
    """Tell whether an object of a source is gone, or its listing does not say what the lock says."""
    if workspace.store.lacks(tree.objects()):
        return True
    return tree.is_damaged or set(locked.files) != set(tree.files) or locked.loose != tree.summary()
