"""Every complaint about a source's file says where, and what to type next; and can be shown to anyone."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

import curate.files
import curate.sources
from curate.errors import ParseError

MODULES = [*sorted(Path(curate.sources.__path__[0]).glob("*.py")), Path(str(curate.files.__file__))]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_every_complaint_says_where_and_what_next(module: Path) -> None:
    for call in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "ParseError":
            told = {keyword.arg for keyword in call.keywords}
            assert {"where", "expected", "found", "hint"} <= told, f"{module.name}, line {call.lineno}"


def test_a_complaint_quotes_no_more_than_a_person_reads_and_nothing_that_steers_a_terminal() -> None:
    error = ParseError("no\x1b[2J", where="a\nb", found="\ud800\x9b" + "x" * 10_000, hint="curate fetch")
    assert str(error).split("\n") == [
        r"no\x1b[2J",
        r"  where:    a\nb",
        r"  found:    \ud800\x9b" + "x" * 389 + "…",
        "  next:     curate fetch",
    ]
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (ParseError, str(error)), "also from a worker process"
