"""Copies of one picture: what was left out for which survivor and on what evidence, and labels that contradict."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from curate.audit.filters import choice
from curate.audit.thumbnail import Thumbnail, thumbnail
from curate.db import Database
from curate.html.markup import Content, Markup, breakable, element, number
from curate.html.page import Section, ask, paragraph, section
from curate.html.table import long, numbers, table, words
from curate.pairs import sight
from curate.workspace import Workspace

CLUSTERS = 24  # shown with pictures: what a person looks through
COPIES = 5  # of a cluster, the least certain
CONFLICTS = 8  # groups shown by name, for each rule


def duplicates(workspace: Workspace, database: Database) -> Section:
    """Return how many copies were left out, by evidence and by source, and some of them to look at."""
    copies = database.count("duplicates")
    evidence = database.rows("report_evidence")
    sources = database.rows("report_copies")
    rows = database.rows("report_clusters", most=CLUSTERS, widest=COPIES)
    clusters = len(set(database.table("duplicates").column("survivor").to_pylist()))
    return section(
        "duplicates",
        "Duplicates",
        paragraph(f"{number(copies)} records were left out as copies of {number(clusters)} pictures that are kept."),
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
        *(_gallery(workspace, rows, clusters) if rows else ()),
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


def _gallery(workspace: Workspace, rows: Sequence[dict[str, Any]], clusters: int) -> list[Content]:
    shown = {place: list(found) for place, found in itertools.groupby(rows, key=lambda row: row["place"])}
    said = "All of them" if len(shown) == clusters else f"{number(len(shown))} of {number(clusters)} clusters"
    figures = []
    with workspace.progress("report", len(shown) + len(rows), "pictures") as advance:
        for found in shown.values():
            survivor = thumbnail(sight(workspace, found[0], "survivor_"))
            copies = [thumbnail(sight(workspace, row, "copy_")) for row in found]
            advance(1 + len(copies))
            figures.append(_cluster(found, survivor, copies))
    return [
        element("h3", "To look at"),
        paragraph(
            f"{said}: some of each kind of evidence, the least certain first. The survivor comes first: "
            "the largest, then the lossless, then the best labelled, then the one whose licence asks least, then the "
            "first by id. "
            "A wrong pair is taken apart by a line ",
            element("code", "reject,ID,ID,why"),
            " in ",
            element("code", "decisions.csv"),
            ".",
        ),
        element(
            "div",
            choice("evidence", "Evidence", "every kind", sorted({row["kinds"] for row in rows})),
            class_="choices",
            hidden=True,
        ),
        element("div", *figures, class_="pairs"),
    ]


def _cluster(rows: Sequence[dict[str, Any]], survivor: Thumbnail, copies: Sequence[Thumbnail]) -> Markup:
    first = rows[0]
    more, rule = first["copies"] - len(rows), first["rule"].partition(" (")[0]
    looks = [
        _look(first, "survivor", survivor),
        *(_look(row, "copy", look) for row, look in zip(rows, copies, strict=True)),
    ]
    return element(
        "figure",
        element("div", *looks, class_="looks"),
        element(
            "figcaption",
            paragraph(f"{rule[:1].upper()}{rule[1:]}{f'; and {number(more)} more copies' if more else ''}."),
        ),
        class_="pair" if len(looks) == 2 else "pair cluster" if len(looks) <= 4 else "pair cluster wide",
        data_evidence="; ".join(sorted({row["kinds"] for row in rows})),
    )


def _short(evidence: str) -> str:
    """Cut hashes short: a person compares pictures here, and the view has the whole hash."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", evidence)


def _look(row: dict[str, Any], end: str, look: Thumbnail) -> Markup:
    name = row["survivor"] if end == "survivor" else row["id"]
    if look.uri is None:
        seen = element("div", look.problem, class_="unseen")
    else:
        seen = element("img", src=look.uri, alt=f"{end} {name}", width=look.width, height=look.height, decoding="async")
    size = f"{row[f'{end}_width']} × {row[f'{end}_height']}"
    label = row[f"{end}_label"] or "no label"
    why: list[Content] = [paragraph(element("strong", "kept"))]
    if end == "copy":
        why = [paragraph(element("strong", row["kinds"])), paragraph(_short(row["evidence"]))]
    return element(
        "div",
        seen,
        paragraph(element("code", breakable(name))),
        paragraph(f"{size}; “{label}”", class_="soft"),
        *why,
    )
