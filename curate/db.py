"""The only door to DuckDB: runs the `.sql` files of `curate/sql`, takes and gives Arrow tables."""

from __future__ import annotations

import functools
import os
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from curate.errors import CorpusError, CurateError, UsageError

SQL = Path(__file__).parent / "sql"
_BATCH = 10_000  # rows that stream at a time

_NO_ROOM = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException)

# DuckDB 2.0.0 takes two joined subqueries that differ only in their grouping column for one, and gives wrong rows;
# without that optimizer the rows are right (a test in tests/test_db.py holds it).
_SOUND = "set disabled_optimizers = 'common_subplan'"


class QueryError(UsageError):
    """The query of an auditor cannot be answered; DuckDB's own words say why."""


@functools.cache
def script(name: str) -> str:
    """Return the text of `curate/sql/<name>.sql`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def sentence(name: str) -> str:
    """Return the first line of a script: what one row of it is."""
    return script(name).partition("\n")[0].removeprefix("--").strip()


def views() -> list[str]:
    """Return the names of the views for auditors, in alphabetical order."""
    return sorted(path.stem for path in (SQL / "views").glob("*.sql"))


class Database:
    """One open corpus database; use it as a context manager.

    Raises CorpusError where the file is not there (and not to be created), is in use by another process, or is not
    DuckDB's.
    """

    def __init__(self, path: Path, *, read_only: bool = False, create: bool = False) -> None:
        self.path = path
        if create and not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.exists():
            raise CorpusError("there is no corpus here yet", where=str(path), hint="curate build")
        try:
            if not path.exists():
                _make(path)
            self._connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as refused:
            raise _not_opened(path, str(refused)) from refused
        self._connection.execute(_SOUND)

    @classmethod
    def pair(cls, before: Path, after: Path) -> Database:
        """Open two corpora read-only in one connection, as `before` and `after`; its own tables are in memory alone.

        Raises CorpusError where one of the files is not there, is in use, or is not DuckDB's.
        """
        both = cls.__new__(cls)
        both.path, both._connection = after, duckdb.connect()
        both._connection.execute(_SOUND)
        for name, path in (("before", before), ("after", after)):
            try:
                both._connection.execute(f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {name} (read_only)")
            except duckdb.Error as refused:
                both.close()
                if not path.exists():
                    raise CorpusError("there is no corpus here yet", where=str(path), hint="curate build") from refused
                if "could not set lock" in str(refused).lower():
                    raise _not_opened(path, str(refused)) from refused
                raise CorpusError(
                    "this is no corpus database",
                    where=str(path),
                    found=str(refused).partition("\n")[0],
                    hint="name a root in which curate build has run, or its corpus.duckdb",
                ) from refused
        return both

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, so that another process may open it."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that stands inside, or nothing of it."""
        self._execute("begin")
        try:
            yield
        except BaseException:
            self._execute("rollback")
            raise
        self._execute("commit")

    def build(self, *names: str, **values: Any) -> None:
        """Run `curate/sql/<name>.sql` for each name; `$word` in it is bound to `values["word"]`."""
        for name in names:
            text = script(name)
            bound = {word: value for word, value in values.items() if f"${word}" in text}
            self._execute(text, bound or None)

    def select(self, name: str, /, **values: Any) -> pa.Table:
        """Run a script that selects, and return its rows as an Arrow table."""
        with self._hearing():
            return self._connection.sql(script(name), params=values or None).to_arrow_table()

    def rows(self, name: str, /, **values: Any) -> list[dict[str, Any]]:
        """Run a script that selects, and return its rows as dictionaries."""
        rows: list[dict[str, Any]] = self.select(name, **values).to_pylist()
        return rows

    def has(self, table: str) -> bool:
        """Whether a table or view of this name exists."""
        with self._hearing():
            found = self._connection.execute(
                "select count(*) from information_schema.tables where table_name = ?", [table]
            ).fetchall()
        return bool(found[0][0])

    def require(self, table: str, stage: str) -> None:
        """Raise CorpusError where the table that `stage` leaves is not here yet."""
        if not self.has(table):
            raise CorpusError(
                f"{stage} has not run yet", where=str(self.path), expected=f"its table {table}", hint="curate build"
            )

    def table(self, name: str) -> pa.Table:
        """Return a whole table, rows in the table's order."""
        with self._hearing():
            return self._connection.table(name).to_arrow_table()

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        with self._hearing():
            found = self._connection.execute(f'select count(*) from "{table}"').fetchall()
        return int(found[0][0])

    def replace(self, name: str, rows: pa.Table) -> None:
        """Replace a whole table by `rows`."""
        self._connection.register("arrow_rows", rows)
        self._execute(f'create or replace table "{name}" as select * from arrow_rows')
        self._connection.unregister("arrow_rows")

    def replace_source(self, name: str, source: str, rows: pa.Table) -> None:
        """Replace the rows of one source in a table that has a column `source`."""
        self._execute(f'delete from "{name}" where source = ?', [source])
        self._add("insert", name, rows)

    def insert(self, name: str, rows: pa.Table) -> None:
        """Add facts; a fact that is there already (by the table's key) stays as it is."""
        self._add("insert or ignore", name, rows)

    @contextmanager
    def lent(self, **tables: pa.Table) -> Iterator[None]:
        """Let scripts read Arrow tables by these names, inside the `with` only; nothing is written into the corpus."""
        for name, rows in tables.items():
            self._connection.register(name, rows)
        try:
            yield
        finally:
            for name in tables:
                self._connection.unregister(name)

    def _execute(self, text: str, values: Any = None) -> None:
        with self._hearing():
            self._connection.execute(text, values)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        """Say a full disk as our own error, and Ctrl-C as Python does."""
        try:
            yield
        except _NO_ROOM as refused:
            raise _not_written(self.path, str(refused)) from refused
        except duckdb.InterruptException as stopped:
            raise KeyboardInterrupt from stopped

    def _add(self, how: str, name: str, rows: pa.Table) -> None:
        self._connection.register("arrow_rows", rows)
        self._execute(f'{how} into "{name}" by name select * from arrow_rows')
        self._connection.unregister("arrow_rows")


