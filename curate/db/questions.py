"""Questions of auditors: answered read only, bounded, in a stream, by a process that can do nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.db import confined, opening
from curate.db.confined import QueryError

MEMORY = 2_000_000_000  # bytes
SECONDS = 60.0


@contextmanager
def answer(path: Path, query: str, *, memory: int = MEMORY, seconds: float = SECONDS) -> Iterator[pa.RecordBatchReader]:
    """Answer an auditor's query on the corpus at `path`: read only, no other file, no extension, bounded.

    The query runs in a process of its own, which can open nothing more once it has opened the corpus, and is ended
    where it takes too long, whatever it does. The rows stream in batches, so that the largest answer needs no more
    memory than a batch; columns of one name are told apart (`id`, `id_1`). `seconds` are those that are waited for:
    who reads the rows may take any time, in which the query may compute on, for `processor_seconds` in all.
    `memory` is in bytes. Raises QueryError for a query that DuckDB refuses, that would do anything but ask, or that
    needs more time or memory than it may have; CorpusError where there is no corpus, or one of another version.
    """
    opening.require(path)
    question = {"path": str(path.resolve()), "query": query, "memory": memory, "seconds": seconds}
    with _Process(question | {"processor": processor_seconds(seconds)}) as process:
        yield process.reader()


def ask(path: Path, query: str, *, memory: int = MEMORY, seconds: float = SECONDS) -> pa.Table:
    """Return the whole answer to a query as one table, which may be as large as `memory`; see `answer`, which streams.

    >>> ask(workspace.database_path, "select count(*) as pictures from corpus").to_pylist()  # doctest: +SKIP
    [{'pictures': 1354}]
    """
    with answer(path, query, memory=memory, seconds=seconds) as reader:
        batches, size = [], 0
        for batch in reader:
            size += batch.nbytes
            if size > memory:
                raise confined.too_large(memory)
            batches.append(batch)
        return pa.Table.from_batches(batches, schema=reader.schema)


def processor_seconds(seconds: float) -> int:
    """Return how long a query may compute that may be waited for so many seconds: on all cores, and to start with."""
    return int(seconds * (os.cpu_count() or 1)) + 10


class _Process:
    """The process in which one query runs, and the clock that ends it."""

    def __init__(self, question: dict[str, Any]) -> None:
        self._question = question
        self._left: float = question["seconds"]
        self._is_late = False
        # Found where this process found it, whatever changed its path; and out of reach of the terminal's Ctrl-C,
        # which this process hears for both.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", "import sys; from curate.db.confined import main; sys.exit(main())"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def reader(self) -> pa.RecordBatchReader:
        """Return the rows as they come. Raises QueryError where there are none to come."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(self._question).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        if process.stdout.readline() != confined.READY:
            raise self._ended()
        try:
            with self._clock():
                stream = pa.ipc.open_stream(process.stdout)
        except (pa.ArrowException, OSError) as cut:
            raise self._ended() from cut
        return pa.RecordBatchReader.from_batches(stream.schema, self._batches(stream))

    def _batches(self, stream: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                with self._clock():
                    batch = stream.read_next_batch()
            except StopIteration:
                break
            except (pa.ArrowException, OSError) as cut:
                raise self._ended() from cut
            yield batch
        if self._process.wait():
            raise self._ended()

    @contextmanager
    def _clock(self) -> Iterator[None]:
        """Spend time while what stands inside waits for the process, and end it when all is spent."""
        started = time.monotonic()
        timer = threading.Timer(self._left, self._stop)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            self._left = max(0.0, self._left - (time.monotonic() - started))

    def _stop(self) -> None:
        self._is_late = True
        self._process.kill()

    def _ended(self) -> Exception:
        """Return why the process ended before its answer did."""
        seconds = self._question["seconds"]
        said = self._process.stderr.read() if self._process.stderr is not None else b""
        code = self._process.wait()
        if code == confined.REFUSED:
            return confined.parsed(json.loads(said))
        if self._is_late or code == confined.OUT_OF_TIME:
            longer = f"took longer than {seconds:g} s"
            if not self._is_late:  # it computed on while its rows were read
                longer = f"computed for longer than {self._question['processor']} s of processor time"
            return QueryError(
                f"the query {longer} and was stopped",
                done="nothing was changed",
                hint=f"add a where or a limit, or give it longer: --seconds {10 * seconds:g}",
            )
        if code < 0:  # the system ended it, or it ended itself where memory ran out
            return confined.too_large(self._question["memory"])
        return QueryError(
            "the query ended without an answer",
            found=said.decode("utf-8", "replace").strip().rpartition("\n")[2] or f"exit code {code}",
            hint="ask in another way",
        )
