"""Lines over two axes as SVG, a part of a page or a file of its own: what each line is stands in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curate.html.markup import Content, Markup, element, join

WIDTH = 360  # units of the drawing: about a phone's pixels, so that letters of 11 can be read there
_LEFT, _RIGHT, _BOTTOM = 46, 10, 36  # for the numbers and the name of an axis
_ROW = 16  # of the legend

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: its name, its ends, where it has a number, and with how many digits."""

    name: str
    low: float
    high: float
    ticks: tuple[float, ...]
    digits: int = 2

    @classmethod
    def share(cls, name: str) -> Axis:
        """Return an axis from 0 to 1."""
        return cls(name, 0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))

    @classmethod
    def of(cls, name: str, low: float, high: float) -> Axis:
        """Return an axis over the numbers from low to high, its ends and ticks at 1, 2 or 5 times a power of ten."""
        least = 1e-9 * max(abs(low), abs(high))
        span = high - low if high - low > max(least, 1e-300) else max(abs(high), 1.0)
        power = 10.0 ** math.floor(math.log10(span / 4))
        step = next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= 4.000001)
        first, last = math.floor(low / step), max(math.ceil(high / step), math.floor(low / step) + 1)
        ticks = tuple(place * step for place in range(first, last + 1))
        return cls(name, ticks[0], ticks[-1], ticks, max(0, -math.floor(math.log10(step) + 1e-9)))


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, its points, the name of its colour, whether `dashed` or `dotted`, a dot at each point."""

    name: str
    points: Sequence[Point]
    colour: str
    stroke: str = ""
    dots: bool = False


def chart(lines: Sequence[Line], x: Axis, y: Axis, *, top: float = 0.0, height: float = 190.0) -> tuple[Markup, float]:
    """Return lines over two axes, the first unit of the drawing at `top`, and where it ends.

    `height` is that of the field between the axes. What is no number is a gap in its line; a point alone is a dot.
    """
    head = top + _ROW * len(lines) + 20
    across, down = WIDTH - _LEFT - _RIGHT, height

    def place(point: Point) -> Point:
        along = (point[0] - x.low) / (x.high - x.low)
        up = (point[1] - y.low) / (y.high - y.low)
        return _LEFT + across * along, head + down * (1 - up)

    drawn: list[Content] = []
    for number, line in enumerate(lines):
        level = top + _ROW * (number + 0.5)
        drawn.append(_curve(((_LEFT, level), (_LEFT + 26, level)), line, None))
        drawn.append(_text(_LEFT + 32, level + 4, line.name))
    for tick in y.ticks:
        _, level = place((x.low, tick))
        drawn.append(_path(f"M{_LEFT} {_n(level)}H{_n(_LEFT + across)}", "grid"))
        drawn.append(_text(_LEFT - 5, level + 4, f"{tick:.{y.digits}f}", "soft end"))
    for tick in x.ticks:
        along, foot = place((tick, y.low))
        drawn.append(_path(f"M{_n(along)} {_n(foot)}v4", "grid"))
        drawn.append(_text(along, foot + 15, f"{tick:.{x.digits}f}", "soft middle"))
    drawn.append(_text(_LEFT + across / 2, head + down + 30, x.name, "soft middle"))
    drawn.append(_text(4, head - 9, y.name, "soft"))
    for line in lines:
        for run in _runs(line.points):
            drawn.append(_curve([place(point) for point in run], line, line.name))
    return join(drawn), head + down + _BOTTOM


def figure(drawn: Content, height: float, words: str) -> Markup:
    """Return a drawing as a part of a page; `words` say what it shows to those who do not see it."""
    return element("svg", drawn, viewBox=f"0 0 {WIDTH} {_n(height)}", class_="plot", role="img", aria_label=words)


def file(drawn: Content, height: float, words: str) -> str:
    """Return a drawing as an SVG file of its own, with the colours of the pages, light or dark as the reader has it."""
    folder = Path(__file__).parent
    style = "".join((folder / name).read_text(encoding="utf-8") for name in ("colours.css", "plot.css"))
    drawing = element(
        "svg",
        element("title", words),
        element("style", Markup(style)),
        element("rect", width=WIDTH, height=_n(height), class_="ground"),
        drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH} {_n(height)}",
        width=2 * WIDTH,
        height=_n(2 * height),
        class_="plot",
    )
    return f"{drawing}\n"


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    runs: list[list[Point]] = [[]]
    for point in points:
        if all(map(math.isfinite, point)):
            runs[-1].append(point)
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def _curve(points: Sequence[Point], line: Line, said: str | None) -> Markup:
    told = element("title", said) if said is not None else None
    path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
    made: list[Content] = []
    if len(points) > 1:
        made.append(element("path", told, d=path, class_=" ".join(("curve", line.colour, line.stroke)).strip()))
    if said is not None and (line.dots or len(points) == 1):
        made += [element("circle", told, cx=_n(x), cy=_n(y), r=3, class_=line.colour) for x, y in points]
    return join(made)


def _path(drawn: str, kind: str) -> Markup:
    return element("path", d=drawn, class_=kind)


def _text(x: float, y: float, words: str, kind: str | None = None) -> Markup:
    return element("text", words, x=_n(x), y=_n(y), class_=kind)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
