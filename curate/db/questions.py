"""Questions of auditors: answered read only, bounded, in a stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from curate.db import opening
from curate.errors import UsageError

_BATCH = 10_000  # rows that stream at a time


class QueryError(UsageError):
    """The query of an auditor cannot be answered; DuckDB's own words say why."""


@contextmanager
def answer(path: Path, query: str, *, memory: str = "2GB", seconds: float = 60.0) -> Iterator[pa.RecordBatchReader]:
    """Answer an auditor's query on the corpus at `path`: read only, no other file, no extension, bounded.

    The rows stream in batches, so that the largest answer needs no more memory than a batch; columns of one name are
    told apart (`id`, `id_1`). `seconds` are DuckDB's own: who reads the rows may take any time. Raises QueryError for
    a query that DuckDB refuses, that would write, or that takes longer than `seconds`; CorpusError where there is no
    corpus.
    """
    opening.require(path)
    connection = opening.connect(path, read_only=True)
    clock = _Clock(connection, seconds)
    try:
        for setting in (
            "set python_enable_replacements = false",
            "set autoinstall_known_extensions = false",
            "set autoload_known_extensions = false",
            f"set memory_limit = '{memory}'",
            "set temp_directory = ''",
            "set enable_external_access = false",
            "set lock_configuration = true",
        ):
            connection.execute(setting)
        statements = connection.extract_statements(query)
        if not statements:
            raise QueryError("the query is empty", hint='curate sql "select * from class_balance"')
        if len(statements) > 1:
            raise QueryError("one query at a time", found=f"{len(statements)} statements", hint="ask them one by one")
        with clock.running():
            relation = connection.sql(query)
            if relation is None:
                raise QueryError("this asks nothing", expected="a query that returns rows", hint="curate sql --views")
            reader = relation.to_arrow_reader(_BATCH)
        yield pa.RecordBatchReader.from_batches(_told_apart(reader.schema), _batches(reader, clock))
    except (duckdb.Error, pa.ArrowException) as refused:
        raise _refused(refused, seconds) from refused
    finally:
        connection.close()


def ask(path: Path, query: str, *, memory: str = "2GB", seconds: float = 60.0) -> pa.Table:
    """Return the whole answer to a query as one table; see `answer`, which streams."""
    with answer(path, query, memory=memory, seconds=seconds) as reader:
        return reader.read_all()


class _Clock:
    """The time that a query may take in all, spent only while DuckDB works on it; then it is interrupted."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, seconds: float) -> None:
        self._connection = connection
        self.seconds = seconds
        self._left = seconds

    @contextmanager
    def running(self) -> Iterator[None]:
        """Spend time while what stands inside runs."""
        started = time.monotonic()
        timer = threading.Timer(self._left, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            with opening.stoppable():
                yield
        finally:
            timer.cancel()
            self._left = max(0.0, self._left - (time.monotonic() - started))


def _batches(reader: pa.RecordBatchReader, clock: _Clock) -> Iterator[pa.RecordBatch]:
    schema = _told_apart(reader.schema)
    try:
        while True:
            with clock.running():
                batch = reader.read_next_batch()
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
    except StopIteration:
        return
    except (duckdb.Error, pa.ArrowException, OSError) as refused:  # Arrow says DuckDB's errors in its own classes
        raise _refused(refused, clock.seconds) from refused


def _refused(error: Exception, seconds: float) -> QueryError:
    if isinstance(error, duckdb.InterruptException) or "interrupted" in str(error).lower():
        return QueryError(f"the query took longer than {seconds:g} s and was stopped", hint="add a where or a limit")
    return QueryError("the query cannot be answered", found=str(error), hint="curate sql --views")


def _told_apart(schema: pa.Schema) -> pa.Schema:
    """Give a column whose name stands before it already a number."""
    seen: set[str] = set()
    fields = []
    for field in schema:
        name, number = field.name, 0
        while name in seen:
            number += 1
            name = f"{field.name}_{number}"
        seen.add(name)
        fields.append(field.with_name(name))
    return pa.schema(fields)
