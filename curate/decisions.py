"""What a person decided, in `decisions.csv`: pairs accepted or rejected as one picture, and pictures withdrawn."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa

from curate.errors import UsageError

WORDS = ("accept", "reject", "withdraw")
_SCHEMA = pa.schema({name: pa.string() for name in ("decision", "first", "second", "note")} | {"line": pa.int32()})


def read(path: Path) -> pa.Table:
    """Return the decisions (decision, first, second, note, line); a file that is not there decides nothing.

    Raises UsageError for a word that is none of the three, a pair of one, or a file that is no CSV in UTF-8.
    """
    rows: list[dict[str, str | int]] = []
    if path.exists():
        try:
            with path.open(encoding="utf-8-sig", newline="") as lines:
                rows = [_row(path, line, row) for line, row in enumerate(csv.DictReader(lines), start=2)]
        except (UnicodeDecodeError, csv.Error) as broken:
            raise UsageError(
                "the decisions are not a CSV in UTF-8", where=str(path), found=str(broken), hint="save it as UTF-8"
            ) from broken
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _row(path: Path, line: int, row: dict[str, str]) -> dict[str, str | int]:
    decision, first, second, note = (
        str(row.get(name) or "").strip() for name in ("decision", "first", "second", "note")
    )
    if decision not in WORDS or not first or (decision != "withdraw" and not second):
        raise UsageError(
            "a decision cannot be read",
            where=f"{path}, line {line}",
            expected="accept,ID,ID,note or reject,ID,ID,note or withdraw,ID,,note under decision,first,second,note",
            found=",".join(str(value) for value in row.values()),
            hint="mend that line",
        )
    return {"decision": decision, "first": first, "second": second, "note": note, "line": line}
