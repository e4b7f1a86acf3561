"""The self-test: every number that others published, and what this code makes of the same files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from curate.audit.published_lists import FED_ISIC, tables
from curate.audit.splits import audit
from curate.db import Database
from curate.errors import CorpusError
from curate.labelmaps import LabelMaps
from curate.workspace import Workspace, shipped

_SETS = {
    "isic training": (
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv",
        "ISIC-2017_Training_Part3_GroundTruth.csv",
        "ISIC2018_Task3_Training_GroundTruth.csv",
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2020_Training_GroundTruth.csv|ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_Duplicates.csv",
        # the clean-up goes by the test sets of two years too
        "ISBI2016_ISIC_Part3_Test_GroundTruth.csv",
        "ISIC-2017_Test_v2_Part3_GroundTruth.csv",
    ),
    "isic tests": (
        "ISBI2016_ISIC_Part3_Test_GroundTruth.csv",
        "ISIC-2017_Test_v2_Part3_GroundTruth.csv",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC_2019_Test_GroundTruth.csv",
        "ISIC_2020_Test_Metadata.csv",
    ),
    "isic 2018 and 2019": (
        "ISIC2018_Task3_Training_GroundTruth.csv",
        "ISIC2018_Task3_Validation_GroundTruth.csv",
        "ISIC2018_Task3_Test_GroundTruth.csv",
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2019_Test_GroundTruth.csv",
    ),
}
_LABEL_SCRIPTS = ("a", "b", "pairs", "classes", "changes", "terms")
_SHEETS = "sheets of "


def selftest(
    labels: Workspace, *, lists: Mapping[str, Path] | None = None, pictures: Workspace | None = None
) -> dict[str, Any]:
    """Compute every row of `published.csv` from the parsed labels, the published lists, and the tiles.

    `labels` is a root whose label files were parsed; `lists` says where the published lists lie, by name; `pictures`
    is a root whose sheets were cut (None: none).

    Returns `rows` (id, what, published, ours, outcome "equal", "not equal"
    or "skipped", why, source, names) and their counts. A row whose files are not here is skipped, never passed.
    Raises CorpusError where `labels` was not parsed, or a list has another form.
    """
    if not labels.database_path.exists():
        raise CorpusError(
            "no label files were parsed here", where=str(labels.root), hint="curate selftest --from the folder of them"
        )
    files = dict(lists or {})
    read, forms = tables(files)
    ours: dict[str, Mapping[str, Any]] = {}
    with labels.database(read_only=True) as database:
        database.require("records", "parse")
        maps = LabelMaps.read(_shipped_maps(), list(labels.manifests)).tables()
        with ExitStack() as stack:
            for name, rows in (read | maps).items():
                stack.enter_context(database.lent(**{name: rows}))
            for script in _LABEL_SCRIPTS:
                ours |= {row["id"]: row for row in database.rows(f"selftest_{script}")}
    here = (
        set(files) | forms | {PurePosixPath(path).name for source in labels.manifests for path in _tree(labels, source)}
    )
    if FED_ISIC in files and "ISIC_2019_Training_Metadata.csv" in here:
        ours |= _fed_isic(labels, files[FED_ISIC])
    if pictures is not None and pictures.database_path.exists():
        with pictures.database(read_only=True) as database:
            here |= _whole_sheets(pictures, database)
            if database.has("records"):
                ours |= {row["id"]: row for row in database.rows("selftest_sheets")}
    rows_ = [_row(row, ours, here) for row in published()]
    count = {outcome: sum(row["outcome"] == outcome for row in rows_) for outcome in ("equal", "not equal", "skipped")}
    return {"rows": rows_, "equal": count["equal"], "not_equal": count["not equal"], "skipped": count["skipped"]}


def _shipped_maps() -> dict[str, Path]:
    """Return the maps as they ship: published numbers are held against curate's own meaning of a label."""
    return {path.name: path for path in shipped("label_maps").glob("*.csv")}


