"""What an auditor may ask: everything about the corpus; no trick writes, reads another file, or goes on without end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import small_corpus
from conftest import ROOT, Curate

from curate import db
from curate.db import questions

GIGABYTE = 1_000_000_000
COUNTING = "with recursive r(n) as (select 1 union all select n + 1 from r) "

WRITES = [
    "insert into corpus select * from corpus",
    "with gone as (delete from corpus returning id) from gone",
    "update corpus set split = 'train'",
    "delete from corpus",
    "truncate corpus",
    "drop table corpus",
    "drop view class_balance",
    "alter table corpus add column x integer",
    "comment on table corpus is 'mine'",
    "create table other as select 1",
    "create temp table other as select 1",
    "create or replace view class_balance as select 1",
    "create macro m() as 1",
    "create secret s (type s3, key_id 'a', secret 'b')",
    "copy corpus to '{folder}/out.csv'",
    "copy (select 1) to '{folder}/out.parquet' (format parquet)",
    "export database '{folder}/out'",
    "explain analyze copy corpus to '{folder}/out.csv'",
    "explain analyze insert into corpus select * from corpus",
    "explain analyze create temp table other as select 1",
    "explain (analyze, format json) create temp table other as select 1",
    "-- \u00e4\nexplain /* \u00f6 */ analyze create temp table other as pivot corpus on split using count(*)",
    "create temp table other as pivot corpus on split using count(*)",
    "checkpoint",
    "vacuum",
    "pragma enable_profiling='json'",
    "pragma profiling_output='{folder}/out.json'",
]
READS = [
    "select * from '{secret}'",
    "from '{secret}'",
    'from "{secret}"',
    "from read_csv('{secret}')",
    "from read_csv_auto(['{secret}'])",
    "from sniff_csv('{secret}')",
    "from read_text('{secret}')",
    "from read_blob('{secret}')",
    "from read_json('{secret}')",
    "from read_parquet('{secret}')",
    "from parquet_metadata('{secret}')",
    "from parquet_scan('{secret}')",
    "from read_duckdb('{secret}')",
    "from glob('{folder}/*')",
    "from read_text('/proc/self/environ')",
    "from read_csv('https://example.org/a.csv')",
    "from query('from read_text(''{secret}'')')",
    "from query_table('{secret}')",
    "pivot '{secret}' on word using count(*)",
    "describe '{secret}'",
    "summarize '{secret}'",
    "explain analyze from read_text('{secret}')",
    "select getenv('HOME')",
    "attach '{folder}/other.db' as other",
    "attach ':memory:' as other",
    "import database '{folder}'",
    "copy corpus from '{secret}'",
    "from sqlite_scan('{secret}', 't')",
    "from duckdb_secrets()",
]
KEYS = [
    "set enable_external_access = true",
    "set global enable_external_access = true",
    "set lock_configuration = false",
    "reset lock_configuration",
    "set memory_limit = '100GB'",
    "reset memory_limit",
    "set temp_directory = '{folder}'",
    "set python_enable_replacements = true",
    "set variable x = 1",
    "pragma enable_external_access",
    "pragma memory_limit='100GB'",
    "call enable_logging()",
    "install httpfs",
    "load httpfs",
    "load '{secret}'",
    "detach corpus",
    "use memory",
    "begin",
    "prepare q as delete from corpus",
    "prepare q as select 1",
    "explain analyze prepare q as select 1",
    "explain analyze load json",
    "explain analyze set variable x = 1",
]
TWICE = [
    "select 1; drop table corpus",
    "select 1;;drop table corpus",
    "select 1 /* ; */; copy corpus to '{folder}/out.csv' --",
    "pivot corpus on split using count(*); delete from corpus",
    "set lock_configuration = false; set enable_external_access = true; from '{secret}'",
]
VARIABLES = ["from statements", "from secrets_of_the_program", "from pa", "from os"]
NONSENSE = [
    "",
    "  ",
    "-- only a remark",
    "selec 1",
    "select",
    "select 'x",
    "from nowhere",
    "select no_such_column from corpus",
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus.build(tmp_path_factory.mktemp("asked")).root


@pytest.fixture(scope="module")
def corpus(root: Path) -> Path:
    return root / "data_cache" / "corpus.duckdb"


@pytest.mark.parametrize("query", WRITES + READS + KEYS + TWICE + VARIABLES + NONSENSE)
def test_a_query_can_do_nothing_else(corpus: Path, tmp_path: Path, query: str) -> None:
    secrets_of_the_program = pa.table({"word": ["hidden"]})
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nhidden\n")
    before = corpus.read_bytes()
    with pytest.raises(db.QueryError) as raised:
        db.ask(corpus, query.format(secret=secret, folder=tmp_path))
    assert raised.value.hint
    assert "hidden" not in str(raised.value)
    assert corpus.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]
    assert secrets_of_the_program.num_rows == 1


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) as n from corpus",
        "from corpus",
        "table corpus",
        "values (1, 'a')",
        "with a as (select 1 as x) from a;",
        "describe corpus",
        "show tables",
        "summarize corpus",
        "explain select * from corpus",
        "explain analyze from corpus",
        "explain (analyze, format json) with a as (select ')' as x) from a",
        "explain (select 1) union (select 2)",
        "-- \u00e4\nexplain analyze pivot corpus on split using count(*)",
        "pivot corpus on split using count(*) group by source",
        "unpivot (select id, age::varchar as age, sex from corpus) on age, sex into name word value said",
        "select * from corpus where id = 'no such' -- nothing",
    ],
)
def test_whatever_asks_is_answered(corpus: Path, query: str) -> None:
    assert db.ask(corpus, query).num_columns > 0


@pytest.mark.parametrize(
    "query",
    [
        COUNTING + "select count(*) from r",
        COUNTING + "select * from r where n < 0",
        "select count(*) from range(10000000) a, range(1000000) b where a.range + b.range = 7",
        "select max(hash(a.id || b.id || n)) from records a, records b, range(1000000000) r(n)",
        "select sum(range) from range(100000000000)",
        "select levenshtein(repeat('a', 1000000), repeat('b', 1000000))",  # one call, which DuckDB cannot interrupt
    ],
)
def test_a_query_that_loops_is_stopped(corpus: Path, query: str) -> None:
    started = time.monotonic()
    with pytest.raises(db.QueryError, match=r"longer than 1 s and was stopped") as raised:
        db.ask(corpus, query, seconds=1)
    assert time.monotonic() - started < 20
    assert raised.value.done == "nothing was changed"
    assert "--seconds 10" in str(raised.value)


def test_a_query_that_uses_up_the_processor_says_so(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does whose rows are read slowly: it is not waited for, and computes on."""
    monkeypatch.setattr(questions, "processor_seconds", lambda seconds: 3)
    with pytest.raises(db.QueryError, match=r"longer than 3 s of processor time and was stopped") as raised:
        db.ask(corpus, COUNTING + "select count(*) from r", seconds=60)
    assert "memory" not in str(raised.value)
    assert "--seconds 600" in str(raised.value)


