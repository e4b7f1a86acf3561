"""Encoded pictures on their way out: the names of their files, and their values beside them."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pyarrow as pa

from curate.corpus_rows import Row
from curate.ml.example import SCHEMA

COLUMNS = tuple(feature.name for feature in SCHEMA if feature.name != "image")
"""What is said of a picture, in the order and the words of the shards' schema; unknown is None."""

TYPES = {"bytes": pa.binary(), "text": pa.string(), "int64": pa.int64(), "float": pa.float64()}
"""How a feature of each kind is stored in Parquet, where what is unknown is null."""

PNG = b"\x89PNG"
"""With what a PNG begins."""

_LONGEST = 90  # letters of a file name: a tar header of the plainest kind holds 100


def file_stem(picture: str) -> str:
    """Return the id as a file name without its suffix.

    Letters, digits, `_` and `-` stay, `:` and `/` become `~`, any other becomes its bytes in hex after `=`.
    No two ids of a corpus share one. There is no dot in it, at which WebDataset would cut the name.

    >>> file_stem("severance:6481/2"), file_stem("ph2:a.b")
    ('severance~6481~2', 'ph2~a=2Eb')
    """
    plain = re.sub("[:/]", "~", re.sub("[^A-Za-z0-9_:/-]", _escape, picture))
    if len(plain) > _LONGEST:
        digest = hashlib.sha256(picture.encode()).hexdigest()[:16]
        plain = f"{plain[: _LONGEST - 17]}~{digest}"
    return plain


def suffix(data: bytes) -> str:
    """Return the suffix of an encoded picture, with its dot: pictures are handed on as JPEG or PNG."""
    return ".png" if data.startswith(PNG) else ".jpg"


def values(row: Row) -> dict[str, Any]:
    """Return what is said of one picture, without where its bytes lie."""
    return {name: row[name] for name in COLUMNS}


def _escape(letter: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in letter[0].encode())
