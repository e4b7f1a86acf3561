"""label: the maps give every label a meaning; copies of one picture share one label, or their conflict is named."""

from __future__ import annotations

from curate import freshness
from curate.db import Database
from curate.errors import LabelMapError
from curate.labelmaps import LabelMaps
from curate.report import Report
from curate.workspace import Workspace

_SHOWN = 20  # lines of a message that a person still reads


def run(workspace: Workspace) -> Report:
    """Build `labels`, `twin_labels`, `metadata` and `knowledge` from the records and the label maps.

    Raises LabelMapError where a map contradicts itself, or where a label occurs that no map knows.
    """
    report = Report("label", "records", anew=True)
    maps = LabelMaps.read(workspace.label_maps, list(workspace.manifests))
    with workspace.database() as database:
        freshness.require(database, "dedup")
        with database.transaction():
            for name, rows in maps.tables().items():
                database.replace(name, rows)
            database.build(
                "labels", "twin_labels", "metadata", "knowledge", on_conflict=workspace.recipe.label.on_conflict
            )
        lines = missing(database)
        if lines:
            raise LabelMapError(
                f"{len(lines)} labels occur that no map knows",
                where=str(workspace.root / "label_maps"),
                found="\n            ".join(lines[:_SHOWN]),
                done="records and twins stand; labels were not used further",
                hint="curate label --missing   (prints the lines to add; with a note alone, a label is out of scope)",
            )
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
                f"{row['source']}: no vocabulary knows the {row['field']} {row['said']!r} ({row['records']} records)"
            )
        report.details["version"] = maps.version
    return report


def missing(database: Database) -> list[str]:
    """Return the lines to add to the maps for the labels that nobody mapped, each with its count as a note."""
    return [
        f"{row['source']}.csv: {row['source_label']},,,  # {row['records']} records"
        for row in database.rows("unmapped")
    ]
