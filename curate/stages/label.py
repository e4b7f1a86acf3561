"""label: the maps give every label a meaning; copies of one picture share one label, or their conflict is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curate import built_with, freshness, proofs
from curate.db import Database
from curate.errors import LabelMapError
from curate.labelmaps import LabelMaps
from curate.report import Report
from curate.workspace import Workspace

_SHOWN = 20  # lines of a message that a person still reads


def run(workspace: Workspace) -> Report:
    """Build `labels`, `twin_labels`, `metadata` and `knowledge` from the records and the label maps.

    Raises LabelMapError where a map contradicts itself, or where a label occurs that no map knows; all stays as it was.
    """
    report = Report("label", "records", anew=True)
    with workspace.database() as database:
        freshness.require(database, "dedup")
        proof = proofs.begin(database, workspace, "label")
        maps = LabelMaps.read(workspace.label_maps, list(workspace.manifests))
        own = workspace.own_maps()
        with database.transaction():
            build(database, maps.tables(), on_conflict=workspace.recipe.label.on_conflict)
            database.replace("own_maps", pa.table({"name": pa.array(own, pa.string())}))
            require_all_mapped(database, workspace, done="nothing was changed")
            built_with.note(database, "label", workspace.recipe.knobs("label"), {}, proof=proof)
            freshness.stamp(database, "label", "dedup")
        for row in database.rows("label_outcome"):
            if row["status"] == "mapped":
                report.made = row["records"]
            else:
                report.left_out[row["status"]] = row["records"]
        unknown = database.rows("unknown_words")
        report.details["unknown_words"] = unknown
        for row in unknown[:_SHOWN]:
            report.notes.append(
                f"{row['source']}: no vocabulary knows the {row['field']} {row['said']!r} ({_records(row)})"
            )
        report.details["version"] = maps.version
        report.details["categories"] = list(maps.categories.names)
        report.details["own_maps"] = own
        if own:
            report.notes.append(
                f"label maps {maps.version}, of your own: {', '.join(own)}; "
                f"categories: {', '.join(maps.categories.names)}"
            )
    return report


def build(database: Database, maps: Mapping[str, pa.Table], *, on_conflict: str) -> None:
    """Give every record of a corpus the meaning that its label has by these maps (`LabelMaps.tables`)."""
    for name, rows in maps.items():
        database.replace(name, rows)
    database.build("labels", "twin_labels", "metadata", "knowledge", on_conflict=on_conflict)


def require_all_mapped(database: Database, workspace: Workspace, *, done: str) -> None:
    """Raise LabelMapError, with the labels, where one occurs that no map knows; `done` says what was done so far."""
    unknown = database.rows("unmapped")
    if unknown:
        named = [f"{row['source']}: {row['source_label']!r} ({_records(row)})" for row in unknown[:_SHOWN]]
        raise LabelMapError(
            f"{len(unknown)} {'label occurs' if len(unknown) == 1 else 'labels occur'} that no map knows",
            where=str(workspace.root.absolute() / "label_maps"),
            found="\n            ".join(named),
            done=done,
            hint="curate label --missing   (prints the lines to add; with a note alone, a label is out of scope)",
        )


def _records(row: Mapping[str, Any]) -> str:
    return f"{row['records']:,} record{'' if row['records'] == 1 else 's'}"
