"""Copies of one picture: what was left out for which survivor and on what evidence, and labels that contradict."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from curate.audit.markup import Content, Markup, element, number
from curate.audit.page import Section, ask, paragraph, section
from curate.audit.table import long, numbers, table, words
from curate.audit.thumbnail import Thumbnail, thumbnails
from curate.db import Database
from curate.workspace import Workspace

PAIRS = 24  # shown with pictures: what a person looks through
CONFLICTS = 8  # groups shown by name, for each rule


def duplicates(workspace: Workspace, database: Database) -> Section:
    """Return how many copies were left out, by evidence and by source, and some of them to look at."""
    copies = database.count("duplicates")
    evidence = database.rows("report_evidence")
    sources = database.rows("report_copies")
    pairs = database.rows("report_pairs", most=PAIRS)
    return section(
        "duplicates",
        "Duplicates",
        paragraph(f"{number(copies)} records were left out as copies of a picture that is kept."),
        table(
            "Evidence that joins a copy to its survivor directly",
            [*words("evidence"), *numbers("copies")],
            [[row["evidence"], row["copies"]] for row in evidence],
        ),
        table(
            "Whose copies gave way to whose picture",
            [*words("copies from", "survivor from"), *numbers("copies")],
            [[row["source"], row["survivor_source"], row["copies"]] for row in sources],
        ),
        *(_gallery(workspace, pairs, copies) if pairs else ()),
        ask("select * from duplicates"),
    )


def conflicts(database: Database) -> Section:
    """Return where copies of one picture carry different labels, and the rule that decided."""
    rules = database.rows("report_conflict_rules")
    groups = sum(row["copy_groups"] for row in rules)
    shown = [list(rows) for _, rows in itertools.groupby(database.rows("report_conflicts", most=CONFLICTS), _place)]
    more = f"; {number(len(shown))} of {number(groups)} groups" if groups > len(shown) else ""
    return section(
        "conflicts",
        "Label conflicts",
        paragraph(f"{number(groups)} groups of copies carry labels that differ. A stated rule decides, never silence."),
        table(
            "Groups of copies by the rule that decided",
            [*words("rule"), *numbers("groups", "records")],
            [[row["rule"], row["copy_groups"], row["records"]] for row in rules],
        ),
        table(
            f"What each copy says, and what came of it{more}",
            [*words("copies", "their labels", "meaning"), *long("decided")],
            [_conflict(rows) for rows in shown],
        ),
        ask("select * from label_conflicts"),
    )


def _place(row: dict[str, Any]) -> int:
    return int(row["place"])


def _conflict(rows: Sequence[dict[str, Any]]) -> list[Content]:
    decided = rows[0]["decided_subtype"] or rows[0]["decided_category"] or "left out"
    return [
        _lines(row["id"] for row in rows),
        _lines(row["source_label"] for row in rows),
        _lines(row["subtype"] or f"{row['category']}, subtype unknown" for row in rows),
        f"{decided} ({rows[0]['rule']})",
    ]


def _lines(values: Any) -> Markup:
    return Markup(element("br").join(element("span", value) for value in values))


def _gallery(workspace: Workspace, pairs: Sequence[dict[str, Any]], copies: int) -> list[Content]:
    said = "All of them" if len(pairs) == copies else f"{number(len(pairs))} of {number(copies)}"
    with workspace.progress("report", 2 * len(pairs), "pictures") as advance:
        looks = thumbnails(workspace, pairs, advance)
    return [
        element("h3", "To look at"),
        paragraph(
            f"{said}: some of each kind of evidence, the least certain first; the survivor is on the left. "
            "A wrong pair is taken apart by a line ",
            element("code", "reject,ID,ID,why"),
            " in ",
            element("code", "decisions.csv"),
            ".",
        ),
        element("div", *(_pair(row, *looks[place]) for place, row in enumerate(pairs)), class_="pairs"),
    ]


def _pair(row: dict[str, Any], survivor: Thumbnail, copy: Thumbnail) -> Markup:
    return element(
        "figure",
        element("div", _look(row, "survivor", survivor), _look(row, "copy", copy), class_="looks"),
        element(
            "figcaption", paragraph(element("strong", row["kinds"])), paragraph(row["evidence"]), paragraph(row["rule"])
        ),
        class_="pair",
    )


def _look(row: dict[str, Any], end: str, look: Thumbnail) -> Markup:
    name = row["survivor"] if end == "survivor" else row["id"]
    if look.uri is None:
        seen = element("div", look.problem, class_="unseen")
    else:
        seen = element("img", src=look.uri, alt=f"{end} {name}", width=look.width, height=look.height, loading="lazy")
    size = f"{row[f'{end}_width']} × {row[f'{end}_height']}"
    label = row[f"{end}_label"] or "no label"
    return element("div", seen, paragraph(element("code", name)), paragraph(f"{size}; “{label}”", class_="soft"))
