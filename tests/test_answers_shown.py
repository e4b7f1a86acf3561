"""How the answer to a query is shown: a table that fits the terminal, its first rows, and how many there are."""

from __future__ import annotations

import os
import pty
import sys
from pathlib import Path

import pytest
import small_corpus
from conftest import Curate

from curate.text_table import fitting, text_table


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_corpus.build(tmp_path_factory.mktemp("shown")).root


def test_a_table_shows_its_first_rows_and_says_how_many_there_are(root: Path, curate: Curate) -> None:
    done = curate("sql", "select range as n from range(5000)", root=root)
    lines = done.stdout.splitlines()
    assert lines[-1] == "(the first 1,000 of 5,000 rows; --format csv gives all)"
    assert len(lines) == 1002
    done = curate("sql", "select range as n from range(100000000000)", root=root)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "(the first 1,000 of more than 1,000,000 rows; --format csv gives all)"


def test_a_table_fits_the_terminal(root: Path) -> None:
    shown = b""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["COLUMNS"] = "72"
        os.execv(sys.executable, [sys.executable, "-m", "curate", "--root", str(root), "sql", "from corpus"])
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:
            break
        if not more:
            break
        shown += more
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    lines = shown.decode().splitlines()
    assert lines[0].startswith("id ")
    assert all(len(line) <= 72 for line in lines if not line.startswith("(")), shown.decode()
    assert "columns fit" in shown.decode()


def test_cells_are_cut_before_columns_are_left_out() -> None:
    rows = [{"id": "a" * 60, "note": "b" * 60, "n": 1}]
    shown, widest = fitting(rows, list(rows[0]), 60)
    assert shown == ["id", "note", "n"]
    assert max(map(len, text_table(rows, shown, widest=widest).splitlines())) <= 60
    assert fitting(rows, list(rows[0]), 30)[0] == ["id"]
    assert fitting([], ["id"], 1) == (["id"], 16)
