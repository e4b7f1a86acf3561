"""Captioned sheets as tables: what `inspect` would have read of them, and the records that SQL makes of that."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.db import Database

Cell = tuple[str, int]  # ("label", case), ("picture", case) or ("blank", 0)
Read = tuple[str, str | None]  # what was read of a cell: its kind, and the text of a label


def built(sheets: Mapping[int, tuple[str, list[Read]]], cases: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Build `records` from sheets by position: the name of their bytes, and what was read of their cells in order."""
    rows: dict[str, list[dict[str, Any]]] = {"sheets": [], "members": [], "sheets_cut": [], "tiles": []}
    known: set[str] = set()
    for position, (sha256, cells) in sheets.items():
        name = f"{position:03}"
        sheet = {"source": "severance", "name": name, "layout": "captioned", "position": position, "claims": "{}"}
        rows["sheets"].append({**sheet, "file": f"sheets/{name}.jpg", "location": f"place{name}"})
        rows["members"].append({"location": f"place{name}", "sha256": sha256, "bytes": 1})
        if sha256 not in known:
            known.add(sha256)
            rows["sheets_cut"].append({"sha256": sha256, "layout": "captioned", "version": 1})
            rows["tiles"] += [
                {"sha256": sha256, "version": 1, "cell": number, "kind": kind, "text": text}
                for number, (kind, text) in enumerate(cells, start=1)
            ]
    rows["cases"] = [{"source": "severance", "claims": "{}", **case} for case in cases]
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder) / "c.duckdb", create=True) as database:
        database.build("facts")
        database.replace("mode", pa.table({"labels_only": [False]}))
        database.replace("sources", pa.table({"source": ["severance"], "modality": ["clinical"]}))
        database.replace("algorithms", pa.table({"montage": [1]}))
        for table, made in rows.items():
            if made:
                schema = database.table(table).schema
                part = pa.schema([schema.field(name) for name in schema.names if name in made[0]])
                of_bytes = table in ("members", "sheets_cut", "tiles")
                put = (
                    database.insert if of_bytes else lambda into, what: database.replace_source(into, "severance", what)
                )
                put(table, pa.Table.from_pylist(made, schema=part))
        database.build("records")
        return {row["id"]: row for row in database.table("records").to_pylist()}


def records(
    sheets: Mapping[int, list[Cell]],
    cases: list[dict[str, Any]],
    texts: Mapping[int, str | None] | None = None,
    copies: Mapping[int, int] | None = None,
) -> dict[str, dict[str, Any]]:
    """Build `records` from sheets by position and the rows of the workbook.

    `texts` is what the label cell of a case says instead of what it should; `copies` names sheets with the bytes of
    another.
    """
    said = {case: f"{case}, F/40, wart" for cells in sheets.values() for _, case in cells} | dict(texts or {})
    read = {
        position: [(kind, said[case] if kind == "label" else None) for kind, case in cells]
        for position, cells in sheets.items()
    }
    return built({place: (f"bytes{(copies or {}).get(place, place)}", cells) for place, cells in read.items()}, cases)


def workbook(count: int) -> list[dict[str, Any]]:
    return [{"number": n, "source_label": "wart", "age": "40.0", "sex": "F"} for n in range(1, count + 1)]


def cut(stream: list[Cell], size: int) -> dict[int, list[Cell]]:
    return {number + 1: stream[start : start + size] for number, start in enumerate(range(0, len(stream), size))}
