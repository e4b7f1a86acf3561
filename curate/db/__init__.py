"""The only door to DuckDB: runs the `.sql` files of `curate/sql`, takes and gives Arrow tables."""

from __future__ import annotations

from curate.db.confined import QueryError
from curate.db.database import Database
from curate.db.opening import is_unfinished
from curate.db.questions import answer, ask
from curate.db.scripts import SQL, script, sentence, views

__all__ = ["SQL", "Database", "QueryError", "answer", "ask", "is_unfinished", "script", "sentence", "views"]
