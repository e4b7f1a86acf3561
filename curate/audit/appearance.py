"""How the pictures look: skin tone, reported and estimated apart, and artefacts that may give a diagnosis away."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from curate.audit.balance import SPLITS, Palette, by_category, palette
from curate.audit.charts import bar, legend, stacked
from curate.audit.markup import Content, Markup, element, number, percent
from curate.audit.page import Section, ask, paragraph, section
from curate.audit.table import bars, each, numbers, recounted, table, words
from curate.db import Database
from curate.images import tone as measure

_WEAK = (
    "ITA is weak on photographs: light and white balance change it as much as skin does. On Fitzpatrick17k it falls "
    "within one class of a person's reading for 58 to 65 % of the pictures; two people do for 91 %. Read it as a hint "
    "about a whole source, never as a fact about one person."
)


def tone(database: Database) -> Section:
    """Return the skin tones: what sources report, what is estimated, and the two side by side; never merged."""
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
        _tones("Pictures by reported Fitzpatrick type, and the category within each", "Fitzpatrick", reported, colours),
        element("h3", "Estimated: individual typology angle of the skin around the lesion"),
        element("div", paragraph(_bounds()), paragraph(_WEAK), class_="caution"),
        _tones("Pictures by estimated ITA class, and the category within each", "ITA class", estimated, colours),
        element("h3", "Both, where both are known"),
        _agreement(database.table("tone_agreement").to_pylist()),
        ask("select * from category_by_skin_tone"),
    )


def artefacts(database: Database) -> Section:
    """Return for each artefact and source its mean strength among malignant pictures (those of the last category)
    and among the others.
    """
    worst = [*palette(database)][-1]
    grouped: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in database.table("artefact_bias").to_pylist():
        grouped[row["artefact"]].append(row)
    tables = [_artefact(name, worst, rows) for name, rows in grouped.items()]
    return section(
        "artefacts",
        "Artefacts",
        paragraph(
            f"A ruler, a dark corner or a hair that stands more often on {worst} pictures can be learned in place of "
            "the lesion. Strengths run from 0 to 1, measured on the pixels; a large difference is where to look."
        ),
        legend([(worst, "red"), (f"not {worst}", "blue")]),
        *(tables or [paragraph("No picture was looked at, so there is nothing to show.", class_="none")]),
        ask("select * from artefact_bias"),
    )


def _bounds() -> str:
    names = [f"{_spoken(name)} above {bound:g}°" for bound, name in measure.BOUNDS]
    bounds = f"{', '.join(names)}, {_spoken(measure.DARKEST)} below (Chardon et al. 1991)"
    return f"Method, version {measure.VERSION}: {measure.METHOD}. Classes: {bounds}."


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
        malignant, other = row["malignant_mean"], row["other_mean"]
        both = Markup(_strength(worst, malignant, "red") + _strength(f"not {worst}", other, "blue"))
        away = _difference(malignant, other)
        counts = (row["malignant_pictures"], row["other_pictures"])
        rows.append([row["source"], both, number(malignant, 3), number(other, 3), away, *counts])
    columns = [
        *words("source"),
        *bars("mean strength"),
        *numbers(worst, "others", "difference", f"{worst} pictures", "other pictures"),
    ]
    return table(f"{name.capitalize()}: mean strength by source", columns, rows)


def _difference(malignant: float | None, other: float | None) -> str:
    if malignant is None or other is None:
        return "–"
    return "0" if abs(malignant - other) < 0.0005 else f"{malignant - other:+.3f}"


def _strength(words_: str, value: float | None, colour: str) -> Markup:
    return bar(value or 0.0, 1.0, colour, f"{words_}: {number(value, 3)}")
