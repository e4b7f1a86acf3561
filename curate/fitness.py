"""Whether a worker of a cluster is fit for the work: the same code, one thread, the same files.

Other code or other libraries could give other bytes; a worker that does not see the files would call them gone.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import __version__
from curate.errors import CurateError

STANDS = "what was known before stands"

# Libraries from whose version bytes follow, or whether a worker is understood at all.
_LIBRARIES = ("distributed", "faiss-cpu", "imagehash", "numpy", "opencv-python-headless", "pillow", "scipy")

READ = (".py", ".sql", ".txt")
"""The endings of those files of curate that the work follows from."""


@dataclass(frozen=True)
class Terms:
    """What a worker has to be: `standing` is what `standing()` says here, `files` what the folder `seen` holds."""

    address: str
    standing: tuple[tuple[str, str], ...]
    seen: Path
    files: str

    @classmethod
    def of(cls, address: str, seen: Path) -> Terms:
        """Return what the workers of the scheduler at `address` have to be. Raises OSError where there is no folder."""
        return cls(address, tuple(sorted(standing().items())), seen, _files(seen))


def standing() -> dict[str, str]:
    """Return what has to be the same on both ends: the code of curate, Python, the processor, some libraries."""
    return {
        "curate": f"{__version__}, code {code()[:12]}",
        "python": ".".join(platform.python_version_tuple()[:2]),
        "processor": platform.machine(),
        **{name: version(name) for name in _LIBRARIES},
    }


@functools.cache
def code() -> str:
    """Return the sha256 (hex) of the code of curate as it is installed here: two checkouts may say one version.

    With the forms of the letters that are read on sheets. As it was when it was asked for first.
    """
    digest = hashlib.sha256()
    package = Path(__file__).parent
    for path in sorted(path for kind in READ for path in package.rglob(f"*{kind}")):
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def version(library: str) -> str:
    """Return the version of a library as it is installed here."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # or under the name of another build


def _files(folder: Path) -> str:
    """Return a hash of the names in a folder: what is read there is its own proof, by its sha256."""
    names = sorted(os.fsencode(path.name) for path in folder.iterdir())
    return hashlib.sha256(b"\0".join(names)).hexdigest()


def require(terms: Terms, dask_worker: Any) -> None:
    """Raise CurateError where this worker of Dask is not fit for the work."""
    _fit(terms, str(dask_worker.address), int(dask_worker.state.nthreads))


@functools.lru_cache(maxsize=16)  # asked before each item, looked at once for each run
def _fit(terms: Terms, worker: str, threads: int) -> None:
    here = standing()
    for name, wanted in terms.standing:
        if here[name] != wanted:
            raise CurateError(
                f"a worker of the cluster has another {name}: its bytes could be others",
                where=worker,
                expected=wanted,
                found=here[name],
                done=STANDS,
                hint="install there what is installed here, start that worker again, then type the same again",
            )
    if threads != 1:
        raise CurateError(
            "a worker of the cluster does several things at a time in one process",
            where=worker,
            expected="1 thread, and a process for each processor",
            found=f"{threads} threads",
            done=STANDS,
            hint=f"dask worker {terms.address} --nworkers auto --nthreads 1   then type the same again",
        )
    try:
        found = "another folder of that name" if _files(terms.seen) != terms.files else None
    except OSError as refused:
        found = refused.strerror or str(refused)
    if found:
        raise CurateError(
            "a worker of the cluster does not see the files",
            where=f"{worker}: {terms.seen}",
            expected="the folder that this machine sees under that name",
            found=found,
            done=STANDS,
            hint="put it on a disk that all machines have mounted at one place, then type the same again",
        )
