"""The folder that an export is written to: whole or not there at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate import storage, whole
from curate.errors import CorpusError
from curate.export.sending import send
from curate.scratch import scratch
from curate.workspace import Workspace

_SCRATCH = ".export-"


@contextmanager
def target(out: Path, workspace: Workspace) -> Iterator[Path]:
    """Yield an empty folder beside `out`, which gets that name when all that stands inside went well.

    Where `out` is on object storage the folder lies in `data_cache`, and what it holds is sent there in the end; the
    data card comes last. Raises CorpusError where `out` is there already and is no empty folder, or where the disk is
    full or refuses, StorageError where the object storage does; then `out` is what it was before, and nothing
    half-written is left beside it.
    """
    require_empty(out)
    if storage.is_remote(out):
        with scratch(workspace.cache, _SCRATCH) as around:
            folder = around / "export"
            folder.mkdir()
            yield folder
            require_empty(out)
            send(folder, out, workspace.progress)
        return
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


def is_on_its_way(folder: Path) -> bool:
    """Tell whether a folder that `target` gave is sent elsewhere and then gone, so that links will do in it."""
    return folder.parent.name.startswith(_SCRATCH)


def require_empty(out: Path) -> None:
    """Raise CorpusError where `out` is a file, or a folder with something in it, or with you in it."""
    found = None
    hint = "name another folder with --out, or empty this one"
    if storage.is_remote(out):
        count = len(storage.below(out)) or int(storage.is_there(out))
        found = f"{count} objects" if count else None
        hint = f"name another address with --out, or empty this one: {storage.removal(out, all_below=True)}"
    elif out.is_dir() and not out.is_symlink():
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
            hint=hint,
        )