@pytest.mark.parametrize(
    "query",
    [
        "select length(repeat('x', 4000000000))",
        "select repeat('x', 100000000) from range(1000)",
        "select list(range) from range(1000000000)",
        "select range(2000000000)",
        "select string_agg(repeat('x', 1000000), '') from range(100000)",
        "select * from range(1000000000) order by hash(range) desc limit 1000000000",
        "with recursive r(s) as (select 'x' union all select s || s from r) select count(*) from r",
        "select printf('%2000000000d', 1)",  # outside what DuckDB counts
    ],
)
def test_a_query_that_wants_the_whole_memory_is_stopped(corpus: Path, query: str) -> None:
    with pytest.raises(db.QueryError, match="more memory than it may have") as raised:
        db.ask(corpus, query, memory=GIGABYTE)
    assert raised.value.expected == "at most 1 GB"
    assert not list(corpus.parent.glob("*.tmp"))


def test_an_answer_too_large_to_hold_is_stopped_too(corpus: Path) -> None:
    with pytest.raises(db.QueryError, match="more memory"):
        db.ask(corpus, "select repeat('x', 1000) as x from range(1000000)", memory=200_000_000)
    with pytest.raises(db.QueryError, match="a row is too large"):
        db.ask(corpus, "select repeat('x', 100000000)")


def test_rows_of_any_width_stream_in_small_batches(corpus: Path) -> None:
    with db.answer(corpus, "select range as n, repeat('x', 100000) as x from range(500)") as reader:
        batches = list(reader)
    assert sum(batch.num_rows for batch in batches) == 500
    assert [n for batch in batches for n in batch.column("n").to_pylist()] == list(range(500))
    assert max(batch.nbytes for batch in batches) < 20_000_000


def test_values_of_every_kind_come_through(corpus: Path) -> None:
    query = (
        "select 1::hugeint as h, 'x'::enum('x', 'y') as e, ['y'::enum('x', 'y')] as es, {'a': 1} as s, "
        "map{'a': 1} as m, 1.5::decimal(20, 3) as d, date '2020-01-02' as day, null as n, 'a' as twice, 'b' as twice"
    )
    (row,) = db.ask(corpus, query).to_pylist()
    assert (row["h"], row["e"], row["es"], row["s"]) == (1, "x", ["y"], {"a": 1})
    assert (row["n"], row["twice"], row["twice_1"]) == (None, "a", "b")


