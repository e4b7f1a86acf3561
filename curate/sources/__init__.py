"""The parsers of the sources, one module each: `parse(files)` copies what the source writes and interprets nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path


def version() -> str:
    """Return the version of all parsers together: the first 16 hex digits of the sha256 of their code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
