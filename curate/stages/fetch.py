"""Every byte of the sources: adopted from folders where it lies, downloaded where it may be, else asked for by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curate import adoption
from curate.errors import FetchError
from curate.fetching.adopting import Counts, adopt, restore, widen
from curate.fetching.downloading import Job, download, job_of
from curate.fetching.holdings import Holdings, lost
from curate.fetching.listing import listed
from curate.lock import LockedSource
from curate.manifest import Manifest, RemoteFile
from curate.report import Report
from curate.tree import Tree

if TYPE_CHECKING:
    from curate.workspace import Workspace


def run(
    workspace: Workspace,
    sources: Sequence[str] = (),
    *,
    labels_only: bool = False,
    masks: bool = False,
    from_: Sequence[Path] = (),
    accept_license: bool = False,
) -> Report:
    """Bring in the bytes of the sources, and leave the listing of each tree and the lock behind.

    With `from_`: what lies below those folders is adopted (linked or copied, never moved), nothing is downloaded, and
    the folders are remembered. Without: what was adopted and has been lost comes back from the remembered folders, what
    a person put into `placed/<source>` of the root is adopted, and what is missing of open sources is downloaded.
    `labels_only`: label files only; `masks`: also the lesion masks that are published beside the pictures.
    Without names: the sources of which something is or was here, and of those that were adopted only what is lost;
    where nothing is here, and with `from_`, all sources.
    The report counts files; its problems say what could not be done. Raises FetchError where the only source fails,
    CorpusError where another curate works on this root; UsageError for a name that has no manifest.
    """
    named = bool(sources)
    with workspace.turn:
        chosen = sources or ([] if from_ else workspace.remembered()) or workspace.sources()
        wish = Wish(labels_only, masks, accept_license)
        return _run(workspace, chosen, named, wish, from_)


@dataclass(frozen=True)
class Wish:
    """What of a source is wanted, and whether its terms are accepted."""

    labels_only: bool = False
    masks: bool = False
    accept_license: bool = False

    def of(self, file: RemoteFile) -> bool:
        """Tell whether a file is wanted, were it not optional."""
        return file.role == "labels" or not self.labels_only

    def of_optional(self, file: RemoteFile) -> bool:
        """Tell whether a file that is optional is wanted all the same."""
        return self.masks and file.optional and file.role == "masks" and bool(file.urls)


def _run(workspace: Workspace, sources: Sequence[str], named: bool, wish: Wish, from_: Sequence[Path]) -> Report:
    report = Report("fetch", "files")
    sources = workspace.sources(sources)
    workspace.store.sweep()
    held = Holdings(workspace, report)
    failures: list[FetchError] = []
    jobs: list[Job] = []
    unreachable: set[str] = set()
    for source in sources:
        try:
            if from_:
                if wish.accept_license:
                    held.accept(workspace.manifests[source])
                adopt(held, source, from_, labels_only=wish.labels_only)
            else:
                jobs.extend(_due(held, source, named, wish, unreachable))
        except FetchError as error:
            failures.append(error)
            report.problems.append(f"{source}: {error}")
    if jobs:
        download(held, jobs, unreachable)
        for source in sorted({job.source for job in jobs if job.placed is not None}):
            placed, files = workspace.placed(source), [job.file for job in jobs if job.source == source]
            try:
                if any((placed / file.name).exists() for file in files):
                    adopt(held, source, [placed], labels_only=wish.labels_only, extra=True)
                elif not held.tree(source).locations:
                    manifest = workspace.manifests[source]
                    report.problems.append(_by_hand(manifest, files, placed, "none of what is listed could be had"))
            except FetchError as error:
                report.problems.append(f"{source}: {error}")
    if failures and len(sources) == 1:
        raise failures[0]
    for source in sources:
        _tell(held, source, wish)
    return report


def needs(
    workspace: Workspace, source: str, *, labels_only: bool = False, locks: Mapping[str, LockedSource] | None = None
) -> bool:
    """Tell whether `run` has anything to do before a source can be parsed.

    Never for one that was adopted and whose objects are all here, however much its manifest names besides; but where
    only its labels were adopted, and now the pictures are wanted, its folders are looked through once more.
    `locks`: what the lock says, for who asks of many sources.
    """
    locked = (workspace.locked() if locks is None else locks).get(source, LockedSource())
    path = workspace.tree_path(source)
    tree = Tree.read(path, workspace.manifests[source])
    if not path.exists() or lost(workspace, tree, locked) or (not labels_only and _narrow(workspace, locked)):
        return True
    if tree.unread and not tree.loose:  # it is read if a program to read it is there now, else said again
        return True
    return not locked.adopted and any(not labels_only or file.role == "labels" for file in tree.missing())


def _narrow(workspace: Workspace, locked: LockedSource) -> bool:
    """Tell whether a folder is still there of which only the labels were adopted."""
    return any(adoption.is_there(workspace.folder(folder)) for folder in locked.labels_only)


def _due(held: Holdings, source: str, named: bool, wish: Wish, unreachable: set[str]) -> list[Job]:
    """Bring back what was adopted and is lost, adopt what was placed; return the downloads that are due."""
    tree = held.tree(source)
    locked = held.locked(source)
    store = held.workspace.store
    has = store.has
    counts = Counts()
    folder = held.workspace.cache / "incoming" / source
    was_begun = folder.is_dir()
    if locked.empty:
        folder.mkdir(parents=True, exist_ok=True)
    relocked = bool(tree.files or tree.loose) and not (locked.files or locked.loose)
    if relocked:  # the lock was lost, or taken away to trust what is here
        held.settle(source)
        unknown = "; the folders it came from are unknown" if locked.adopted else ""
        held.report.notes.append(f"{source}: locked again as it is here{unknown}")
    known = {name: file for name, file in locked.files.items() if name not in tree.files and has(file.sha256)}
    if known:  # only the listing was lost
        tree.files.update(known)
        tree.build(held.workspace.store)
    restored = locked.adopted and held.lost(source)
    if restored:
        counts.add(restore(held, source))
    elif known:
        held.settle(source)
    widened = not wish.labels_only and _narrow(held.workspace, locked)
    if widened:
        counts.add(widen(held, source))
    placed = held.workspace.placed(source)
    if adoption.holds_files(placed):
        counts.add(adopt(held, source, [placed], labels_only=wish.labels_only, extra=True))
    readable = [name for name in tree.unread if has(tree.files[name].sha256) and not tree.why_unread(store, name)]
    if readable:
        held.settle(source)
        counts.add(Counts(set(readable)))
        held.report.notes.append(f"{source}: read now: {', '.join(readable)}")
    gone = [f for f in tree.manifest.files if f.name in locked.files and not has(locked.files[f.name].sha256)]
    # Who lost the cache asks for what was here, not for gigabytes that were not: those come by the next call. And who
    # placed a part of a source by hand has the rest downloaded only when asking for that source. A run that was killed
    # goes on.
    back = known or restored
    only_here = locked.adopted and (relocked or widened or not named or (bool(back) and not was_begun))
    missing = [] if only_here else tree.missing()
    optional = [file for file in tree.manifest.files if wish.of_optional(file) and not held.has(tree, file.name)]
    due = {file.name: file for file in [*missing, *gone] if wish.of(file)} | {file.name: file for file in optional}
    held.report.made += len(counts.made)
    held.report.there += len({*tree.files, *map(tree.manifest.identity, tree.loose)} - counts.made - set(due))
    if wish.accept_license:
        held.accept(tree.manifest)
    if not due:
        if not tree.locations and not adoption.wanted_names(tree.manifest, labels_only=wish.labels_only):
            held.report.notes.append(f"{source} has no label files: with --labels-only there is nothing to fetch")
        return []
    if tree.manifest.access == "manual":
        if tree.locations and not gone and not tree.manifest.listing:
            return []
        return _listed(held, tree, list(due.values()), wish, unreachable)
    if tree.manifest.needs_acceptance and not held.accepted(tree.manifest):
        held.report.problems.append(_unaccepted(tree.manifest, wish))
        return []
    return [job_of(held, source, file) for file in due.values()]


def _listed(held: Holdings, tree: Tree, due: Sequence[RemoteFile], wish: Wish, unreachable: set[str]) -> list[Job]:
    """Return the downloads of what is listed of a source that a person would have to place; else ask the person."""
    manifest = tree.manifest
    placed, folder = held.workspace.placed(manifest.name), held.workspace.cache / "incoming" / manifest.name
    found = "nothing of it"
    if manifest.listing:
        try:
            files = listed(manifest, folder, unreachable, labels_only=wish.labels_only)
        except FetchError as error:
            found = f"what is listed cannot be had: {error.what}: {error.found}"
            if tree.locations:
                held.report.notes.append(f"{manifest.name}: {found}")
                return []
        else:
            placed.mkdir(parents=True, exist_ok=True)
            jobs = []
            for file in files:
                path = placed / file.name
                if not path.exists():
                    jobs.append(Job(manifest.name, file, placed / f".{file.name}.part", placed=path))
                elif path.stat().st_size != file.bytes:
                    held.report.notes.append(
                        f"{manifest.name}: {path} has {path.stat().st_size} bytes; {file.bytes} are listed"
                    )
            return jobs
    held.report.problems.append(_by_hand(manifest, due, placed, found))
    return []


def _tell(held: Holdings, source: str, wish: Wish) -> None:
    """Say what of the source is here, what is not, and what is not the official bytes."""
    tree = held.tree(source)
    missing = [file.name for file in tree.missing() if wish.of(file)]
    foreign = [name for name, file in tree.files.items() if file.standing == "not the official bytes"]
    unpinned = [name for name, file in tree.files.items() if file.standing == "unpinned"]
    held.report.details[source] = {
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
    notes = held.report.notes
    if foreign:
        notes.append(f"{source}: not the official bytes: {', '.join(sorted(foreign))}")
    if unpinned:
        notes.append(f"{source}: unpinned, trusted on first use: {', '.join(sorted(unpinned))}")
    for name in tree.unread:
        if not tree.loose:
            held.report.problems.append(f"{source}: {tree.why_unread(held.workspace.store, name)}")
    archives = [name for name in missing if (file := tree.manifest.file(name)) and file.members]
    if archives and tree.loose:
        stand = "1 unpacked file stands" if len(tree.loose) == 1 else f"{len(tree.loose)} unpacked files stand"
        notes.append(f"{source}: {stand} for {', '.join(archives)}")
        missing = [name for name in missing if name not in archives]
    if missing:
        notes.append(f"{source}: not here: {', '.join(missing)}")


def _by_hand(manifest: Manifest, files: Sequence[RemoteFile], folder: Path, found: str) -> str:
    inside = {name for file in files for name in file.provides}
    return str(
        FetchError(
            f"{manifest.name} has to be placed by hand",
            where=manifest.homepage,
            expected=", ".join(_described(file) for file in files if file.name not in inside),
            found=found if files else None,
            hint=f"{' '.join(manifest.instructions.split())}; or put it into {folder.resolve()}, "
            f"then: curate fetch {manifest.name}",
        )
    )


def _described(file: RemoteFile) -> str:
    """Name a file by all that is known of it."""
    known = [f"{file.bytes} bytes"] if file.bytes is not None else []
    known += [f"{file.pin[0]} {file.pin[1]}"] if file.pin else ["unpinned: nobody published its hash"]
    return f"{file.name} ({', '.join(known)})"


def _unaccepted(manifest: Manifest, wish: Wish) -> str:
    flags = (" --labels-only" if wish.labels_only else "") + (" --masks" if wish.masks else "")
    return str(
        FetchError(
            f"{manifest.name} is under a licence that has to be accepted first: {manifest.license}",
            where=manifest.license_url,
            done="nothing of it was downloaded",
            hint=f"read the licence, then: curate fetch {manifest.name}{flags} --accept-license",
        )
    )
