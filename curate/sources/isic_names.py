"""How ISIC names a picture, and where its files are."""

from __future__ import annotations

import re

from curate.errors import ParseError
from curate.files import Files
from curate.sources.csv_table import Row

_NAME = re.compile(r"(ISIC_[0-9]{7})(_downsampled)?")
# Copies of the header-less 2016 files were given a header by some hands.
HEADER_WORDS = frozenset({"image", "image_id", "image_name", "isic_id", "id", "name"})


def isic_id(row: Row, name: str) -> str:
    """Return the ISIC id in a challenge's picture `name`: `ISIC_` and seven digits, without `_downsampled`.

    Raises ParseError, naming the `row`, for any other name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise ParseError(
            "that is no ISIC name",
            where=row.where(),
            expected="ISIC_ and seven digits",
            found=repr(name),
            hint="put the official file there and fetch again",
        )
    return match[1]


def picture(files: Files, name: str) -> str | None:
    """Return the path of the picture of that `name`, None where it is not here."""
    return files.named(f"{name}.jpg")


def mask(files: Files, name: str) -> str | None:
    """Return the path of the lesion mask of that picture, None where there is none.

    The 2016 challenge writes `_Segmentation`, the later ones and HAM10000 `_segmentation`.
    """
    return files.named(f"{name}_segmentation.png") or files.named(f"{name}_Segmentation.png")
