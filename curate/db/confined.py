"""The process in which an auditor's query runs: it can open nothing more, grow no further, and is ended from outside.

Started by `curate.db.questions`. It reads its question from stdin as one line of
JSON, says `ready`, and answers with an Arrow stream on stdout, or with an error as JSON on stderr.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from curate.db import opening
from curate.db.scripts import views
from curate.errors import CurateError, UsageError

READY = b"ready\n"
OUT_OF_TIME = -24  # how a process ends that SIGXCPU ends
REFUSED = 3  # exit code: the error stands on stderr
_BATCH = 10_000  # rows that stream at a time, as long as they are small
_MESSAGE = 8_000_000  # bytes that stream at a time
_WIDEST = 64_000_000  # bytes of one row
_VIEWS = "curate sql --views"

_ASKING = ("SELECT", "MULTI")  # MULTI is what DuckDB makes of a pivot

_SETTINGS = (
    "set python_enable_replacements = false",
    "set autoinstall_known_extensions = false",
    "set autoload_known_extensions = false",
    "set temp_directory = ''",
    "set enable_external_access = false",
)


class QueryError(UsageError):
    """The query of an auditor cannot be answered; DuckDB's own words say why."""


def main() -> int:
    """Answer the question that stands on stdin; return the exit code."""
    question = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        _answer(Path(question["path"]), question["query"], question["memory"], question["processor"])
    except CurateError as told:
        json.dump({"kind": type(told).__name__, **told.parts()}, sys.stderr)
        return REFUSED
    except BrokenPipeError:
        return 0  # who asked has enough
    return 0


def _end_with_parent() -> None:
    """End when the parent does, however it ends: it holds the other end of stdin as long as it lives."""
    while os.read(0, 1):
        pass
    os._exit(0)


def _answer(path: Path, query: str, memory: int, processor: int) -> None:
    connection = opening.connect(path, read_only=True)
    for setting in (*_SETTINGS, f"set memory_limit = '{memory}B'", "set lock_configuration = true"):
        connection.execute(setting)
    connection.sql("select 1").to_arrow_reader(1).read_all()  # whatever is loaded late is loaded now
    lacking = _lacking(connection)
    _wall_in(memory, processor)
    out = sys.stdout.buffer
    out.write(READY)
    out.flush()
    try:
        _send(_relation(connection, query).to_arrow_reader(_BATCH))
    except (duckdb.Error, pa.ArrowException, MemoryError, OSError) as refused:
        if isinstance(refused, BrokenPipeError):
            raise
        raise _other_version(refused, path, lacking) or _told(refused, memory) from refused


def _wall_in(memory: int, processor: int) -> None:
    """Take from this process what no query needs: files, sockets, more memory, time without end.

    DuckDB's own lock holds too; this holds where its lock has a hole, and what it does not count.
    """
    try:
        import resource
    except ImportError:  # no Unix: DuckDB's lock and the clock of the parent remain
        return
    for limit, used, spare in (
        (resource.RLIMIT_DATA, memory + memory // 4 + 500_000_000, 0),
        (resource.RLIMIT_CPU, processor, 5),  # SIGXCPU comes first, and says why: SIGKILL would not
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, 0, 0),
    ):
        hard = used + spare
        most = resource.getrlimit(limit)[1]
        if most != resource.RLIM_INFINITY:
            hard = min(hard, most)
        with contextlib.suppress(ValueError, OSError):  # a system that does not know this one keeps the others
            resource.setrlimit(limit, (min(used, hard), hard))


