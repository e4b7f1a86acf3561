"""The folders of artifacts below one folder, each held against its own hashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from curate.audit.finding import Finding

Found = tuple[list[Finding], int]
"""What is wrong, and how many files are whole."""


def check_each(folder: Path, check: Callable[[Path], Found]) -> Found:
    """Return what `check` finds in all folders below this one together; hidden ones are still being written."""
    findings: list[Finding] = []
    whole = 0
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and not path.name.startswith("."):
            found, intact = check(path)
            findings += found
            whole += intact
    return findings, whole