def test_the_process_of_a_query_can_open_nothing_even_without_the_lock_of_duckdb(corpus: Path, tmp_path: Path) -> None:
    code = (
        "import socket, sys\nfrom curate.db import confined\nconfined._wall_in(10**9, 60)\n"
        f"for act in (lambda: open({str(corpus)!r}), lambda: open({str(tmp_path / 'out')!r}, 'w'), socket.socket):\n"
        "    try:\n        act()\n    except OSError as refused:\n        print(refused.errno)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["24", "24", "24"], done.stderr  # EMFILE
    assert not (tmp_path / "out").exists()


def _start(root: Path, query: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "curate", "--root", str(root), "sql", query]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _children(parent: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _child_at_work(process: subprocess.Popen[str]) -> int:
    for _ in range(200):
        children = _children(process.pid)
        if children:
            time.sleep(1)
            return children[0]
        time.sleep(0.05)
    raise AssertionError("no process answers the query")


def _is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_query_ends_with_who_asked(root: Path, how: signal.Signals) -> None:
    process = _start(root, "select levenshtein(repeat('a', 1000000), repeat('b', 1000000))")
    child = _child_at_work(process)
    process.send_signal(how)
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    if how is signal.SIGINT:
        assert process.returncode == 130, err
    for _ in range(100):
        if not _is_alive(child):
            break
        time.sleep(0.05)
    assert not _is_alive(child)


@pytest.mark.parametrize("query", ["-- what is here\nselect 7 as n", "--what is here\nselect 7 as n"])
def test_a_query_may_begin_with_a_remark(root: Path, curate: Curate, query: str) -> None:
    done = curate("sql", query, "--format", "csv", root=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["n", "7"]
    done = curate("sql", "--formt", "csv", "select 7", root=root)
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_the_corpus_is_no_file_to_a_query_either(corpus: Path, root: Path, curate: Curate) -> None:
    done = curate("sql", f"from read_text('{corpus}')", root=root)
    assert done.returncode == 2
    assert "a query reads the corpus alone" in done.stderr
    assert "Too many open files" not in done.stderr


def test_a_function_that_would_act_changes_nothing(corpus: Path) -> None:
    before = corpus.read_bytes()
    for name in ("checkpoint", "force_checkpoint", "enable_logging", "truncate_duckdb_logs"):
        with contextlib.suppress(db.QueryError):
            db.ask(corpus, f"from {name}()")
    assert corpus.read_bytes() == before
    assert [path.name for path in corpus.parent.glob("corpus.duckdb*")] == ["corpus.duckdb", "corpus.duckdb.sha256"]


def test_a_view_that_this_corpus_does_not_have_yet_is_no_riddle(root: Path, tmp_path: Path, curate: Curate) -> None:
    other = Path(shutil.copytree(root, tmp_path / "other"))
    with duckdb.connect(str(other / "data_cache" / "corpus.duckdb")) as connection:
        connection.execute("drop view tone_agreement")
    done = curate("sql", "from tone_agreement", root=other)
    assert done.returncode == 3
    for part in ("another version of curate", "tone_agreement", f"curate --root {other} build"):
        assert part in done.stderr
    assert "--views" not in done.stderr


def test_messages_say_what_to_type_next(root: Path, curate: Curate) -> None:
    for words in (["from read_text('/etc/passwd')"], ["drop table corpus"], ["--seconds", "0.5", COUNTING + "from r"]):
        done = curate("sql", *words, root=root)
        assert done.returncode == 2
        assert done.stdout == ""
        for part in ("done:", "next:"):
            assert part in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_a_reader_that_has_enough_is_no_error(root: Path) -> None:
    command = f"'{sys.executable}' -m curate --root '{root}' sql 'from range(100000000)' --format csv | head -3"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["range", "0", "1"]
    assert done.stderr == ""


def test_every_view_of_the_contract_is_there_with_a_sentence(corpus: Path, root: Path, curate: Curate) -> None:
    promised = {
        "class_balance", "subtype_balance", "source_balance", "skin_tone_balance", "category_by_skin_tone",
        "tone_agreement", "split_balance", "leakage", "label_conflicts", "duplicates", "missing_metadata",
        "artefact_bias", "age_sex_site_balance", "licenses", "ledger",
    }  # fmt: skip
    assert promised <= set(db.views())
    listed = dict(line.split(maxsplit=1) for line in curate("sql", "--views", root=root).stdout.splitlines())
    assert set(listed) == set(db.views())
    for name, sentence in listed.items():
        assert sentence.endswith("."), name
        assert db.ask(corpus, f"from {name}").num_columns > 1, name


def test_it_is_found_from_an_interpreter_that_stands_in_the_checkout(corpus: Path) -> None:
    """There the path of modules begins with nothing, which means: here."""
    code = (
        "import sys\nsys.path[0] = ''\nfrom pathlib import Path\nfrom curate import db\n"
        f"print(db.ask(Path({str(corpus)!r}), 'select 1 as x'))"
    )
    bare = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert "x: int32" in done.stdout, done.stderr


def test_views_are_listed_without_a_corpus(tmp_path: Path, curate: Curate) -> None:
    assert curate("sql", "--views", root=tmp_path).returncode == 0
