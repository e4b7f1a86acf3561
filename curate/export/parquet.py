"""parquet: every record in one typed table, also those that were left out, with their reason."""

from __future__ import annotations

import itertools
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.export.selection import Selection

NEEDS_PICTURES = False
FILE = "records.parquet"


def write(chosen: Selection, folder: Path) -> None:
    """Write `records.parquet`: one row per record, sorted by id; `in_corpus` says which are pictures of the corpus."""
    write_records(chosen, folder)


def write_records(chosen: Selection, folder: Path) -> pa.Schema:
    """Write the records of a selection, some thousands in memory at a time; return their columns."""
    records = chosen.records()
    first = next(records)
    with pq.ParquetWriter(folder / FILE, first.schema, compression="zstd") as writer:
        for table in itertools.chain((first,), records):
            writer.write_table(table)
    return first.schema
