"""Plots: valid SVG of the same bytes, on which each number is where it belongs."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.html.plot import Axis, Line, chart
from curate.ml.plots import history

SVG = "{http://www.w3.org/2000/svg}"


def test_the_history_shows_each_epoch_of_training_and_validation() -> None:
    told = {
        "loss": [1.5, 1.0, 0.5],
        "val_loss": [2.0, 1.0, math.nan],
        "accuracy": [0.3, 0.5, 0.9],
        "val_accuracy": [0.3, 0.4, 0.5],
        "learning_rate": [1.0, 1.0, 1.0],
    }
    drawing = history(told)
    assert drawing == history({name: told[name] for name in reversed(told)})
    tree = ElementTree.fromstring(drawing)
    curves = [path for path in tree.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None]
    named = {path.findtext(f"{SVG}title"): len(re.findall("[ML]", path.get("d", ""))) for path in curves}
    assert named == {
        "loss, training": 3,
        "loss, validation": 2,
        "accuracy, training": 3,
        "accuracy, validation": 3,
    }
    assert "accuracy, validation 0.500 after 3 epochs" in (tree.findtext(f"{SVG}title") or "")
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("told", [{}, {"loss": []}, {"loss": [math.nan]}, {"lr": [1.0]}])
def test_a_history_of_nothing_says_so(told: dict[str, list[float]]) -> None:
    assert "nothing was kept" in (ElementTree.fromstring(history(told)).findtext(f"{SVG}title") or "")


def test_one_epoch_is_a_dot() -> None:
    tree = ElementTree.fromstring(history({"loss": [0.7]}))
    assert len(list(tree.iter(f"{SVG}circle"))) == 1


def test_a_point_lies_where_its_numbers_say() -> None:
    drawn, end = chart([Line("one", [(0, 0), (1, 1)], "blue")], Axis.share("x"), Axis.share("y"), height=100)
    (path,) = re.findall(r'<path d="([^"]*)" class="curve blue"><title>', drawn)
    assert path == "M46 136L350 36"
    assert end == 172


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_an_axis_holds_its_numbers(low: float, span: float) -> None:
    axis = Axis.of("loss", low, low + span)
    slack = 1e-6 * max(1.0, abs(low) + span)
    assert axis.low <= low + slack
    assert axis.high >= low + span - slack
    assert 2 <= len(axis.ticks) <= 7
    assert axis.low < axis.high
