"""A corpus file, opened or not: and if not, why, and what to type."""

from __future__ import annotations

import glob
import os
import secrets
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from curate.errors import CorpusError, CurateError

NO_ROOM = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.FatalException)

# Our scripts fit the tables that this version makes: what they do not find, another version made otherwise.
OTHER_FORM = (duckdb.CatalogException, duckdb.BinderException)

_PAUSE = 0.05  # seconds between two tries to open a file that is in use

# DuckDB 2.0.0 takes two joined subqueries that differ only in their grouping column for one, and gives wrong rows;
# without that optimizer the rows are right (a test in tests/test_db.py holds it).
SOUND = "set disabled_optimizers = 'common_subplan'"

# Of what takes longer than two seconds DuckDB draws a bar on stdout, where results stand, for no terminal too.
SILENT = "set enable_progress_bar = false"

MEMORY = 3_000_000_000
"""Bytes that DuckDB may hold of one corpus; what is more lies beside it on the disk meanwhile. Left to itself it takes
four fifths of the machine, and a build would need what the machine has: so a million rows need less than 8 GB anywhere,
with the rest of the process, and a corpus of this size is built as fast as with all memory."""

_SPILL = ".spill-"


def connect(path: Path, *, read_only: bool, patience: float = 0.0) -> duckdb.DuckDBPyConnection:
    """Open the file; where it is to be written and not there, make it. Raises CorpusError where it cannot be.

    `patience`: so many seconds it waits for another that has it open.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            with stoppable():
                if not read_only and not path.exists():
                    _make(path)
                connection = duckdb.connect(str(path), read_only=read_only)
        except duckdb.Error as refused:
            if not _in_use(str(refused)) or time.monotonic() > deadline:
                raise not_opened(path, str(refused)) from refused
            time.sleep(_PAUSE)
        else:
            break
    alone = settle(connection, None if read_only else path)
    if alone and not read_only:
        # Who writes is alone with the file: what else lies here of this kind was left by runs that were killed.
        for left in path.parent.glob(f"{glob.escape(f'.{path.name}{_SPILL}')}*"):
            shutil.rmtree(left, ignore_errors=True)
    return connection


def settle(connection: duckdb.DuckDBPyConnection, path: Path | None) -> bool:
    """Let a connection be sound, silent, and hold `MEMORY` at most; what is more lies in a folder of its own, gone when
    it is closed: beside the file at `path` that it writes, or, where it only reads, in the system's temporary folder.

    Returns whether the folder is new: False where another connection of this process has the file open too.
    """
    with stoppable():
        connection.execute(SOUND)
        with suppress(duckdb.InvalidInputException):  # in a notebook that could show no bar it refuses to be told so
            connection.execute(SILENT)
        settings = "select current_setting('temp_directory'), parse_formatted_bytes(current_setting('memory_limit'))"
        ((folder, given),) = connection.execute(settings).fetchall()
        is_new = _SPILL not in folder  # else another connection of this process has the file open, and both share one
        if is_new:
            name = f"{_SPILL}{os.getpid()}-{secrets.token_hex(4)}"
            here = path.with_name(f".{path.name}{name}") if path else Path(tempfile.gettempdir()) / f"curate{name}"
            connection.execute(f"set temp_directory = '{str(here).replace(chr(39), chr(39) * 2)}'")
        connection.execute(f"set memory_limit = '{min(MEMORY, given)}B'")
    return is_new


@contextmanager
def stoppable() -> Iterator[None]:
    """Let Ctrl-C be Ctrl-C: DuckDB, which hears it first while it works, says it as an error of its own; also where it
    comes while DuckDB asks Python for a table.
    """
    try:
        yield
    except duckdb.InterruptException as stopped:
        raise KeyboardInterrupt from stopped
    except duckdb.InvalidInputException as stopped:
        if "KeyboardInterrupt" not in str(stopped) and "SystemExit" not in str(stopped):
            raise
        raise KeyboardInterrupt from stopped
    except RuntimeError as stopped:
        if str(stopped) != "Query interrupted":
            raise
        raise KeyboardInterrupt from stopped


def require(path: Path) -> None:
    """Raise CorpusError where there is no file."""
    if not path.exists():
        raise CorpusError("there is no corpus here yet", where=str(path), hint="curate build")


def is_unfinished(path: Path) -> bool:
    """Tell whether changes lie beside the file that are not in it yet: who made them was killed, or is at it."""
    return path.with_name(f"{path.name}.wal").exists()


def _make(path: Path) -> None:
    """Make an empty database under another name first: a file that is cut short never stands under the final name."""
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        duckdb.connect(str(temporary)).close()
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def told(path: Path, refused: duckdb.Error) -> CurateError | None:
    """Return what an error of DuckDB's is to a user: a damaged file, a full disk; None for a bug of ours."""
    words = str(refused)
    if is_damaged(refused):
        return damaged(path, words)
    if isinstance(refused, NO_ROOM):
        return not_written(path, words)
    if isinstance(refused, OTHER_FORM):
        return another_version(path, words)
    return None


def is_damaged(refused: duckdb.Error) -> bool:
    """Tell whether DuckDB has met a block whose bytes are no longer those that it wrote."""
    return "corrupt database" in str(refused).lower()


def damaged(path: Path, words: str) -> CurateError:
    """Return the error about a file in which a bit has flipped; `words` are DuckDB's."""
    return CorpusError(
        "the corpus database is damaged",
        where=str(path),
        found=words.partition("\n")[0],
        hint=f"rm {shlex.quote(str(path))} && curate build   (only time is lost)",
    )


def not_written(path: Path, words: str) -> CurateError:
    """Return the error about a full disk; `words` are DuckDB's."""
    return CorpusError(
        "the corpus database cannot be written",
        where=str(path),
        found=words.partition("\n")[0],
        done="what was written before stands",
        hint="make room on the disk, then type the same again",
    )


def another_version(path: Path, words: str) -> CurateError:
    """Return the error about tables that are not as this version makes them; `words` are DuckDB's."""
    root = shlex.quote(str(path.parents[1]))
    return CorpusError(
        "this corpus is not finished, or another version of curate made it",
        where=str(path),
        expected="the tables that this version makes",
        found=words.partition("\n")[0],
        done="nothing was changed",
        hint=f"curate --root {root} build; if it says so again, first: rm {shlex.quote(str(path))}",
    )


def _in_use(words: str) -> bool:
    return "could not set lock" in words.lower()


def not_opened(path: Path, words: str) -> CurateError:
    """Return the error about a file that cannot be opened; `words` are DuckDB's."""
    if "could not write" in words.lower():
        return not_written(path, words)
    if _in_use(words):
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
