"""What each stage worked with, and what the corpus was built with: recipe, versions of the algorithms, files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curate.db import Database

Recipe = dict[str, dict[str, Any]]
"""Knobs with their values as JSON has them, by section."""

_PROOF = "proof"
_SCHEMA = pa.schema([(name, pa.string()) for name in ("stage", "kind", "name", "value")])


@dataclass(frozen=True)
class BuiltWith:
    """`recipe` by section and knob; `versions` of the algorithms by name; `files`: sha256 by source and name."""

    recipe: Recipe
    versions: dict[str, Any]
    files: dict[str, dict[str, str]]


def note(
    database: Database, stage: str, recipe: Mapping[str, Any], versions: Mapping[str, Any], *, proof: str | None = None
) -> None:
    """Write down what a stage works with, in place of what it worked with before.

    `recipe`: values by `section.knob`; `versions`: by the name of the algorithm; `proof`: see `curate.proofs`.
    """
    rows = [row for row in _made_with(database) if row["stage"] != stage]
    for kind, values in (("recipe", recipe), ("version", versions), (_PROOF, {stage: proof} if proof else {})):
        rows += [
            {"stage": stage, "kind": kind, "name": name, "value": json.dumps(value, sort_keys=True)}
            for name, value in values.items()
        ]
    _write(database, rows)


def proofs(database: Database) -> dict[str, str]:
    """Return the proof that each stage has left, by stage; see `curate.proofs`."""
    return {row["stage"]: json.loads(row["value"]) for row in _made_with(database) if row["kind"] == _PROOF}


def forget_proof(database: Database, stage: str) -> None:
    """Take away the proof that a stage has left."""
    _write(database, [row for row in _made_with(database) if (row["stage"], row["kind"]) != (stage, _PROOF)])


def read(database: Database) -> BuiltWith | None:
    """Return what the corpus was built with, whatever stages have run since; None where nobody wrote it down."""
    if not (database.has("built_with") and database.has("built_from")):
        return None
    found = BuiltWith({}, {}, {})
    for row in database.table("built_with").to_pylist():
        if row["kind"] == "recipe":
            section, _, knob = row["name"].partition(".")
            found.recipe.setdefault(section, {})[knob] = json.loads(row["value"])
        else:
            found.versions[row["name"]] = json.loads(row["value"])
    for row in database.table("built_from").to_pylist():
        found.files.setdefault(row["source"], {})[row["name"]] = row["sha256"]
    return found


def _made_with(database: Database) -> list[dict[str, Any]]:
    return database.table("made_with").to_pylist() if database.has("made_with") else []


def _write(database: Database, rows: list[dict[str, Any]]) -> None:
    rows.sort(key=lambda row: (row["kind"], row["name"], row["stage"]))
    database.replace("made_with", pa.Table.from_pylist(rows, schema=_SCHEMA))
