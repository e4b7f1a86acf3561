"""The rows of an answer as a table, CSV, JSON or Parquet; they stream, so that the largest answer fits."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from curate.cli import plain
from curate.cli.skin import Skin
from curate.csv_rows import CsvRows
from curate.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

_SHOWN = 1000  # rows of a table that a person may still read
_COUNTED = 1_000_000  # rows up to which those that are not shown are counted


def show_table(skin: Skin, reader: pa.RecordBatchReader) -> None:
    """Print the first rows as a table that fits the terminal, and how many there are."""
    from curate.text_table import fitting, text_table

    rows: list[dict[str, Any]] = []
    count = 0
    for batch in reader:
        count += batch.num_rows
        if len(rows) < _SHOWN:
            rows += batch.slice(0, _SHOWN - len(rows)).to_pylist()
        if count > _COUNTED:
            break
    names = reader.schema.names
    shown, widest = fitting(rows, names, shutil.get_terminal_size().columns) if sys.stdout.isatty() else (names, None)
    skin.say(text_table(rows, shown, widest=widest))
    if len(shown) < len(names):
        skin.say(f"({len(shown)} of {len(names)} columns fit; name those that you want, or --format csv gives all)")
    if count > _COUNTED:
        skin.say(f"(the first {len(rows):,} of more than {_COUNTED:,} rows; --format csv gives all)")
    elif count > len(rows):
        skin.say(f"(the first {len(rows):,} of {count:,} rows; --format csv gives all)")
    else:
        skin.chat(f"({count:,} rows)")


def write_csv(skin: Skin, reader: pa.RecordBatchReader) -> None:
    """Print all rows as CSV; what is no plain value stands as JSON in its cell."""
    out = CsvRows(sys.stdout)
    out.row(reader.schema.names)
    for batch in reader:
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            out.row([_cell(value) for value in row])


def write_json(skin: Skin, reader: pa.RecordBatchReader) -> None:
    """Print all rows as one JSON array of objects."""
    between = "[\n  "
    for batch in reader:
        for row in batch.to_pylist():
            click.echo(between + plain.line(row), nl=False)
            between = ",\n  "
    click.echo("[]" if between == "[\n  " else "\n]")


def write_parquet(skin: Skin, reader: pa.RecordBatchReader) -> None:
    """Write all rows as Parquet to stdout. Raises UsageError for a terminal, or for columns that Parquet lacks."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if sys.stdout.isatty():
        raise UsageError(
            "Parquet is no text for a terminal", hint='curate sql "from corpus" --format parquet > corpus.parquet'
        )
    try:
        with pq.ParquetWriter(sys.stdout.buffer, reader.schema) as out:
            for batch in reader:
                out.write_batch(batch)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as unknown:
        raise UsageError(
            "a column has no form in Parquet", found=str(unknown), hint="cast it in the query, for instance x::varchar"
        ) from unknown


FORMS: Mapping[str, Callable[[Skin, pa.RecordBatchReader], None]] = {
    "table": show_table,
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict | bytes):
        return plain.line(value)
    return plain.plain(value)
