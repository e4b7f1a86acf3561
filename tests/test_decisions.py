"""`decisions.csv`: what cannot be meant is refused with its line, never read as something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate import decisions
from curate.errors import UsageError

HEAD = "decision,first,second,note\n"


def written(folder: Path, lines: str) -> Path:
    path = folder / "decisions.csv"
    path.write_text(HEAD + lines, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "where", "what"),
    [
        ("accept,x:a,x:b,\nwithdraw,x:a,,\nreject,x:a,x:b,no\n", "lines 2 and 4", "accepted and rejected"),
        ("reject,x:b,x:a,\naccept,x:a,x:b,\n", "lines 2 and 3", "accepted and rejected"),
        ("accept,x:a,x:b,\nreject,x:c,x:c,\n", "line 3", "a pair of one"),
        ("accept,x:a,x:b,seen, by eye\n", "line 2", "cells under no header"),
        ("\n\naccept,x:a,x:a,\n", "line 4", "a pair of one"),  # an empty line is a line
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, lines: str, where: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as told:
        decisions.read(written(tmp_path, lines))
    assert str(told.value.where).endswith(where)
    assert told.value.hint


def test_what_can_be_meant_is_read(tmp_path: Path) -> None:
    lines = 'accept,x:a,x:b,"seen, by eye"\naccept,x:b,x:a,again\nreject,x:a,x:c\nwithdraw,x:a,,,,\n'
    read = decisions.read(written(tmp_path, lines)).to_pylist()
    assert [(row["decision"], row["note"], row["line"]) for row in read] == [
        ("accept", "seen, by eye", 2),
        ("accept", "again", 3),
        ("reject", "", 4),
        ("withdraw", "", 5),
    ]
