"""The folder that an export is written to: whole or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate import whole
from curate.errors import CorpusError


@contextmanager
def target(out: Path) -> Iterator[Path]:
    """Yield an empty folder beside `out`, which gets that name when all that stands inside went well.

    Raises CorpusError where `out` is there already and is no empty folder, or where the disk is full or refuses; then
    `out` is what it was before, and nothing half-written is left beside it.
    """
    require_empty(out)
    out = out.resolve()
    try:
        with whole.folder(out) as part:
            yield part
            require_empty(out)
    except OSError as refused:
        raise CorpusError(
            "the export could not be written",
            where=str(out),
            found=str(refused),
            done="what was half written is gone again",
            hint="make room or mend the folder, then type the same again",
        ) from refused


def require_empty(out: Path) -> None:
    """Raise CorpusError where `out` is a file, or a folder with something in it, or with you in it."""
    found = None
    if out.is_dir() and not out.is_symlink():
        count = sum(1 for _ in out.iterdir())
        found = f"{count} files and folders" if count else None
        if out.samefile(Path()):
            found = "the folder that you stand in, which would be replaced"
    elif out.exists() or out.is_symlink():
        found = "a link" if out.is_symlink() else "a file"
    if found:
        raise CorpusError(
            "the target of the export is not empty",
            where=str(out),
            expected="a folder that is empty, or is not there yet",
            found=found,
            done="nothing was changed",
            hint="name another folder with --out, or empty this one",
        )
