"""What the corpus is, and where every claimed record ended: the first two sections of the page."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curate.db import Database
from curate.html.charts import Part, legend, stacked
from curate.html.markup import Content, Markup, element, number
from curate.html.page import Section, ask, paragraph, section
from curate.html.table import Column, bars, long, numbers, table, words
from curate.lock import LockedSource, Standing
from curate.recipe import Recipe

OUTCOMES = {
    "kept": "blue",
    "duplicate": "sky",
    "no picture": "pale",
    "no label": "grey",
    "out of scope": "orange",
    "ambiguous label": "yellow",
    "label conflict": "red",
    "rejected": "pink",
    "unreadable picture": "green",
    "sheet unreadable": "dark",
    "no label cell": "dark",
}
"""Every place in which a record may end, with its colour; in the order in which bars show them."""


def lead(totals: dict[str, Any], recipe: Recipe) -> list[Content]:
    """Return what stands under the title: the corpus in one sentence, and its size in numbers."""
    kind = "labels only: no picture was looked at" if totals["labels_only"] else "labels and pictures"
    facts = [
        ("records claimed", totals["records"]),
        ("pictures kept" if not totals["labels_only"] else "records kept", totals["pictures"]),
        ("left out, each with a reason", totals["left_out"]),
        ("sources", totals["sources"]),
        ("families that no split tears", totals["families"]),
        ("subtypes that occur", totals["subtypes"]),
        ("lesions known", totals["lesions"]),
        ("patients known", totals["patients"]),
    ]
    own = f", of your own: {', '.join(totals['own_maps'])}" if totals["own_maps"] else ", as they ship"
    tiles = (element("div", element("dt", label), element("dd", number(value))) for label, value in facts)
    return [
        paragraph(
            f"One harmonised corpus of skin-lesion pictures from {totals['sources']} public sources ({kind}). "
            "Every record that a source claims is either in it or left out for one stated reason.",
            class_="lead",
        ),
        element("dl", *tiles, class_="facts"),
        paragraph("Label maps, version ", element("code", totals["map_version"]), f"{own}.", class_="soft"),
        _recipe(recipe),
    ]


def ledger(database: Database, locked: Mapping[str, LockedSource]) -> Section:
    """Return the ledger: per source, claimed = kept + left out by reason; and whose bytes its files are."""
    sources = database.rows("report_sources")
    counted: dict[str, dict[str, int]] = {}
    for row in database.table("ledger").to_pylist():
        counted.setdefault(row["source"], {})[row["outcome"]] = row["records"]
    known = [outcome for outcome in OUTCOMES if any(outcome in counts for counts in counted.values())]
    rows: list[list[Content]] = []
    detail: list[list[Content]] = []
    for row in sources:
        counts = counted[row["source"]]
        parts = [Part(outcome, counts.get(outcome, 0), OUTCOMES[outcome]) for outcome in known]
        rows.append([row["source"], stacked(parts), row["claimed"], row["kept"], row["left_out"]])
        detail.append([row["source"], row["claimed"], *(counts.get(outcome, 0) for outcome in known)])
    sums = {outcome: sum(counts.get(outcome, 0) for counts in counted.values()) for outcome in known}
    total = sum(sums.values())
    if rows:
        parts = [Part(outcome, sums[outcome], OUTCOMES[outcome]) for outcome in known]
        kept = sums.get("kept", 0)
        rows.append(["all", stacked(parts), total, kept, total - kept])
        detail.append(["all", total, *(sums[outcome] for outcome in known)])
    return section(
        "ledger",
        "Ledger",
        paragraph("Claimed = kept + left out, to the last row. A record has the first reason that holds."),
        legend([(outcome, OUTCOMES[outcome]) for outcome in known]),
        table(
            "Where the records of each source ended, as shares of what it claims",
            [*words("source"), *bars("kept and left out"), *numbers("claimed", "kept", "left out")],
            rows,
            total=True,
        ),
        table(
            "The same in numbers, by reason",
            [*words("source"), *numbers("claimed", *known)],
            detail,
            total=True,
        ),
        _sources(sources, locked),
        ask("select * from ledger"),
    )


def _sources(sources: Sequence[Mapping[str, Any]], locked: Mapping[str, LockedSource]) -> Markup:
    standings: tuple[Standing, ...] = ("official", "unpinned", "not the official bytes")
    rows: list[list[Content]] = []
    for row in sources:
        entry = locked.get(row["source"], LockedSource())
        files = Counter(file.standing for file in entry.files.values())
        loose = entry.loose.count if entry.loose else 0
        said = (row["title"], str(row["released"]), row["modality"])
        rows.append([row["source"], *said, *(files[standing] for standing in standings), loose])
    return table(
        "The sources, and how many of their files have a published hash, none, or another",
        [
            *words("source"),
            *long("title"),
            *numbers("released"),
            *words("modality"),
            *(Column(standing, "number wide") for standing in (*standings, "unpacked files")),
        ],
        rows,
    )


def _recipe(recipe: Recipe) -> Markup:
    usual = Recipe()
    rows: list[list[Content]] = []
    for part in dataclasses.fields(recipe):
        for knob in dataclasses.fields(getattr(recipe, part.name)):
            value = getattr(getattr(recipe, part.name), knob.name)
            default = getattr(getattr(usual, part.name), knob.name)
            note = "" if value == default else f"changed; usually {default}"
            rows.append([f"{part.name}.{knob.name}", str(value), note])
    changed = sum(bool(row[2]) for row in rows)
    said = "as it ships" if not changed else f"{changed} of {len(rows)} values changed"
    return element(
        "details", element("summary", f"The recipe ({said})"), table("Recipe", words("knob", "value", "note"), rows)
    )
