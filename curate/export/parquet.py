"""parquet: every record in one typed table, also those that were left out, with their reason."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curate.export.selection import Selection

NEEDS_PICTURES = False
FILE = "records.parquet"


def write(chosen: Selection, folder: Path) -> None:
    """Write `records.parquet`: one row per record, sorted by id; `in_corpus` says which are pictures of the corpus."""
    write_records(chosen.records(), folder)


def write_records(records: pa.Table, folder: Path) -> None:
    """Write the records of a selection."""
    pq.write_table(records, folder / FILE, compression="zstd", row_group_size=1 << 16)
