"""Hash many files at once, and tell how far it is, byte by byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from curate import checksums, storage
from curate.workers import available
from curate.workspace import Workspace


def hashes(
    workspace: Workspace,
    title: str,
    paths: Iterable[Path],
    algorithm: str = "sha256",
    *,
    sizes: Mapping[Path, int] | None = None,
) -> dict[Path, str]:
    """Return the hash (hex) of each file; of one that cannot be read, why: `unreadable: ...`.

    `algorithm` is a name in `curate.checksums`; `sizes`: in bytes, where they are known. Raises StorageError where
    object storage is not reached.
    """
    wanted = list(paths)
    guard = threading.Lock()
    total = sum((path.stat().st_size if path.is_file() else 0) if sizes is None else sizes[path] for path in wanted)
    with workspace.progress(title, total, "B") as advance, ThreadPoolExecutor(available()) as pool:

        def told(amount: int) -> None:
            with guard:
                advance(amount)

        # Threads, not processes: hashlib lets go of the interpreter while it works.
        return dict(zip(wanted, pool.map(lambda path: _hash(path, algorithm, told), wanted), strict=True))


def _hash(path: Path, algorithm: str, told: Callable[[int], object]) -> str:
    hashed = checksums.new(algorithm)
    try:
        for piece in storage.pieces(path):
            hashed.update(piece)
            told(len(piece))
    except OSError as refused:
        return f"unreadable: {refused}"
    return hashed.hexdigest()
