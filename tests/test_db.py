"""The database: a stranger's file is refused with a message, scripts say what they are. Queries: test_asking.py."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from curate import db
from curate.db import opening
from curate.errors import CorpusError


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "data_cache" / "corpus.duckdb"
    with db.Database(path, create=True) as database:
        database.replace("corpus", pa.table({"id": ["a:1", "a:2"], "category": ["benign", "malignant"]}))
    return path


def test_a_query_is_answered(corpus: Path) -> None:
    assert db.ask(corpus, "select category from corpus order by id").to_pylist() == [
        {"category": "benign"},
        {"category": "malignant"},
    ]


def test_another_process_in_the_way_is_said(corpus: Path, tmp_path: Path) -> None:
    code = f"from curate.db import Database; from pathlib import Path\nDatabase(Path({str(corpus)!r}))"
    with db.Database(corpus):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "another curate works on this root" in done.stderr


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(CorpusError, match="cannot be opened"):
        db.Database(path, create=True)


def test_every_script_says_what_a_row_is() -> None:
    scripts = sorted(db.SQL.rglob("*.sql"))
    assert len(scripts) > 30
    for path in scripts:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("-- "), path.name


def test_scripts_choose_by_a_total_order() -> None:
    for path in db.SQL.rglob("*.sql"):
        text = path.read_text(encoding="utf-8").lower()
        assert "any_value(" not in text, path.name
        assert " first(" not in text, path.name


def test_subqueries_that_differ_in_their_grouping_alone_are_kept_apart(tmp_path: Path) -> None:
    path = tmp_path / "corpus.duckdb"
    pictures = [
        {"source": source, "label": label, "picture": number, "id": f"{source}:{number}"}
        for number in range(500)
        for source, label in (("old", "mixed"), ("new", "clear"))
    ]
    with db.Database(path, create=True) as database:
        database.replace("pictures", pa.Table.from_pylist(pictures))
        database.replace("rules", pa.table({"source": ["old"], "label": ["mixed"], "word": ["precise"]}))
    pairs = """
        from pictures r
        join rules a on a.source = r.source and a.label = r.label
        join pictures d on d.source = 'new' and d.picture = r.picture
    """
    query = f"""
        with old as (select r.id, min(a.word) as word {pairs} group by r.id having count(distinct a.word) = 1),
        new as (select d.id, min(a.word) as word {pairs} group by d.id having count(distinct a.word) = 1),
        own as (
            select r.id, coalesce(old.word, new.word, 'plain') as word,
                old.word is null and exists (select 1 from rules a where a.label = r.label) as is_odd
            from pictures r left join old on old.id = r.id left join new on new.id = r.id
        )
        select case when is_odd then null else word end as word, count(*) as pictures from own group by 1 order by 1
    """
    assert db.ask(path, query).to_pylist() == [{"word": "precise", "pictures": 1000}]


def test_who_reads_slowly_is_not_stopped(corpus: Path) -> None:
    query = "select range as n from range(100000)"
    with db.answer(corpus, query, seconds=0.5) as reader:
        count = 0
        for batch in reader:
            count += batch.num_rows
            time.sleep(0.1)
    assert count == 100_000


def test_what_takes_long_draws_nothing_between_the_results() -> None:
    code = (
        "import duckdb; from curate.db import opening\n"
        "connection = duckdb.connect()\n"
        "connection.execute('set progress_bar_time = 1')\n"  # milliseconds, else two seconds; that draws it, too
        "opening.settle(connection, None)\n"
        "print('settled', flush=True)\n"  # until then a statement that was held up for a millisecond may draw it
        "connection.execute('select max(hash(range)) from range(30000000)').fetchall()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("settled\n")


def test_what_does_not_fit_into_memory_lies_beside_the_file_until_it_is_closed(corpus: Path) -> None:
    left = corpus.with_name(f".{corpus.name}.spill-1-dead")  # by a run that was killed
    left.mkdir()
    with db.Database(corpus) as database:
        assert not left.exists()
        with database.spilling("60MB"):
            database._execute("set threads = 2")
            database._execute("create table sorted as select sha256(range::varchar) from range(900000) order by 1")
        assert database.count("sorted") == 900_000
        assert list(corpus.parent.glob(".*spill*"))
    assert not list(corpus.parent.glob(".*spill*"))


def test_ctrl_c_while_a_corpus_is_opened_is_ctrl_c(corpus: Path) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before, stopped = signal.signal(signal.SIGALRM, stop), 0
    try:
        for moment in range(1, 300):
            try:
                signal.setitimer(signal.ITIMER_REAL, moment / 20_000)
                opening.connect(corpus, read_only=True).close()
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:  # any other error is one
                stopped += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert stopped > 10


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit(143)])
def test_ctrl_c_while_duckdb_asks_python_for_a_table_is_ctrl_c(stop: BaseException) -> None:
    class Stopped:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            raise stop

    with duckdb.connect() as connection, pytest.raises(KeyboardInterrupt), opening.stoppable():
        connection.register("arrow_rows", Stopped())
