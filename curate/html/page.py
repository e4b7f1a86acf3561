"""The page itself: one HTML file that asks nothing of any network: title, ways to the sections, sections."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.html.markup import Content, Markup, element, join

# Nothing is loaded, and nothing is run but our own script, whatever stands in the data: a browser holds the page to it.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLES = ("colours.css", "page.css", "plot.css")

# What parts a bar for eyes that colours do not part: dots and lines over the colour, by the name of the colour.
_TEXTURES = {
    "red": (6, "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"),
    "pink": (6, "M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2"),
    "orange": (5, "M2,2.5 h1.4"),
    "sky": (5, "M2,2.5 h1.4"),
    "green": (5, "M2.5,0 v5"),
}


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


def page(
    title: str,
    lead: Sequence[Content],
    sections: Sequence[Section],
    footer: Sequence[Content],
    *,
    filters: Markup | None = None,
) -> str:
    """Return the whole document; with `filters` (the bar and its numbers), it holds the script of the charts too."""
    script = (Path(__file__).parent / "page.js").read_text(encoding="utf-8") if filters is not None else ""
    style = "".join((Path(__file__).parent / name).read_text(encoding="utf-8") for name in _STYLES)
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(script)),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    ways = element("ul", *(element("li", element("a", part.heading, href=f"#{part.anchor}")) for part in sections))
    body = element(
        "body",
        element("header", element("h1", title), *lead),
        element("nav", ways, aria_label="Sections"),
        *((filters, _textures()) if filters is not None else ()),
        element("main", *(_shown(part) for part in sections)),
        element("footer", *footer),
        element("script", Markup(script)) if script else None,
    )
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _policy(script: str) -> str:
    if not script:
        return _POLICY
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"{_POLICY}; script-src 'sha256-{digest}'"


def _textures() -> Markup:
    patterns = [
        element(
            "pattern",
            element("rect", width=side, height=side, class_=f"ground {colour}"),
            element("path", d=drawn),
            id=f"texture-{colour}",
            width=side,
            height=side,
            patternUnits="userSpaceOnUse",
        )
        for colour, (side, drawn) in _TEXTURES.items()
    ]
    return element("svg", element("defs", *patterns), width=0, height=0, aria_hidden="true", class_="textures")


def _shown(part: Section) -> Markup:
    heading = f"{part.anchor}-heading"
    return element(
        "section", element("h2", part.heading, id=heading), part.body, id=part.anchor, aria_labelledby=heading
    )
