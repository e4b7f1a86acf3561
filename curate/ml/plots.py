"""What figures look like as SVG, the same bytes each time: the history of a training, what an evaluation found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from curate.html.markup import Markup, element, join
from curate.html.plot import WIDTH, Axis, Line, chart, figure, file

_SQUARE = WIDTH - 56.0  # units: as high as wide
STROKES = (
    ("red", ""),
    ("blue", ""),
    ("green", "dashed"),
    ("orange", "dashed"),
    ("pink", "dotted"),
    ("dark", "dotted"),
)
_PANELS = (("loss", "loss"), ("accuracy", "accuracy"))
_LINES = (("", "training", "blue", ""), ("val_", "validation", "red", "dashed"))


def history(history: Mapping[str, Sequence[float]]) -> str:
    """Return loss and accuracy over the epochs, of training and validation, as an SVG file.

    `history` is what `history.json` says: `loss`, `accuracy`, `val_loss`, `val_accuracy`, a number for each epoch from
    the first; other names are not drawn, nor what is no number. Without any of them the drawing says so.
    """
    return file(*_history(history))


def history_figure(history: Mapping[str, Sequence[float]]) -> Markup:
    """Return what `history` returns as a part of a page."""
    return figure(*_history(history))


def roc(curves: Mapping[str, Sequence[tuple[float, float]]], strokes: Sequence[tuple[str, str]] = STROKES) -> Markup:
    """Return the ROC curves of some classes, points of (1 - specificity, sensitivity) by label, as a part of a page."""
    lines = [
        Line(label, points, *strokes[place % len(strokes)]) for place, (label, points) in enumerate(curves.items())
    ]
    lines.append(Line("chance", [(0, 0), (1, 1)], "grey", "dotted"))
    return figure(
        *chart(lines, Axis.share("1 - specificity"), Axis.share("sensitivity"), height=_SQUARE),
        f"ROC curves of {', '.join(curves)}: sensitivity over 1 - specificity",
    )


def reliability(bins: Sequence[Mapping[str, Any]]) -> Markup:
    """Return how often an answer is right over its probability, a dot for each bin that has pictures."""
    held = [each for each in bins if each["pictures"]]
    points = [(each["confidence"], each["accuracy"]) for each in held]
    lines = [
        Line("answers", points, "blue", dots=True),
        Line("right as often as said", [(0, 0), (1, 1)], "grey", "dotted"),
    ]
    told = "; ".join(
        f"{each['pictures']} pictures said {x:.2f}, right {y:.2f}" for each, (x, y) in zip(held, points, strict=True)
    )
    x, y = Axis.share("mean probability of the answer"), Axis.share("share that is right")
    return figure(*chart(lines, x, y, height=_SQUARE), f"reliability: {told}")


def confusion(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> Markup:
    """Return a matrix of numbered classes, truth down and answer across, darker where more of a class is answered so.

    It is a part of a page; the numbers, from 1, are explained beside it.
    """
    size = len(labels)
    side = min(60.0, (WIDTH - 40.0) / size)
    drawn: list[Markup] = []
    for row in range(size):
        whole = sum(counts[row])
        if size <= 20 or row % 5 == 4 or row == 0:
            middle = 34 + side * (row + 0.5)
            drawn.append(element("text", row + 1, x=30, y=f"{middle + 4:.1f}", class_="soft end"))
            drawn.append(element("text", row + 1, x=f"{middle:.1f}", y=26, class_="soft middle"))
        for column in range(size):
            count = counts[row][column]
            share = count / whole if whole else 0.0
            words = f"{labels[row]} answered {labels[column]}: {count} of {whole}"
            drawn.append(
                element(
                    "rect",
                    element("title", words) if count else None,
                    x=f"{34 + side * column:.2f}",
                    y=f"{34 + side * row:.2f}",
                    width=f"{side * 0.96:.2f}",
                    height=f"{side * 0.96:.2f}",
                    class_="cell right" if row == column else "cell",
                    fill_opacity=f"{0.15 + 0.85 * share:.2f}" if count else "0.04",
                )
            )
    drawn.append(element("text", "answer →", x=34, y=11, class_="soft"))
    drawn.append(element("text", "truth ↓", x=0, y=26, class_="soft"))
    return figure(join(drawn), 40 + side * size, f"confusion matrix of {size} classes; the table gives its numbers")


def _history(history: Mapping[str, Sequence[float]]) -> tuple[Markup, float, str]:
    drawn, end, said = [], 8.0, []
    for name, word in _PANELS:
        lines = [
            Line(f"{word}, {of}", list(enumerate(map(float, history[prefix + name]), 1)), colour, stroke)
            for prefix, of, colour, stroke in _LINES
            if len(history.get(prefix + name, ()))
        ]
        values = [value for line in lines for _, value in line.points if math.isfinite(value)]
        if not values:
            continue
        epochs = max(len(line.points) for line in lines)
        y = Axis.share(word) if name == "accuracy" else Axis.of(word, 0.0, max(values))
        part, end = chart(lines, _epochs(epochs), y, top=end, height=150)
        end += 8
        drawn.append(part)
        said += [f"{line.name} {line.points[-1][1]:.3f} after {len(line.points)} epochs" for line in lines]
    if not drawn:
        return Markup(""), 20.0, "history of the training: nothing was kept"
    return join(drawn), end, f"history of the training: {'; '.join(said)}"


def _epochs(epochs: int) -> Axis:
    if epochs == 1:
        return Axis("epoch", 0.5, 1.5, (1.0,), 0)
    step = max(1, math.ceil(epochs / 6))
    return Axis("epoch", 1, epochs, tuple(float(epoch) for epoch in range(1, epochs + 1, step)), 0)
