"""Files and folders that are whole or not there: made under another name beside the final one, then moved."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate import storage
from curate.scratch import scratch, sweep

PARTS = ".*.part-*"
"""The names of folders that are being written, and of those that a killed run has left."""


def write_text(path: Path, text: str) -> None:
    """Write a small text file; the old one stands until the new one is whole. Raises OSError as the system does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file; the old one stands until the new one is whole.

    Raises OSError as the system does, StorageError where it lies on object storage, which is not reached or refuses.
    """
    if storage.is_remote(path):
        storage.put(data, path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def seal(path: Path) -> None:
    """Write the sha256 of a file beside it, as `sha256sum --check` reads it. Raises OSError as the system does."""
    write_text(seal_of(path), f"{sha256(path)}  {path.name}\n")


def sha256(path: Path) -> str:
    """Return the sha256 (hex) of a file. Raises OSError as the system does."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal_of(path: Path) -> Path:
    """Return where the seal of a file is, or would be."""
    return path.with_name(f"{path.name}.sha256")


def sealed(path: Path) -> str | None:
    """Return the sha256 that a file's seal says, None where it has none; of a damaged one, all that it says."""
    try:
        said = seal_of(path).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    digest = said[:64]
    return digest if said == f"{digest}  {path.name}\n" else repr(said)


def unchanged(path: Path) -> bool:
    """Tell whether a file is here with its seal, and was not written since, as far as their times tell."""
    try:
        return path.stat().st_mtime_ns <= seal_of(path).stat().st_mtime_ns
    except FileNotFoundError:
        return False


@contextmanager
def folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside `path`, which gets that name when all that stands inside went well.

    An empty folder of that name is replaced; with `replace` any other too, once the new one is whole. Raises
    CorpusError where another run is at the same, and OSError where another folder is there, or as the system does;
    then nothing half-written is left. What runs that were killed have left beside it is taken away first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_parts(path.parent)
    with scratch(path.parent, f".{path.name}.part-", alone=path) as around:
        part = around / path.name
        part.mkdir()
        yield part
        if replace and path.is_dir():
            path.rename(around / f"{path.name}.before")
        elif path.is_dir():
            path.rmdir()
        part.rename(path)


def sweep_parts(parent: Path) -> None:
    """Take away what runs that were killed while they wrote a folder have left in `parent`."""
    sweep(parent, PARTS)
