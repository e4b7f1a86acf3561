"""One open corpus database: runs the scripts, takes and gives Arrow tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from curate import whole
from curate.db import opening
from curate.db.scripts import script
from curate.errors import CorpusError


class Database:
    """One open corpus database; use it as a context manager. `said_of`: the file that errors name, where `path` is a
    copy of it that will be gone. `patience`: so many seconds it waits for another that has the file open.

    Raises CorpusError where the file is not there (and not to be created), is in use by another process, or is not
    DuckDB's.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        create: bool = False,
        said_of: Path | None = None,
        patience: float = 0.0,
    ) -> None:
        self.path = path
        self.said_of = said_of or path
        if create and not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        else:
            opening.require(path)
        self._writes = not read_only
        self._connection = opening.connect(path, read_only=read_only, patience=patience)
        if self._writes:
            whole.seal_of(path).unlink(missing_ok=True)  # until it is closed, no hash holds

    @classmethod
    def pair(cls, before: Path, after: Path) -> Database:
        """Open two corpora read-only in one connection, as `before` and `after`; its own tables are in memory alone.

        Raises CorpusError where one of the files is not there, is in use, or is not DuckDB's.
        """
        both = cls.__new__(cls)
        both.path = both.said_of = after
        both._connection, both._writes = duckdb.connect(), False
        opening.settle(both._connection, None)
        for name, path in (("before", before), ("after", after)):
            try:
                with opening.stoppable():
                    both._connection.execute(
                        f"attach '{str(path).replace(chr(39), chr(39) * 2)}' as {name} (read_only)"
                    )
            except duckdb.Error as refused:
                both.close()
                opening.require(path)
                if "could not set lock" in str(refused).lower():
                    raise opening.not_opened(path, str(refused)) from refused
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
        """Close the file, so that another process may open it; where it was written, leave its sha256 beside it."""
        self._connection.close()
        if self._writes and not opening.is_unfinished(self.path):
            try:
                whole.seal(self.path)
            except OSError as refused:
                raise opening.not_written(self.said_of, str(refused)) from refused

    @contextmanager
    def spilling(self, memory: str) -> Iterator[None]:
        """Hold so much in memory from here on, and what is more on the disk: `spilling("1GB")`.

        Order is not kept there: a script whose rows are looked at says `order by`.
        """
        self._execute(f"set memory_limit = '{memory}'")
        self._execute("set preserve_insertion_order = false")
        yield

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all that stands inside, or nothing of it."""
        self._execute("begin")
        try:
            yield
        except BaseException:
            with suppress(CorpusError):  # that it went wrong is known, and what has not been committed is gone anyway
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

    def batches(self, name: str, /, rows: int = 2048, **values: Any) -> Iterator[pa.RecordBatch]:
        """Run a script that selects, and yield its rows, that many at a time, without holding all of them."""
        with self._hearing():
            yield from self._connection.sql(script(name), params=values or None).to_arrow_reader(rows)

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
        """Raise CorpusError where the table that `stage` leaves is not here yet, or `stage` leaves it since later."""
        if self.has(table):
            return
        if self.has("stage_runs") and stage in self.table("stage_runs").column("stage").to_pylist():
            raise opening.another_version(self.said_of, f"no table {table}, which {stage} leaves")
        raise CorpusError(
            f"{stage} has not run yet", where=str(self.said_of), expected=f"its table {table}", hint="curate build"
        )

    def table(self, name: str) -> pa.Table:
        """Return a whole table, rows in the table's order."""
        with self._hearing():
            return self._connection.table(name).to_arrow_table()

    def schema(self, name: str) -> pa.Schema:
        """Return the columns of a table; none of its rows is read."""
        with self._hearing():
            return self._connection.table(name).limit(0).to_arrow_table().schema

    def count(self, table: str) -> int:
        """Return the number of rows of a table."""
        with self._hearing():
            found = self._connection.execute(f'select count(*) from "{table}"').fetchall()
        return int(found[0][0])

    def replace(self, name: str, rows: pa.Table) -> None:
        """Replace a whole table by `rows`."""
        with self.lent(arrow_rows=rows):
            self._execute(f'create or replace table "{name}" as select * from arrow_rows')

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
        with self._hearing():
            for name, rows in tables.items():
                self._connection.register(name, rows)
        yield
        # Not after an error: its transaction can do nothing any more, and the next table of the name takes its place.
        with self._hearing():
            for name in tables:
                self._connection.unregister(name)

    def _execute(self, text: str, values: Any = None) -> None:
        with self._hearing():
            self._connection.execute(text, values)

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        """Say a damaged file, a full disk, and tables of another form than our scripts know, as our own errors."""
        try:
            with opening.stoppable():
                yield
        except duckdb.Error as refused:
            said = opening.told(self.said_of, refused)
            if said is None:
                raise
            self._writes &= not opening.is_damaged(refused)  # then no hash is to vouch for it
            raise said from refused

    def _add(self, how: str, name: str, rows: pa.Table) -> None:
        with self.lent(arrow_rows=rows):
            self._execute(f'{how} into "{name}" by name select * from arrow_rows')
