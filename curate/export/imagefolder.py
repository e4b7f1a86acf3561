"""imagefolder: pictures as files, by split and category, with a `metadata.csv` in each split."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate import encoded
from curate.corpus_rows import Row
from curate.csv_rows import CsvRows
from curate.export.pictures import COLUMNS, PNG, TYPES, file_stem, suffix, values
from curate.export.selection import Selection
from curate.ml.example import SCHEMA

NEEDS_PICTURES = True
PICTURES = "pictures.parquet"

_BATCH = 1 << 13  # rows in memory at a time, and in a row group

# pandas guesses the type of a column anew in every 10,000 lines and every file, and `datasets` refuses a column that
# has two: text with nothing in it is taken for numbers, whole numbers with a gap for floats. So there are no gaps.
_UNKNOWN = {"text": "unknown", "int64": -1, "float": None}
_FIELDS = tuple(
    (feature.name, _UNKNOWN[feature.kind]) for feature in SCHEMA if feature.name not in ("image", "source_label")
)
_KINDS = {feature.name: feature.kind for feature in SCHEMA}
_SCHEMA = pa.schema([("file_name", pa.string()), *((name, TYPES[_KINDS[name]]) for name in COLUMNS)])


def write(chosen: Selection, folder: Path) -> None:
    """Write `<split>/<category>/<file name>` and `<split>/metadata.csv`, whose `file_name` is relative to the split.

    What is not known is the word `unknown` in a text, -1 where whole numbers stand and nothing where others do. The
    words of the sources are not in it: some are numbers, or mean nothing to pandas. `pictures.parquet` has all columns,
    with nulls, and paths from the folder itself.
    The form is the one that `load_dataset("imagefolder", data_dir=...)` of Hugging Face reads:
    https://huggingface.co/docs/datasets/image_dataset#imagefolder
    """
    for row, each in encoded.stream(chosen.rows, chosen.tally.pictures, "export"):
        path = folder / row["split"] / _name(row, each.data)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(each.data)
    for split in chosen.tally.splits:
        with (folder / split / "metadata.csv").open("w", encoding="utf-8", newline="") as table:
            out = CsvRows(table)
            out.row(("file_name", *(name for name, _ in _FIELDS)))
            out.rows((_found(folder / split, row), *_said(row)) for row in chosen.rows.ordered("place", split=split))
    with pq.ParquetWriter(folder / PICTURES, _SCHEMA, compression="zstd") as writer:
        ordered = chosen.rows.ordered("id")
        while rows := list(itertools.islice(ordered, _BATCH)):
            told = [
                {"file_name": f"{row['split']}/{_found(folder / row['split'], row)}", **values(row)} for row in rows
            ]
            writer.write_table(pa.Table.from_pylist(told, schema=_SCHEMA))


def _name(row: Row, data: bytes) -> str:
    return f"{row['category']}/{file_stem(row['id'])}{suffix(data)}"


def _found(folder: Path, row: Row) -> str:
    # A picture is a PNG or a JPEG, as it came: which, only its file knows by now.
    names = (_name(row, start) for start in (PNG, b""))
    return next(name for name in names if (folder / name).is_file())


def _said(row: Row) -> Iterator[Any]:
    for name, unknown in _FIELDS:
        yield unknown if row[name] is None else row[name]
