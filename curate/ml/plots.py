"""What figures look like as SVG, the same bytes each time: the history of a training, what an evaluation found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from curate.html.markup import Markup, join
from curate.html.plot import Axis, Line, chart, figure, file

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
