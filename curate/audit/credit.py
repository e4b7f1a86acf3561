"""Whose pictures these are, and what is not known of them: licences and credits, and missing metadata."""

from __future__ import annotations

from collections.abc import Mapping

from curate.db import Database
from curate.html.charts import bar
from curate.html.markup import Content, Markup, element, link, percent
from curate.html.page import Section, ask, paragraph, section
from curate.html.table import Column, long, numbers, table, words
from curate.manifest import Manifest

_FIELDS = {
    "subtype": "subtype",
    "age": "age",
    "sex": "sex",
    "site": "site",
    "lesion_id": "lesion",
    "patient_id": "patient",
    "diagnosis_method": "diagnosis method",
    "tone_reported": "reported tone",
    "tone_ita_deg": "estimated tone",
}


def licences(database: Database, manifests: Mapping[str, Manifest]) -> Section:
    """Return pictures under each licence, by source, with the credit and the works that the source asks to be named."""
    rows: list[list[Content]] = []
    for row in database.table("licenses").to_pylist():
        manifest = manifests.get(row["source"])
        licence = link(row["license_url"] or "", row["license"])
        rows.append([row["source"], licence, row["pictures"], row["redistribution"], _credit(manifest)])
    return section(
        "licences",
        "Licences and credits",
        paragraph(
            "A kept picture is under the licence of the release whose bytes were kept. Credits go with every export."
        ),
        table(
            "Pictures under each licence, and the credit that each source asks for",
            [*words("source", "licence"), *numbers("pictures"), *words("may be passed on"), *long("credit")],
            rows,
        ),
        ask("select * from licenses"),
    )


def missing(database: Database) -> Section:
    """Return per source the share of pictures for which a field is unknown."""
    rows: list[list[Content]] = []
    for row in database.table("missing_metadata").to_pylist():
        rows.append([row["source"], row["pictures"], *(_share(label, row[field]) for field, label in _FIELDS.items())])
    return section(
        "missing",
        "Missing metadata",
        paragraph("A bar is the share of a source's pictures for which the field is unknown; none of it is filled in."),
        table(
            "Unknown, in percent of the pictures of each source",
            [*words("source"), *numbers("pictures"), *(Column(label, "number share") for label in _FIELDS.values())],
            rows,
        ),
        ask("select * from missing_metadata"),
    )


def _credit(manifest: Manifest | None) -> Markup:
    if manifest is None:
        return element("span", "–")
    works = (
        element("ul", *(element("li", work) for work in manifest.citation), class_="works")
        if manifest.citation
        else None
    )
    more = element("details", element("summary", "cite"), works) if works else None
    return element("div", manifest.attribution, " (", link(manifest.homepage, "home page"), ")", more)


def _share(label: str, share: float) -> Markup:
    said = f"{label} unknown: {percent(share)}"
    return Markup(element("span", percent(share)) + bar(share, 1.0, "grey", said))