@contextmanager
def answer(path: Path, query: str, *, memory: str = "2GB", seconds: float = 60.0) -> Iterator[pa.RecordBatchReader]:
    """Answer an auditor's query on the corpus at `path`: read only, no other file, no extension, bounded.

    The rows stream in batches, so that the largest answer needs no more memory than a batch; columns of one name are
    told apart (`id`, `id_1`). `seconds` are DuckDB's own: who reads the rows may take any time. Raises QueryError for
    a query that DuckDB refuses, that would write, or that takes longer than `seconds`; CorpusError where there is no
    corpus.
    """
    if not path.exists():
        raise CorpusError("there is no corpus here yet", where=str(path), hint="curate build")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as refused:
        raise _not_opened(path, str(refused)) from refused
    clock = _Clock(connection, seconds)
    try:
        for setting in (
            _SOUND,
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


def _make(path: Path) -> None:
    """Make an empty database under another name first: a file that is cut short never stands under the final name."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        duckdb.connect(str(temporary)).close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, words: str) -> CurateError:
    return CorpusError(
        "the corpus database cannot be written",
        where=str(path),
        found=words.partition("\n")[0],
        done="what was written before stands",
        hint="make room on the disk, then type the same again",
    )


def _not_opened(path: Path, words: str) -> CurateError:
    if "could not write" in words.lower():
        return _not_written(path, words)
    if "could not set lock" in words.lower():
        return CorpusError(
            "another curate works on this root",
            where=str(path),
            found=words.split(". ")[0],
            hint="wait until it is done, or stop it, then type the same again",
        )
    return CorpusError(
        "the corpus database cannot be opened",
        where=str(path),
        found=words.split("\n")[0],
        hint=f"rm {shlex.quote(str(path))}   (only time is lost: curate build makes it again)",
    )
