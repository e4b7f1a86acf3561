"""The page itself: one HTML file that asks nothing of any network: title, ways to the sections, sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.audit.markup import Content, Markup, element, join

# Nothing is loaded and nothing is run, whatever stands in the data: a browser holds the page to it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its place in the address (`#anchor`), its heading, and what stands in it."""

    anchor: str
    heading: str
    body: Markup


def section(anchor: str, heading: str, *body: Content) -> Section:
    """Return a section of the given parts."""
    return Section(anchor, heading, join(body))


def paragraph(*children: Content, class_: str | None = None) -> Markup:
    """Return one paragraph."""
    return element("p", *children, class_=class_)


def ask(query: str) -> Markup:
    """Return the line that says how to ask the corpus for more than the page shows."""
    return paragraph("Ask further: ", element("code", f'curate sql "{query}"'), class_="ask")


def page(title: str, lead: Sequence[Content], sections: Sequence[Section], footer: Sequence[Content]) -> str:
    """Return the whole document."""
    style = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    ways = element("ul", *(element("li", element("a", part.heading, href=f"#{part.anchor}")) for part in sections))
    body = element(
        "body",
        element("header", element("h1", title), *lead),
        element("nav", ways, aria_label="Sections"),
        element("main", *(_shown(part) for part in sections)),
        element("footer", *footer),
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _shown(part: Section) -> Markup:
    heading = f"{part.anchor}-heading"
    return element(
        "section", element("h2", part.heading, id=heading), part.body, id=part.anchor, aria_labelledby=heading
    )
