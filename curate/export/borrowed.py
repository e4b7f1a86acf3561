"""Values that a picture has from a copy in another source: whom they are credited to, and which may not be carried."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.ml.credits import Credit, write_credits

Row = dict[str, Any]


@dataclass(frozen=True)
class Borrowed:
    """What chosen pictures borrow: `lenders` are the sources of what is carried, `dropped` what is not, by id.

    A dropped value becomes unknown; a subtype becomes the one that the label of the picture's own source means.
    """

    lenders: frozenset[str]
    dropped: Mapping[str, Mapping[str, Any]]
    values: int

    @classmethod
    def of(cls, rows: Iterable[Row], allowed: Sequence[str]) -> Borrowed:
        """Read the rows of `export_borrowed`; a value is carried where a source under an allowed licence says it."""
        sources: dict[tuple[str, str], set[str]] = {}
        own: dict[tuple[str, str], tuple[Any, Any]] = {}
        for row in rows:
            key = (str(row["id"]), str(row["field"]))
            own[key] = (row["own"], row["own_index"])
            said = sources.setdefault(key, set())
            if not allowed or row["license"] in allowed:
                said.add(str(row["source"]))
        dropped: dict[str, dict[str, Any]] = {}
        lost = [key for key, said in sources.items() if not said]
        for picture, field in lost:
            subtype, index = own[picture, field]
            values = {"subtype": subtype, "subtype_index": index} if field == "subtype" else {field: None}
            dropped.setdefault(picture, {}).update(values)
        return cls(frozenset(name for said in sources.values() for name in said), dropped, len(lost))

    def without(self, row: Row) -> Row:
        """Return the row of a picture without the values that may not be carried."""
        return row | dict(self.dropped.get(str(row["id"]), {}))

    def without_all(self, table: pa.Table) -> pa.Table:
        """Return the records without those values, and without their origins."""
        if not self.dropped:
            return table
        ids = table.column("id").to_pylist()
        for name in sorted({name for values in self.dropped.values() for name in values}):
            column = [
                self.dropped.get(picture, {}).get(name, value)
                for picture, value in zip(ids, table.column(name).to_pylist(), strict=True)
            ]
            table = _set(table, name, column)
        origins = [
            _less(said, self.dropped.get(picture, {}))
            for picture, said in zip(ids, table.column("origins").to_pylist(), strict=True)
        ]
        return _set(table, "origins", origins)


def add_credits(folder: Path, credits_: Sequence[Credit], lenders: Sequence[Credit], told_in: str) -> None:
    """Credit, beside the sources of the pictures, those of which values only are carried."""
    if not lenders:
        return
    write_credits(folder, [*credits_, *lenders], told_in)
    path = folder / "ATTRIBUTION.txt"
    text = path.read_text(encoding="utf-8").replace("  pictures:       0\n", "  values only, no picture\n")
    path.write_text(text, encoding="utf-8")


def _less(origins: str | None, dropped: Mapping[str, Any]) -> str | None:
    if origins is None or not dropped:
        return origins
    left = {field: origin for field, origin in json.loads(origins).items() if field not in dropped}
    return json.dumps(left, separators=(",", ":")) if left else None


def _set(table: pa.Table, name: str, column: list[Any]) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.schema.get_field_index(name), field, pa.array(column, field.type))
