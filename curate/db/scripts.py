"""The `.sql` files of `curate/sql`: one file is one table, view or question."""

from __future__ import annotations

import functools
from pathlib import Path

SQL = Path(__file__).parents[1] / "sql"


@functools.cache
def script(name: str) -> str:
    """Return the text of `curate/sql/<name>.sql`."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def sentence(name: str) -> str:
    """Return the first line of a script: what one row of it is."""
    return script(name).partition("\n")[0].removeprefix("--").strip()


def views() -> list[str]:
    """Return the names of the views for auditors, in alphabetical order."""
    return sorted(path.stem for path in (SQL / "views").glob("*.sql"))
