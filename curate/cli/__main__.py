"""`python -m curate.cli` is `curate`."""

from __future__ import annotations

from curate.cli import main

main()
