"""Bytes that are asked of their hosts, several at a time; what came is locked at once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from curate import storage, transfer
from curate.errors import FetchError
from curate.fetching.holdings import Holdings
from curate.lock import LockedFile
from curate.manifest import RemoteFile
from curate.partial import part_size

if TYPE_CHECKING:
    from curate.workspace import Workspace

_THREADS = 8  # over all hosts; at most 4 of them talk to one host


@dataclass(frozen=True)
class Job:
    """A file to be downloaded into `part`; `trusted`: the sha256 that an unpinned file had when it first came.

    `placed`: where it is laid for being adopted, as a person would; else it goes into the store.
    """

    source: str
    file: RemoteFile
    part: Path
    trusted: str | None = None
    placed: Path | None = None


def job_of(held: Holdings, source: str, file: RemoteFile) -> Job:
    """Return the download of a file of the manifest; what came over the network before has to come again."""
    known = held.locked(source).files.get(file.name)
    trusted = known.sha256 if known and known.downloaded else None
    return Job(source, file, held.workspace.cache / "incoming" / source / f"{file.name}.part", trusted)


def download(held: Holdings, jobs: Sequence[Job], unreachable: set[str]) -> None:
    """Download in parallel, and say in the report's problems what did not come.

    Where pictures cannot be had file by file, the archive that holds them all is, if the manifest knows one.
    `unreachable` is as in `transfer.fetch`. Raises FetchError where the disk has no room for all of it.
    """
    failed = _download_all(held, jobs, unreachable)
    larger = _that_hold(held, failed)
    if larger:
        missed = _download_all(held, larger, unreachable)
        for job in larger:
            inside = [other for other in failed if other.source == job.source and other.file.name in job.file.provides]
            if job not in missed:
                names = ", ".join(sorted(other.file.name for other in inside))
                held.report.notes.append(
                    f"{job.source}: {names} could not be had; {job.file.name}, which holds it, came"
                )
                for other in inside:
                    del failed[other]
        failed |= missed
    held.report.problems += failed.values()
    for source in sorted({job.source for job in [*jobs, *larger] if job.placed is None}):
        try:
            held.settle(source)
        except FetchError as error:
            held.report.problems.append(f"{source}: {error}")


def _that_hold(held: Holdings, failed: Collection[Job]) -> list[Job]:
    """Return the downloads of optional archives, each of which holds pictures that failed."""
    found: dict[tuple[str, str], Job] = {}
    for job in failed:
        for file in held.workspace.manifests[job.source].files:
            if file.optional and file.urls and job.file.role == "pictures" and job.file.name in file.provides:
                found.setdefault((job.source, file.name), job_of(held, job.source, file))
    return list(found.values())


def _download_all(held: Holdings, jobs: Sequence[Job], unreachable: set[str]) -> dict[Job, str]:
    """Download in parallel; return what failed, and why."""
    failed: dict[Job, str] = {}
    due = [job for job in jobs if not _already(held, job)]
    _room(held.workspace, due)
    total = sum(_size(job) for job in due)
    with held.workspace.progress("fetch", total, "B") as advance, ThreadPoolExecutor(_THREADS) as pool:
        guard = threading.Lock()

        def told(amount: int) -> None:
            with guard:
                advance(amount)

        def grown(more: int) -> None:
            with guard:
                advance.grow(more)

        running = {pool.submit(_download, held, job, unreachable, told, grown): job for job in due}
        for done in as_completed(running):
            job = running[done]
            try:
                done.result()
                held.report.made += 1
            except FetchError as error:
                failed[job] = f"{job.source}: {error}"
            except OSError as error:  # of this file: the others come all the same
                refused = FetchError(
                    f"{job.file.name} could not be kept",
                    where=str(error.filename or job.part),
                    found=error.strerror or str(error),
                    hint="make room or mend the permissions, then run the same command again",
                )
                failed[job] = f"{job.source}: {refused}"
    return failed


def _download(
    held: Holdings,
    job: Job,
    unreachable: set[str],
    told: Callable[[int], object],
    grown: Callable[[int], object],
) -> None:
    file = job.file
    counted = _size(job)

    def sized(total: int) -> None:
        nonlocal counted
        grown(total - counted)
        counted = total

    got = transfer.fetch(
        file.urls,
        job.part,
        name=file.name,
        source=job.source,
        size=file.bytes,
        pin=file.pin,
        trusted=job.trusted,
        on_progress=told,
        on_total=sized,
        unreachable=unreachable,
    )
    if job.placed is not None:
        got.path.replace(job.placed)
        return
    held.workspace.store.put_verified(got.path, got.sha256)
    _came(held, job, got.sha256, got.bytes, got.url)


def _already(held: Holdings, job: Job) -> bool:
    """Take a file whose bytes are in the store already (another source's, or those of a killed run)."""
    sha256 = job.file.sha256 or job.trusted if job.placed is None else None
    size = held.workspace.store.size(sha256) if sha256 is not None else None
    if sha256 is None or size is None:
        return False
    _came(held, job, sha256, size, job.file.urls[0])
    held.report.there += 1
    return True


def _came(held: Holdings, job: Job, sha256: str, size: int, origin: str) -> None:
    pinned = job.file.pinned
    held.came(job.source, job.file.name, LockedFile(sha256, size, pinned, pinned, origin))


def _size(job: Job) -> int:
    """Return the size that is published, if only rounded; 0 where none is, until the host tells it."""
    return job.file.bytes if job.file.bytes is not None else job.file.bytes_about or 0


def _room(workspace: Workspace, jobs: Sequence[Job]) -> None:
    folder = workspace.cache
    folder.mkdir(parents=True, exist_ok=True)
    sizes = sorted((max(0, _size(job) - part_size(job.part)) for job in jobs), reverse=True)
    # What goes to object storage lies here only while it comes.
    wanted = sum(sizes[:_THREADS] if storage.is_remote(workspace.store.folder) else sizes)
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
