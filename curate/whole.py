"""Files and folders that are whole or not there: made under another name beside the final one, then moved."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write a small text file; the old one stands until the new one is whole. Raises OSError as the system does."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file; the old one stands until the new one is whole. Raises OSError as the system does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def seal(path: Path) -> None:
    """Write the sha256 of a file beside it, as `sha256sum --check` reads it. Raises OSError as the system does."""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    write_text(seal_of(path), f"{found}  {path.name}\n")


def seal_of(path: Path) -> Path:
    """Return where the seal of a file is, or would be."""
    return path.with_name(f"{path.name}.sha256")


def sealed(path: Path) -> str | None:
    """Return the sha256 that a file's seal says, None where it has none; of a damaged one, all that it says."""
    try:
        said = seal_of(path).read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    sha256 = said[:64]
    return sha256 if said == f"{sha256}  {path.name}\n" else repr(said)


@contextmanager
def folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`, which gets that name when all that stands inside went well.

    An empty folder of that name is replaced; raises OSError where another is there, or as the system does, and then
    nothing half-written is left.
    """
    temporary = path.with_name(f".{path.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_dir():
            path.rmdir()
        temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
