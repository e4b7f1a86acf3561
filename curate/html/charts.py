"""Bars as inline SVG: widths in percent, so that they follow the page; each part says its number when pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curate.html.markup import Content, Markup, element, join, number, percent

_HEIGHT = 14  # pixels
_THIN = 0.006  # of the bar: a part below it would vanish under the line that sets it off from its neighbours


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a bar: what it counts, how many, and the name of its colour in `page.css`."""

    label: str
    value: float
    colour: str


def bar(value: float, most: float, colour: str, words: str) -> Markup:
    """Return one bar, `value` of `most` long (0..most); `words` say what it shows."""
    share = min(1.0, value / most) if most > 0 else 0.0
    share = max(share, _THIN / 2) if value > 0 else share  # what is there is seen
    return _svg([_rect(0.0, share, colour, words)], words)


def stacked(parts: Sequence[Part], whole: float | None = None) -> Markup:
    """Return one bar of parts end to end, as shares of `whole` (None: their sum); empty parts are not drawn."""
    total = whole if whole is not None else sum(part.value for part in parts)
    drawn, start, words = [], 0.0, []
    for part in parts:
        share = part.value / total if total > 0 else 0.0
        if share > 0:
            said = f"{part.label}: {number(part.value)} ({percent(share)})"
            drawn.append(_rect(start, share, part.colour, said))
            words.append(said)
            start += share
    return _svg(drawn, "; ".join(words) or "nothing")


def interval(value: float, low: float | None, high: float | None, words: str, *, mark: float | None = None) -> Markup:
    """Return a share (0..1) as a stroke on a bar, its interval as a band around it, and a thin `mark` beside it."""
    drawn = []
    if low is not None and high is not None:
        drawn.append(_rect(low, max(high - low, _THIN), "grey", words))
    for where, width, colour in ((mark, 0.01, "dark"), (value, 0.02, "blue")):
        if where is not None:
            start = min(max(where - width / 2, 0.0), 1 - width)
            drawn.append(_rect(start, width, f"{colour} thin", words))
    return _svg(drawn, words)


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Return the list of what each colour means: pairs of label and colour."""
    items = [
        element("li", element("span", class_=f"swatch {colour}", aria_hidden="true"), label)
        for label, colour in entries
    ]
    return element("ul", *items, class_="legend")


def _rect(start: float, share: float, colour: str, words: str) -> Markup:
    return element(
        "rect",
        element("title", words),
        x=f"{100 * start:.3f}%",
        y=0,
        width=f"{100 * share:.3f}%",
        height=_HEIGHT,
        class_=f"{colour} thin" if share < _THIN else colour,
    )


def _svg(drawn: Sequence[Content], words: str) -> Markup:
    track = element("rect", x=0, y=0, width="100%", height=_HEIGHT, class_="track")
    return element("svg", track, join(drawn), role="img", aria_label=words, class_="bar", height=_HEIGHT)