def _lacking(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the views that this version makes and the corpus does not have."""
    found = connection.execute("select table_name from information_schema.tables").fetchall()
    return sorted(set(views()) - {name for (name,) in found})


def _other_version(refused: Exception, path: Path, lacking: list[str]) -> CurateError | None:
    """Return the error about a view that is listed but not there, None where it is about anything else."""
    words = str(refused)
    if isinstance(refused, duckdb.CatalogException) and any(f" {name} does not exist" in words for name in lacking):
        return opening.another_version(path, words.strip())
    return None


def _relation(connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.DuckDBPyRelation:
    statements = connection.extract_statements(query)
    if not statements:
        raise QueryError("the query is empty", hint='curate sql "select * from class_balance"')
    if len(statements) > 1:
        raise QueryError("one query at a time", found=f"{len(statements)} statements", hint="ask them one by one")
    kind = _kind(connection, statements[0])
    if kind not in _ASKING:
        raise QueryError(
            "a query asks, and does nothing else",
            expected="select, from, with, describe, show, summarize, pivot or explain",
            found=kind.lower().replace("_", " "),
            done="nothing was changed",
            hint=_VIEWS,
        )
    relation = connection.sql(query)
    if relation is None:
        raise QueryError("this asks nothing", expected="a query that returns rows", hint=_VIEWS)
    return relation


def _kind(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> str:
    """Return what a statement does: of an `explain` what it explains, since `explain analyze` does that too."""
    kind, text = statement.type.name, statement.query.encode()
    starts = [place for place, token in duckdb.tokenize(statement.query) if token != duckdb.token_type.comment]
    first = text[starts[0] :].decode()
    if not first.lower().startswith("explain"):
        return "CREATE" if kind == "MULTI" and first.lower().startswith("create") else kind
    rest = text[starts[1] :].decode()
    if rest.lower().startswith("analyze"):
        rest = text[starts[2] :].decode()
    after_options = rest.partition(")")[2] if rest.startswith("(") else rest
    for explained in (rest, after_options):
        with contextlib.suppress(duckdb.Error):
            (inner,) = connection.extract_statements(explained)
            return _kind(connection, inner)
    return kind


def _send(reader: pa.RecordBatchReader) -> None:
    schema = _told_apart(reader.schema)
    with pa.ipc.new_stream(sys.stdout.buffer, schema) as out:
        sys.stdout.buffer.flush()
        for batch in reader:
            for part in _parts(pa.RecordBatch.from_arrays(batch.columns, schema=schema)):
                out.write_batch(part)
            sys.stdout.buffer.flush()
    sys.stdout.buffer.flush()


def _parts(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Return the batch in pieces that who reads it can hold."""
    size = batch.get_total_buffer_size()
    if batch.num_rows <= 1 or size <= _MESSAGE:
        if size > _WIDEST and batch.nbytes > _WIDEST:
            raise QueryError(
                "a row is too large",
                expected=f"at most {_WIDEST // 1_000_000} MB",
                found=f"{batch.nbytes // 1_000_000:,} MB",
                done="the query was stopped",
                hint="select fewer columns, or shorten the text: left(x, 1000)",
            )
        return [batch]
    rows = max(1, batch.num_rows * _MESSAGE // size)
    if rows >= batch.num_rows:
        return [batch]
    pieces = (batch.slice(start, rows) for start in range(0, batch.num_rows, rows))
    return [part for piece in pieces for part in _parts(_compact(piece))]


def _compact(piece: pa.RecordBatch) -> pa.RecordBatch:
    """Return a slice with buffers of its own, so that its size is that of its rows."""
    return pa.RecordBatch.from_arrays([pa.concat_arrays([column]) for column in piece.columns], schema=piece.schema)


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


def _told(refused: Exception, memory: int) -> CurateError:
    words = str(refused).strip().replace("\n", "\n" + 12 * " ")  # the marker below the word stays below it
    if isinstance(refused, MemoryError | duckdb.OutOfMemoryException | pa.ArrowMemoryError) or (
        "bad_alloc" in words or "Out of Memory" in words
    ):
        return too_large(memory)
    is_file = "Too many open files" in words
    if is_file or "file system operations are disabled" in words:
        return QueryError(
            "a query reads the corpus alone",
            expected="tables and views of the corpus",
            # No file at all may be opened any more, the corpus's own neither: by that limit, which DuckDB names.
            found="a file" if is_file else words,
            done="no other file was opened",
            hint=_VIEWS,
        )
    if "read-only mode" in words or "configuration has been locked" in words:
        return QueryError("a query asks, and does nothing else", found=words, done="nothing was changed", hint=_VIEWS)
    return QueryError("the query cannot be answered", found=words, hint=_VIEWS)


def too_large(memory: int) -> QueryError:
    """Return the error about a query that wants more memory than it may have."""
    return QueryError(
        "the query needs more memory than it may have",
        expected=f"at most {memory / 1e9:g} GB",
        done="it was stopped; nothing was changed",
        hint="add a where or a limit, select fewer columns, or count instead of listing",
    )


def parsed(told: dict[str, Any]) -> CurateError:
    """Return the error that the process told on stderr."""
    from curate import errors

    kind = told.pop("kind")
    made: type[CurateError] = QueryError if kind == "QueryError" else getattr(errors, kind)
    told["hint"] = told.pop("next", None)
    return made(told.pop("what"), **told)
