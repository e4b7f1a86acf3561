"""A finished export on its way to object storage, which knows no renaming: what proves that it is whole goes last."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from curate import storage
from curate.errors import StorageError
from curate.report import Progress

_THREADS = 8
_LAST = ("features.json", "dataset_info.json", "metadata.json", "index.json", "index.json.sha256", "DATA_CARD.md")


def send(folder: Path, out: Path, progress: Progress) -> None:
    """Put all files of a folder below an address: several at a time, but those by which readers find the others in the
    end, one by one; `DATA_CARD.md` is the last of every export.

    Raises StorageError where the storage is not reached, or refuses; what was put there is taken away again.
    """
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    last = [name for name in _LAST if name in files]
    begun: list[str] = []
    guard = threading.Lock()
    try:
        with progress("send", sum(path.stat().st_size for path in files.values()), "B") as advance:

            def put(name: str) -> None:
                with guard:
                    begun.append(name)
                storage.put(files[name], out / name)
                with guard:
                    advance(files[name].stat().st_size)

            with ThreadPoolExecutor(_THREADS) as pool:
                try:
                    for _ in pool.map(put, [name for name in files if name not in last]):
                        pass
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            for name in last:
                put(name)
    except BaseException as error:
        _take_back(out, begun, error)
        raise


def _take_back(out: Path, names: list[str], error: BaseException) -> None:
    """Remove what was put; raise StorageError that says of one what was done about it."""
    done = "what was sent is taken away again"
    try:
        for name in names:
            storage.remove(out / name)
    except StorageError:
        done = f"up to {len(names)} objects are left there; to remove them: {storage.removal(out, all_below=True)}"
    if isinstance(error, StorageError):
        told = error.parts()
        raise StorageError(
            error.what, where=str(out), found=told.get("found"), done=done, hint=told.get("next")
        ) from error
