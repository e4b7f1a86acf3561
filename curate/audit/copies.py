"""Copies of one picture: what was left out for which survivor and on what evidence, and labels that contradict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from curate.audit.markup import Content, Markup, breakable, element, number
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
    shown: dict[str, list[dict[str, Any]]] = {rule["rule"]: [] for rule in rules}
    for row in database.rows("report_conflicts", most=CONFLICTS):
        shown[row["rule"]].append(row)
    return section(
        "conflicts",
        "Label conflicts",
        paragraph(f"{number(groups)} groups of copies carry labels that differ. A stated rule decides, never silence."),
        table(
            "Groups of copies by the rule that decided",
            [*words("rule"), *numbers("groups", "records")],
            [[row["rule"], row["copy_groups"], row["records"]] for row in rules],
        ),
        *(_conflicts(rule["rule"], rule["copy_groups"], shown[rule["rule"]]) for rule in rules),
        ask("select * from label_conflicts"),
    )


def _conflicts(rule: str, groups: int, rows: Sequence[dict[str, Any]]) -> Markup:
    here = len({row["place"] for row in rows})
    caption = f"{rule[:1].upper()}{rule[1:]}: {number(here)} of {number(groups)} groups"
    return table(
        caption,
        [*words("copy", "its label", "means"), *long("decided")],
        [
            [
                row["id"],
                row["source_label"],
                row["subtype"] or f"({row['category']})",
                row["decided_subtype"] or (f"({row['decided_category']})" if row["decided_category"] else "left out"),
            ]
            for row in rows
        ],
    )


def _gallery(workspace: Workspace, pairs: Sequence[dict[str, Any]], copies: int) -> list[Content]:
    said = "All of them" if len(pairs) == copies else f"{number(len(pairs))} of {number(copies)}"
    with workspace.progress("report", 2 * len(pairs), "pictures") as advance:
        looks = thumbnails(workspace, pairs, advance)
    return [
        element("h3", "To look at"),
        paragraph(
            f"{said}: some of each kind of evidence, the least certain first. On the left the survivor: "
            "the largest, then the lossless, then the best labelled, then the one whose licence asks least, then the "
            "first by id. "
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
            "figcaption",
            paragraph(element("strong", row["kinds"])),
            paragraph(_short(row["evidence"])),
            paragraph(row["rule"].partition(" (")[0]),
        ),
        class_="pair",
    )


def _short(evidence: str) -> str:
    """Cut hashes short: a person compares pictures here, and the view has the whole hash."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", evidence)


def _look(row: dict[str, Any], end: str, look: Thumbnail) -> Markup:
    name = row["survivor"] if end == "survivor" else row["id"]
    if look.uri is None:
        seen = element("div", look.problem, class_="unseen")
    else:
        seen = element("img", src=look.uri, alt=f"{end} {name}", width=look.width, height=look.height, loading="lazy")
    size = f"{row[f'{end}_width']} × {row[f'{end}_height']}"
    label = row[f"{end}_label"] or "no label"
    return element(
        "div", seen, paragraph(element("code", breakable(name))), paragraph(f"{size}; “{label}”", class_="soft")
    )
