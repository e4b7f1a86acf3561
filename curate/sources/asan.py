"""ASAN: 32 sheets of thumbnails, one per subset, verification and class."""

from __future__ import annotations

from collections.abc import Iterator

from curate.files import Files
from curate.records import Claim
from curate.sources import thumbnails


def parse(files: Files) -> Iterator[Claim]:
    """Yield a plain Sheet per PNG, named `<train|test>-<biopsy|non-biopsy>-<class>`, spaces written `-`.

    Raises ParseError for a name that does not fit.
    """
    yield from thumbnails.sheets(files, "asan")
