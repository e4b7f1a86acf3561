"""How the pictures look: skin tone, reported and estimated apart, and artefacts that may give a diagnosis away."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from curate.audit.balance import SPLITS, Palette, by_category, palette
from curate.db import Database
from curate.html.charts import bar, legend, stacked
from curate.html.markup import Content, Markup, element, number, percent
from curate.html.page import Section, ask, paragraph, section
from curate.html.table import bars, each, numbers, recounted, table, words
from curate.images import tone as measure

_WEAK = (
    "ITA is weak on photographs: light and white balance change it as much as skin does. Read it as a hint about a "
    "whole source, never as a fact about one person."
)
_CHOSEN = (
    "A source may ask for the type only where it takes a biopsy, and a biopsy is taken where a malignant lesion is "
    "feared. Then the category within a type shows whom the source asked, not what that skin gets: compare types only "
    "within one way of diagnosis."
)
_NEEDED = (
    "An estimate that knows something of the skin does better than saying the most frequent type of every picture, "
    "which stands in the last column: where few types are seen, that is right often, and agreement says little."
)
_STEPS = (
    "The six classes are taken as types I to VI, from light to dark, which they are not: the one is a colour, the "
    "other how skin answers to the sun. These numbers say how far the scales go together, not which of them is right."
)


def tone(database: Database) -> Section:
    """Return the skin tones: what sources report, what is estimated, and the two side by side; never merged."""
    database.require("tone_bounds", "inspect")
    found, colours = database.rows("report_tone"), palette(database)
    reported = [row for row in found if row["kind"] == "reported"]
    estimated = [row for row in found if row["kind"] == "estimated"]
    return section(
        "tone",
        "Skin tone",
        paragraph(
            "Two scales that are not one: what a source reports, and what is estimated from the pixels. Never merged."
        ),
        legend(list(colours.items())),
        element("h3", "Reported: Fitzpatrick type, as the source gives it"),
        element("div", paragraph(_CHOSEN), class_="caution"),
        _tones("Pictures by reported Fitzpatrick type, and the category within each", "Fitzpatrick", reported, colours),
        _known(database.rows("report_tone_known"), [*colours][-1]),
        element("h3", "Estimated: individual typology angle of the skin around the lesion"),
        element("div", paragraph(_bounds(database)), paragraph(_WEAK), class_="caution"),
        _tones("Pictures by estimated ITA class, and the category within each", "ITA class", estimated, colours),
        element("h3", "Both, where both are known"),
        element("div", paragraph(_STEPS), paragraph(_WEAK), class_="caution"),
        paragraph(_NEEDED),
        _agreement(database.table("tone_agreement").to_pylist()),
        paragraph(_bounds(database), class_="soft"),
        _pairs(database.rows("report_tone_pairs")),
        ask("select * from category_by_skin_tone"),
    )


def artefacts(database: Database) -> Section:
    """Return for each artefact and source who has it: what share of malignant pictures (of the last category), and of
    the others.
    """
    worst = [*palette(database)][-1]
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in database.table("artefact_bias").to_pylist():
        grouped[row["artefact"]].append(row)
    tables = [_artefact(name, worst, rows) for name, rows in grouped.items()]
    compared = [row for rows in grouped.values() for row in rows if row["difference"] is not None]
    apart = sum(row["difference_low"] > 0 or row["difference_high"] < 0 for row in compared)
    return section(
        "artefacts",
        "Artefacts",
        paragraph(
            f"A ruler, a dark corner or a hair that stands more often on {worst} pictures can be learned in place of "
            "the lesion. Each is measured on the pixels, from 0 to 1, and counts as there from the strength named; how "
            "often that is right on pictures looked at by eye, each caption says (docs/artefacts.md). Intervals of "
            "shares: Wilson 1927, of as many independent pictures as the families are worth (Kish 1965); of their "
            "difference: Newcombe 1998, method 10. A difference is in bold where its interval leaves out 0."
        ),
        paragraph(
            f"{number(len(compared))} differences are shown, and {number(apart)} of them in bold. About one in twenty, "
            f"so some {number(round(len(compared) / 20))}, would be by chance alone.",
            class_="caution",
        ),
        legend([(worst, "red"), (f"not {worst}", "blue")]),
        *(tables or [paragraph("No picture was looked at, so there is nothing to show.", class_="none")]),
        ask("select * from artefact_bias"),
    )


def _bounds(database: Database) -> str:
    bounds = measure.BOUNDS[database.table("tone_bounds").to_pylist()[0]["bounds"]]
    return f"Method {measure.NAME}, version {measure.VERSION}: {measure.METHOD}. Classes: {bounds}."


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _tones(caption: str, head: str, found: list[dict[str, Any]], colours: Palette) -> Markup:
    known = [row for row in found if row["tone"] is not None]
    total = sum(row["pictures"] for row in found)
    unknown = total - sum(row["pictures"] for row in known)
    rows: list[list[Content]] = []
    for row in known + [row for row in found if row["tone"] is None]:
        shares = (percent(part.value / row["pictures"]) for part in by_category(row, colours))
        name = _spoken(row["tone"]) if row["tone"] is not None else "unknown"
        rows.append(
            [name, stacked(by_category(row, colours)), row["pictures"], *shares, *(row[split] for split in SPLITS)]
        )
    columns = [
        *words(head),
        *bars("share of each category", show="categories"),
        *recounted(),
        *each(colours, "category:share"),
        *each(SPLITS, "split:count"),
    ]
    keys = [row["tone"] for row in known] + ["unknown"] * (len(rows) - len(known))
    trait = found[0]["kind"] if found else None
    share = percent(unknown / total if total else None)
    return Markup(
        paragraph(f"Known for {number(total - unknown)} of {number(total)} pictures; unknown for {share}.")
        + table(caption, columns, rows, trait=trait, keys=keys)
    )


def _agreement(found: list[dict[str, Any]]) -> Markup:
    rows: list[list[Content]] = [
        [
            row["compared"],
            row["source"],
            row["pictures"],
            row["types"],
            _between(row, "exact"),
            _between(row, "within_one"),
            _constant(row),
        ]
        for row in found
    ]
    if not any(row["pictures"] for row in found):
        rows.insert(0, ["reported and estimated", "all sources", 0, None, percent(None), percent(None), None])
    return table(
        "How often the estimated class is the reported type, and within one of it, beside what others published",
        [
            *words("compared", "where"),
            *numbers("pictures"),
            *words("types seen"),
            *numbers("exact (95 %)", "within one (95 %)"),
            *words("saying one type of all"),
        ],
        rows,
    )


def _between(row: dict[str, Any], share: str) -> str:
    if row[f"{share}_low"] is None:
        return percent(row[share])
    return f"{percent(row[share])} ({100 * row[f'{share}_low']:.1f} to {100 * row[f'{share}_high']:.1f})"


def _constant(row: dict[str, Any]) -> str | None:
    if row["constant"] is None:
        return None
    exact, within_one = percent(row["constant_exact"]), percent(row["constant_within_one"])
    return f"type {row['constant']}: {exact} exact, {within_one} within one"


def _known(found: list[dict[str, Any]], worst: str) -> Markup:
    rows: list[list[Content]] = [
        [
            row["source"],
            row["diagnosis_method"],
            f"{number(row['reported'])} of {number(row['pictures'])}",
            f"{number(row['malignant_reported'])} of {number(row['malignant'])}",
        ]
        for row in found
    ]
    return table(
        "For which pictures a type is reported, by how the diagnosis was made",
        [*words("source", "diagnosis by"), *numbers("type reported", f"of the {worst}")],
        rows,
    )


def _pairs(found: list[dict[str, Any]]) -> Markup:
    degrees: dict[str, list[float]] = defaultdict(list)
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for row in found:
        degrees[row["tone_ita_class"]].append(row["mean_ita_deg"])
        counts[row["tone_reported"]][row["tone_ita_class"]] = row["pictures"]
    classes = sorted(degrees, key=lambda name: (-max(degrees[name]), name))
    rows: list[list[Content]] = [
        [f"type {reported}", *(named.get(name, 0) for name in classes), sum(named.values())]
        for reported, named in sorted(counts.items())
    ]
    return table(
        "Pictures by reported Fitzpatrick type (rows) and estimated ITA class (columns): two scales, neither the truth",
        [*words("reported"), *numbers(*map(_spoken, classes), "all")],
        rows,
    )


def _artefact(name: str, worst: str, found: list[dict[str, Any]]) -> Markup:
    rows: list[list[Content]] = []
    for row in found:
        both = Markup(_bar(worst, row["malignant_share"], "red") + _bar(f"not {worst}", row["other_share"], "blue"))
        rows.append(
            [
                row["source"],
                both,
                f"{number(row['malignant_with'])} of {number(row['malignant_pictures'])}",
                _interval(row, "malignant_share", "malignant"),
                f"{number(row['other_with'])} of {number(row['other_pictures'])}",
                _interval(row, "other_share", "other"),
                _difference(row),
            ]
        )
    columns = [
        *words("source"),
        *bars("share that has it"),
        *numbers(worst, "share (95 %)", "others", "share (95 %)", "difference in points (95 %)"),
    ]
    caption = (
        f"{name.capitalize()}, from a strength of {found[0]['threshold']:g}: who has it, by source. Told rightly of "
        f"{percent(found[0]['sensitivity'])} that have it and {percent(found[0]['specificity'])} that do not"
    )
    return table(caption, columns, rows)


def _interval(row: dict[str, Any], share: str, of: str) -> str:
    if row[share] is None:
        return "–"
    return f"{percent(row[share])} ({100 * row[f'{of}_low']:.1f} to {100 * row[f'{of}_high']:.1f})"


def _difference(row: dict[str, Any]) -> Content:
    if row["difference"] is None:
        return "–"
    points = [100 * row[word] for word in ("difference", "difference_low", "difference_high")]
    said = f"{points[0]:+.1f} ({points[1]:+.1f} to {points[2]:+.1f})"
    return element("strong", said) if points[1] > 0 or points[2] < 0 else said


def _bar(words_: str, share: float | None, colour: str) -> Markup:
    return bar(share or 0.0, 1.0, colour, f"{words_}: {percent(share)}")
