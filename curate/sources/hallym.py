"""Hallym: two sheets of thumbnails of basal cell carcinoma, a test set."""

from __future__ import annotations

from collections.abc import Iterator

from curate.files import Files
from curate.records import Claim
from curate.sources import thumbnails


def parse(files: Files) -> Iterator[Claim]:
    """Yield a plain Sheet per PNG, named `<part>-<class>`, spaces written `-`.

    Raises ParseError for a name that does not fit.
    """
    yield from thumbnails.sheets(files, "hallym")