def published() -> list[dict[str, str]]:
    """Return the published numbers as they stand in `published.csv`: id, what, expected, needs, source."""
    text = resources.files("curate.audit").joinpath("published.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def lines(found: Mapping[str, Any]) -> list[str]:
    """Return the self-test for a person: a line for each number, then the sums."""
    width = max(len(row["id"]) for row in found["rows"])
    told = []
    for row in found["rows"]:
        says = {
            "equal": f"published {row['published']}, ours {row['ours']}: equal",
            "not equal": f"published {row['published']}, ours {row['ours']}: NOT EQUAL",
            "skipped": f"published {row['published']}: skipped ({row['why']})",
        }[row["outcome"]]
        told.append(f"{row['id']:<{width}}  {row['what']}: {says}  [{row['source']}]")
    told.append(f"{found['equal']} equal, {found['not_equal']} not equal, {found['skipped']} skipped")
    return told


def markdown_lines(found: Mapping[str, Any]) -> list[str]:
    """Return the self-test as a table in Markdown, then the sums."""
    told = ["| | what | published | ours | outcome |", "|---|---|---|---|---|"]
    for row in found["rows"]:
        ours = row["ours"] if row["ours"] is not None else row["why"]
        cells = (
            row["id"],
            row["what"],
            row["published"],
            ours,
            row["outcome"],
        )
        told.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    return [*told, "", f"{found['equal']} equal, {found['not_equal']} not equal, {found['skipped']} skipped"]


def _row(row: Mapping[str, str], ours: Mapping[str, Mapping[str, Any]], here: set[str]) -> dict[str, Any]:
    missing = [need for need in _needs(row["needs"]) if not any(name in here for name in need.split("|"))]
    value = None if missing else str(ours[row["id"]]["ours"]) if row["id"] in ours else "nothing"
    return {
        "id": row["id"],
        "what": row["what"],
        "published": row["expected"],
        "ours": value,
        "outcome": "skipped" if missing else "equal" if value == row["expected"] else "not equal",
        "why": _why(missing[0], len(missing) - 1) if missing else None,
        "source": row["source"],
        "names": [] if missing else list(ours.get(row["id"], {}).get("names") or []),
    }


def _why(need: str, more: int) -> str:
    if need.startswith(_SHEETS):
        return f"needs pictures: not all {need} are here"
    return f"{need.replace('|', ' or ')} is not here" + (f", nor are {more} more" if more else "")


def _needs(text: str) -> Iterator[str]:
    for need in text.split(";"):
        yield from _SETS.get(need.strip(), (need.strip(),))


def _tree(workspace: Workspace, source: str) -> list[str]:
    tree = workspace.tree(source)
    return list(tree["files"]) if tree is not None else []


def _whole_sheets(workspace: Workspace, database: Database) -> set[str]:
    """Return which sources have all their sheets here, cut."""
    if not (database.has("records") and database.has("sheets")):
        return set()
    return {
        _SHEETS + row["source"]
        for row in database.rows("selftest_sheets_here")
        if row["sheets"] >= workspace.manifests[row["source"]].expected.get("sheets", row["sheets"] + 1)
    }


def _fed_isic(workspace: Workspace, path: Path) -> dict[str, Mapping[str, Any]]:
    """Audit the published split as any other, and return its two numbers."""
    found = audit(workspace, path, id_column="image", split_column="fold", by="center", listed=0)
    pair = next(pair for pair in found["pairs"] if (pair["split"], pair["against"]) == ("test", "train"))

    def lesion(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return next(entry for entry in entries if entry["kind"] == "lesion")

    whole = lesion(pair["kinds"])
    centres = [lesion(pair["by_column"][centre]) for centre in sorted(pair["by_column"])]
    share = 100 * whole["pictures"] / whole["of"]
    return {
        "E": {"ours": f"{whole['pictures']:,} of {whole['of']:,} ({share:.1f} %)"},
        "E.centres": {"ours": ", ".join(f"{centre['pictures']:,}/{centre['of']:,}" for centre in centres)},
    }
