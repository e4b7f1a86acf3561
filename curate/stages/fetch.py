"""Every byte of the sources: adopted from folders where it lies, downloaded where it may be, else asked for by name."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curate import adoption, lock
from curate import transfer as transfers
from curate.errors import FetchError
from curate.files import is_rar, members_of
from curate.lock import LockedFile, LockedSource
from curate.manifest import Manifest, RemoteFile
from curate.report import Report
from curate.tree import Tree

if TYPE_CHECKING:
    from curate.workspace import Workspace

_THREADS = 8  # over all hosts; at most 4 of them talk to one host


def run(
    workspace: Workspace,
    sources: Sequence[str],
    *,
    labels_only: bool = False,
    from_: Sequence[Path] = (),
    accept_license: bool = False,
) -> Report:
    """Bring in the bytes of the sources, and leave the listing of each tree and the lock behind.

    With `from_`: what lies below those folders is adopted (linked or copied, never moved), nothing is downloaded, and
    the folders are remembered. Without: what was adopted and has been lost comes back from the remembered folders, and
    what is missing of open sources is downloaded. `labels_only`: label files only.
    The report counts files; its problems say what could not be done. Raises FetchError where the only source fails.
    """
    report = Report("fetch", "files")
    workspace.store.sweep()
    run = _Run(workspace, report, labels_only, accept_license)
    failures: list[FetchError] = []
    jobs: list[_Job] = []
    for source in sources:
        try:
            if from_:
                run.adopt(source, from_)
            else:
                jobs.extend(run.restore(source))
        except FetchError as error:
            failures.append(error)
            run.report.problems.append(f"{source}: {error}")
    if jobs:
        run.download(jobs)
    if failures and len(sources) == 1:
        raise failures[0]
    for source in sources:
        run.tell(source)
    return report


def needs(workspace: Workspace, source: str, *, labels_only: bool = False) -> bool:
    """Tell whether `run` has anything to do before a source can be parsed.

    Never for one with remembered folders whose objects are all here, however much its manifest names besides.
    """
    locked = lock.read(workspace.lock_path).get(source, LockedSource())
    path = workspace.tree_path(source)
    if not path.exists() or _lost(workspace, Tree.read(path, workspace.manifests[source]), locked):
        return True
    if locked.folders:
        return False
    tree = Tree.read(path, workspace.manifests[source])
    return any(not labels_only or file.role == "labels" for file in tree.missing())


@dataclass(frozen=True)
class _Job:
    source: str
    file: RemoteFile
    part: Path
    trusted: str | None


class _Run:
    """One call: the trees and the lock as they change."""

    def __init__(self, workspace: Workspace, report: Report, labels_only: bool, accept_license: bool) -> None:
        self.workspace = workspace
        self.report = report
        self.labels_only = labels_only
        self.accept_license = accept_license
        self.lock = lock.read(workspace.lock_path)
        self.trees: dict[str, Tree] = {}
        self._guard = threading.Lock()

    def adopt(self, source: str, folders: Sequence[Path]) -> None:
        """Adopt what lies in the folders, all or nothing, and remember them."""
        tree = self.tree(source)
        locked = self.lock.setdefault(source, LockedSource())
        if self.accept_license:
            self._accept(tree.manifest)
        if locked.folders and _lost(self.workspace, tree, locked):
            self._restore_or_forget(source, tree, locked)
        made, there = self._take(tree, folders, labels_only=self.labels_only)
        if made + there == 0:
            names = adoption.wanted_names(tree.manifest, labels_only=self.labels_only)
            if not names:
                self.report.notes.append(f"{source} has no label files: with --labels-only there is nothing to fetch")
                return
            raise FetchError(
                f"nothing of {source} was found",
                where=", ".join(map(str, folders)),
                expected=", ".join(names),
                done="nothing was adopted",
                hint=f"look for the files by these names, then: curate fetch {source} --from FOLDER",
            )
        remembered = [self._remembered(folder) for folder in folders]
        locked.folders = [folder for folder in locked.folders if folder not in remembered] + remembered
        self.report.made += made
        self.report.there += there
        self._settle(source)

    def restore(self, source: str) -> list[_Job]:
        """Bring back what was adopted and is lost; return the downloads that are due."""
        tree = self.tree(source)
        locked = self.lock.setdefault(source, LockedSource())
        has = self.workspace.store.has
        known = {name: file for name, file in locked.files.items() if name not in tree.files and has(file.sha256)}
        if known:  # only the listing was lost
            tree.files.update(known)
            tree.build(self.workspace.store)
        restored = bool(locked.folders) and _lost(self.workspace, tree, locked)
        if restored:
            self._restore(source, tree, locked)
        elif known:
            self._settle(source)
        lost = [f for f in tree.manifest.files if f.name in locked.files and not has(locked.files[f.name].sha256)]
        # Who lost the cache asks for what was here, not for gigabytes that were not: those come by the next call.
        missing = [] if restored else tree.missing()
        due = {file.name: file for file in [*missing, *lost] if not self.labels_only or file.role == "labels"}
        self.report.there += len([name for name in tree.files if name not in due])
        if self.accept_license:
            self._accept(tree.manifest)
        if not due:
            return []
        if tree.manifest.access == "manual":
            if not tree.locations or lost:
                self.report.problems.append(_by_hand(tree.manifest, list(due)))
            return []
        if tree.manifest.needs_acceptance and not self._accepted(tree.manifest):
            self.report.problems.append(_unaccepted(tree.manifest))
            return []
        folder = self.workspace.cache / "incoming" / source
        return [_Job(source, file, folder / f"{name}.part", self._trusted(locked, file)) for name, file in due.items()]

    def download(self, jobs: Sequence[_Job]) -> None:
        """Download in parallel; what came is locked at once, so that a killed run keeps it."""
        due = [job for job in jobs if not self._already(job)]
        self._room(due)
        known = [job.file.bytes for job in due]
        total = sum(size for size in known if size is not None) if None not in known else None
        with self.workspace.progress("fetch", total, "B") as advance, ThreadPoolExecutor(_THREADS) as pool:
            guard = threading.Lock()

            def told(amount: int) -> None:
                with guard:
                    advance(amount)

            running = {pool.submit(self._download, job, told): job for job in due}
            for done in as_completed(running):
                job = running[done]
                try:
                    done.result()
                except FetchError as error:
                    self.report.problems.append(f"{job.source}: {error}")
        for source in sorted({job.source for job in jobs}):
            try:
                self._settle(source)
            except FetchError as error:
                self.report.problems.append(f"{source}: {error}")

    def tree(self, source: str) -> Tree:
        """Return the tree of a source as it is now."""
        if source not in self.trees:
            manifest = self.workspace.manifests[source]
            self.trees[source] = Tree.read(self.workspace.tree_path(source), manifest)
        return self.trees[source]

    def tell(self, source: str) -> None:
        """Say what of the source is here, what is not, and what is not the official bytes."""
        tree = self.tree(source)
        missing = [file.name for file in tree.missing() if not self.labels_only or file.role == "labels"]
        foreign = [name for name, file in tree.files.items() if file.standing == "not the official bytes"]
        unpinned = [name for name, file in tree.files.items() if file.standing == "unpinned"]
        self.report.details[source] = {
            "tree": len(tree.locations),
            "files": sorted(tree.files),
            "loose": len(tree.loose),
            "bytes": sum(file.bytes for file in tree.files.values()) + sum(size for _, size in tree.loose.values()),
            "missing": missing,
            "not_official": sorted(foreign),
            "unpinned": sorted(unpinned),
            "unread": tree.unread,
        }
        if not tree.locations:
            return
        notes = self.report.notes
        if foreign:
            notes.append(f"{source}: not the official bytes: {', '.join(sorted(foreign))}")
        if unpinned:
            notes.append(f"{source}: unpinned, trusted on first use: {', '.join(sorted(unpinned))}")
        for name in tree.unread:
            if not tree.loose:
                self.report.problems.append(
                    f"{source}: {name} is here, but a RAR is not read in place; "
                    f"unpack it (unrar, bsdtar or 7z), then: curate fetch {source} --from FOLDER"
                )
        archives = [name for name in missing if (file := tree.manifest.file(name)) and file.members]
        if archives and tree.loose:
            notes.append(f"{source}: {len(tree.loose)} unpacked files stand for {', '.join(archives)}")
            missing = [name for name in missing if name not in archives]
        if missing:
            notes.append(f"{source}: not here: {', '.join(missing)}")

    def _take(self, tree: Tree, folders: Sequence[Path], *, labels_only: bool) -> tuple[int, int]:
        store = self.workspace.store
        here = {
            file.name
            for file in tree.manifest.files
            if file.members and self._has(tree, file.name) and not is_rar(store.path(tree.files[file.name].sha256))
        }
        placed = adoption.placed_in(folders)
        choice = adoption.choose(tree.manifest, placed, labels_only=labels_only, here=here)
        after = Tree(tree.manifest, dict(tree.files), dict(tree.loose))
        made = there = 0
        total = sum(item.size for item, _ in choice.files.values()) + sum(item.size for item in choice.loose)
        with self.workspace.progress(f"adopt {tree.manifest.name}", total, "B") as advance:
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
                after.files[name] = LockedFile(sha256, size, file.pinned, official, self._remembered(item.path))
            with ThreadPoolExecutor(4) as pool:
                copies = pool.map(lambda item: store.adopt(item.path, link=False), choice.loose)
                for item, (sha256, size) in zip(choice.loose, copies, strict=True):
                    advance(size)
                    new = after.put_loose(item.relative, sha256, size)
                    made, there = (made + 1, there) if new else (made, there + 1)
        after.build(store)
        tree.files, tree.loose, tree.locations, tree.unread = after.files, after.loose, after.locations, after.unread
        return made, there

    def _restore(self, source: str, tree: Tree, locked: LockedSource) -> None:
        """Adopt again from the remembered folders; what comes must be what was locked."""
        folders = [folder for name in locked.folders if (folder := self.workspace.root / name).exists()]
        for labels_only in (False, True):  # the lock does not say which it was: its hashes do
            again = Tree(tree.manifest, dict(tree.files), dict(tree.loose))
            for folder in folders:  # one by one, as they came: the later one replaces the earlier
                self._take(again, [folder], labels_only=labels_only)
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
            if not _downloaded(file) and not self._has(again, name)
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
        self.report.made += len(tree.files) + len(tree.loose)
        self._settle(source)

    def _restore_or_forget(self, source: str, tree: Tree, locked: LockedSource) -> None:
        """Before more is adopted: bring back what was, or stop counting on it."""
        try:
            self._restore(source, tree, locked)
        except FetchError:
            self.report.notes.append(f"{source}: what was adopted from {', '.join(locked.folders)} is gone; forgotten")
            locked.folders, locked.loose = [], None
            locked.files = {name: file for name, file in locked.files.items() if _downloaded(file)}
            tree.files = {name: file for name, file in tree.files.items() if name in locked.files}
            tree.loose = {}

    def _download(self, job: _Job, told: Callable[[int], object]) -> None:
        file = job.file
        got = transfers.fetch(
            file.urls,
            job.part,
            name=file.name,
            size=file.bytes,
            sha256=file.sha256,
            md5=file.md5,
            trusted=job.trusted,
            on_progress=told,
        )
        self.workspace.store.put_verified(got.path, got.sha256)
        self._came(job, got.sha256, got.bytes, got.url)
        self.report.made += 1

    def _already(self, job: _Job) -> bool:
        """Take a file whose bytes are in the store already (another source's, or those of a killed run)."""
        sha256 = job.file.sha256 or job.trusted
        if sha256 is None or not self.workspace.store.has(sha256):
            return False
        self._came(job, sha256, self.workspace.store.path(sha256).stat().st_size, job.file.urls[0])
        self.report.there += 1
        return True

    def _came(self, job: _Job, sha256: str, size: int, origin: str) -> None:
        with self._guard:
            pinned = job.file.pinned
            entry = LockedFile(sha256, size, pinned, pinned, origin)
            self.tree(job.source).files[job.file.name] = entry
            self.lock.setdefault(job.source, LockedSource()).files[job.file.name] = entry
            lock.write(self.workspace.lock_path, self.lock)

    def _settle(self, source: str) -> None:
        """Make the tree's listing and the lock say what is here now."""
        tree = self.tree(source)
        tree.build(self.workspace.store)
        locked = self.lock.setdefault(source, LockedSource())
        locked.files.update(tree.files)
        locked.loose = tree.summary()
        lock.write(self.workspace.lock_path, self.lock)
        if tree.locations:
            tree.write(self.workspace.tree_path(source))

    def _room(self, jobs: Sequence[_Job]) -> None:
        folder = self.workspace.cache
        folder.mkdir(parents=True, exist_ok=True)
        wanted = sum(max(0, (job.file.bytes or 0) - transfers.part_size(job.part)) for job in jobs)
        free = shutil.disk_usage(folder).free
        if wanted > free:
            raise FetchError(
                "not enough room on the disk",
                where=str(folder),
                expected=f"{wanted / 1e9:.1f} GB",
                found=f"{free / 1e9:.1f} GB",
                done="nothing was downloaded",
                hint="make room, or fetch fewer sources, or --labels-only",
            )

    def _has(self, tree: Tree, name: str) -> bool:
        return name in tree.files and self.workspace.store.has(tree.files[name].sha256)

    def _trusted(self, locked: LockedSource, file: RemoteFile) -> str | None:
        known = locked.files.get(file.name)
        return known.sha256 if known and _downloaded(known) else None

    def _accept(self, manifest: Manifest) -> None:
        today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
        locked = self.lock.setdefault(manifest.name, LockedSource())
        if not self._accepted(manifest):
            locked.accepted = {"license": manifest.license, "date": today}
            lock.write(self.workspace.lock_path, self.lock)

    def _accepted(self, manifest: Manifest) -> bool:
        accepted = self.lock.setdefault(manifest.name, LockedSource()).accepted
        return accepted is not None and accepted.get("license") == manifest.license

    def _remembered(self, path: Path) -> str:
        # A folder inside the root is named from the root, so that the root can be moved with it.
        whole, root = path.resolve(), self.workspace.root.resolve()
        return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)


def _lost(workspace: Workspace, tree: Tree, locked: LockedSource) -> bool:
    if any(not workspace.store.has(sha256) for sha256 in tree.objects()):
        return True
    return set(locked.files) != set(tree.files) or locked.loose != tree.summary()


def _downloaded(file: LockedFile) -> bool:
    return file.origin.startswith(("http://", "https://"))


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


def _by_hand(manifest: Manifest, names: Sequence[str]) -> str:
    return str(
        FetchError(
            f"{manifest.name} has to be placed by hand",
            where=manifest.homepage,
            expected=", ".join(names),
            found="nothing of it" if names else None,
            hint=" ".join(manifest.instructions.split()),
        )
    )


def _unaccepted(manifest: Manifest) -> str:
    return str(
        FetchError(
            f"{manifest.name} is under a licence that has to be accepted first: {manifest.license}",
            where=manifest.license_url,
            done="nothing of it was downloaded",
            hint=f"read the licence, then: curate fetch {manifest.name} --accept-license",
        )
    )
