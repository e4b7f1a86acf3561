"""What a person decided, in `decisions.csv`: pairs accepted or rejected as one picture, and pictures withdrawn."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import UsageError

WORDS = ("accept", "reject", "withdraw")
_SCHEMA = pa.schema({name: pa.string() for name in ("decision", "first", "second", "note")} | {"line": pa.int32()})


def read(path: Path) -> pa.Table:
    """Return the decisions (decision, first, second, note, line); a file that is not there decides nothing.

    Raises UsageError for a word that is none of the three, a pair of one, a pair that is accepted and rejected, a cell
    that stands under no header, or a file that is no CSV in UTF-8.
    """
    rows: list[dict[str, str | int]] = []
    if path.exists():
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                reader = csv.DictReader(lines)
                rows = [_row(path, reader.line_num, row) for row in reader]
        except (UnicodeDecodeError, csv.Error) as broken:
            raise UsageError(
                "the decisions are not a CSV in UTF-8", where=str(path), found=str(broken), hint="save it as UTF-8"
            ) from broken
    _refuse_contradictions(path, rows)
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _row(path: Path, line: int, row: dict[Any, Any]) -> dict[str, str | int]:
    decision, first, second, note = (
        str(row.get(name) or "").strip() for name in ("decision", "first", "second", "note")
    )
    if decision not in WORDS or not first or (decision != "withdraw" and not second):
        raise _unreadable(path, line, row, "a decision cannot be read")
    if decision != "withdraw" and first == second:
        raise _unreadable(path, line, row, "a decision is about a pair of one")
    if any(cell.strip() for cell in row.get(None) or ()):
        raise _unreadable(path, line, row, "a decision has cells under no header: quote a note that holds a comma")
    return {"decision": decision, "first": first, "second": second, "note": note, "line": line}


def _unreadable(path: Path, line: int, row: dict[Any, Any], what: str) -> UsageError:
    cells = [cell for value in row.values() for cell in (value if isinstance(value, list) else [value])]
    return UsageError(
        what,
        where=f"{path}, line {line}",
        expected="accept,ID,ID,note or reject,ID,ID,note or withdraw,ID,,note under decision,first,second,note",
        found=",".join(str(cell or "") for cell in cells),
        done="nothing was changed",
        hint="mend that line",
    )


def _refuse_contradictions(path: Path, rows: list[dict[str, str | int]]) -> None:
    decided: dict[frozenset[str | int], dict[str, str | int]] = {}
    for row in rows:
        if row["decision"] == "withdraw":
            continue
        before = decided.setdefault(frozenset((row["first"], row["second"])), row)
        if before["decision"] != row["decision"]:
            raise UsageError(
                f"a pair is accepted and rejected: {row['first']} and {row['second']}",
                where=f"{path}, lines {before['line']} and {row['line']}",
                expected="one decision on a pair",
                found=f"{before['decision']} in line {before['line']}, {row['decision']} in line {row['line']}",
                done="nothing was changed",
                hint="take one of the two lines out",
            )
