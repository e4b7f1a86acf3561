"""Hash many files at once, and tell how far it is, byte by byte."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from curate import checksums
from curate.workers import available
from curate.workspace import Workspace

_CHUNK = 4 << 20  # bytes


def hashes(workspace: Workspace, title: str, paths: Iterable[Path], algorithm: str = "sha256") -> dict[Path, str]:
    """Return the hash (hex) of each file; of one that cannot be read, why: `unreadable: ...`.

    `algorithm` is a name in `curate.checksums`.
    """
    wanted = list(paths)
    guard = threading.Lock()
    sizes = sum(path.stat().st_size for path in wanted if path.is_file())
    with workspace.progress(title, sizes, "B") as advance, ThreadPoolExecutor(available()) as pool:

        def told(amount: int) -> None:
            with guard:
                advance(amount)

        # Threads, not processes: hashlib lets go of the interpreter while it works.
        return dict(zip(wanted, pool.map(lambda path: _hash(path, algorithm, told), wanted), strict=True))


def _hash(path: Path, algorithm: str, told: Callable[[int], object]) -> str:
    hashed = checksums.new(algorithm)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hashed.update(chunk)
                told(len(chunk))
    except OSError as refused:
        return f"unreadable: {refused}"
    return hashed.hexdigest()
