"""The labels that no map knows, as lines to paste into the maps."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from curate import map_file
from curate.csv_rows import CsvRows
from curate.db import Database
from curate.labelmaps import LabelMaps
from curate.workspace import Workspace, shipped

HEADER = ("source_label", "subtype", "category", "note")
OPEN = "?"
"""What stands for the subtype in a line that a person has to decide: no map is read with it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One label that no map knows: how many records have it, and the line to add.

    `why` says whose proposal the line is, and is empty where a person has to decide; `proposed` is the subtype, empty
    there and where the proposal is a category alone, or to leave the label out of scope.
    """

    source: str
    label: str
    records: int
    proposed: str
    why: str
    line: str

    def as_dict(self) -> dict[str, object]:
        """Return plain values, ready for JSON."""
        words = ("source", "label", "records", "proposed", "why", "line")
        return {"file": f"{self.source}.csv"} | {word: getattr(self, word) for word in words}


def missing(database: Database, workspace: Workspace) -> list[Missing]:
    """Return the labels that nobody mapped in the maps as they are now, by source, the most frequent first.

    Proposed is the line of the map that ships, which a map of the root's own hides; else a subtype, where the label is
    its own name, or is written so in the map of another source, case, spaces and signs aside. Everything else is left
    to a person. Raises LabelMapError for broken maps.
    """
    maps = LabelMaps.read(workspace.label_maps, list(workspace.manifests))
    names, hidden = _names(maps), _hidden(maps, workspace)
    found = []
    with database.lent(label_map=maps.tables()["label_map"]):
        rows = database.rows("unmapped")
    for row in rows:
        source, label = row["source"], row["source_label"]
        subtype, why = names.get(_bare(label), ("", ""))
        cells = {"subtype": subtype or OPEN}
        if (source, label) in hidden:
            cells, why = hidden[source, label], f"as in the {source}.csv that ships"
        note = _records(row["records"]) + (f"; proposed: {why}" if why else "")
        note += f": {cells['note']}" if cells.get("note") else ""
        line = _line({**cells, "source_label": label, "note": note}, workspace.label_maps.get(f"{source}.csv"))
        found.append(Missing(source, label, row["records"], cells["subtype"] if why else "", why, line))
    return found


def _hidden(maps: LabelMaps, workspace: Workspace) -> dict[tuple[str, str], dict[str, str]]:
    """Return, by source and label, the shipped lines of each map that the root has a file of its own for; without those
    that say what the taxonomy and the categories of the root do not know.
    """
    known = {word for each in maps.categories for word in (each.name, *each.includes, "")}
    found = {}
    for path in shipped("label_maps").glob("*.csv"):
        if path.stem in workspace.manifests and workspace.label_maps[path.name] != path:
            for row in map_file.read(path, *HEADER):
                if row["category"] in known and row["subtype"] in (*maps.taxonomy, ""):
                    found[path.stem, row["source_label"]] = row.cells
    return found


def _names(maps: LabelMaps) -> dict[str, tuple[str, str]]:
    """Return what a word means wherever it is mapped, if it is the same everywhere, and who says so."""
    said: dict[str, dict[str, str]] = {}
    for row in maps.maps:
        said.setdefault(_bare(row["source_label"]), {}).setdefault(row["subtype"], row["source"])
    found = {}
    for word, meanings in said.items():
        (subtype, source), *others = meanings.items()
        if subtype and not others:
            found[word] = (subtype, f"as in {source}.csv")
    return found | {_bare(subtype): (subtype, "its own name") for subtype in maps.taxonomy}


def lines(found: list[Missing], workspace: Workspace) -> list[str]:
    """Return them as text: for each map the file, how to begin it where the root has none, and the lines to paste."""
    told: list[str] = []
    for source, labels in groupby(found, key=lambda each: each.source):
        here = list(labels)
        path = workspace.root / "label_maps" / f"{source}.csv"
        records = sum(each.records for each in here)
        told += [] if not told else [""]
        told.append(f"# {path}: {len(here):,} {'label' if len(here) == 1 else 'labels'} to add, {_records(records)}")
        ours = workspace.label_maps.get(path.name)
        if ours is not None and not path.exists():
            # The root's file stands in place of the one that ships, so it begins as that.
            copy = f"cp {shlex.quote(str(ours))} {shlex.quote(str(path))}"
            told.append(f"# first: mkdir -p {shlex.quote(str(path.parent))} && {copy}")
        elif not path.exists():
            told.append(",".join(HEADER))
        told += [each.line for each in here]
    if any(not each.why for each in found):
        told += ["", f"# in place of each {OPEN} a subtype of taxonomy.csv; or nothing, and the category alone;"]
        told.append("# or nothing in both, and the note says why: then the label is out of scope")
    return told


def _records(count: int) -> str:
    return f"{count:,} record{'' if count == 1 else 's'}"


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _line(cells: Mapping[str, str], path: Path | None) -> str:
    """Return the cells in the columns of the file into which they go."""
    out = io.StringIO()
    CsvRows(out).row([cells.get(column, "") for column in (map_file.columns(path) if path else HEADER)])
    return out.getvalue().rstrip("\n")
