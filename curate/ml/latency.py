"""How long the forms of a model take for one picture, held against each other on a machine that may be busy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curate.ml.tflite import Interpreted

WORDS = {1: "1_thread", 2: "2_threads"}
"""What the figures of so many threads are called in a row of the table."""
WIDE = 1.25  # the upper quartile of a form's ratios over the lower: beyond it is worth a word
_PARTS, _TURNS = 10, 10
_PAUSE = 0.1  # seconds between two parts: without, all turns share one moment of other work
_WARM = 3  # turns of each part that do not count


def latency(made: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return for each form, by its name, what its row in the table says of time; "float" is what the others are
    held against.

    Forms are timed in turn, so that a busy moment hits all. `ms_<threads>` is the lower quartile of the milliseconds
    for one picture and `ratio_<threads>` that of the form over that of float: other work on the machine can only make
    an invocation slower, so the quicker ones say most about the form. `ratios_<threads>` are the quartiles
    of the ratio in ten parts of these turns, 0.1 seconds apart: how far apart the moments were.
    """
    rows: dict[str, dict[str, Any]] = {mode: {} for mode in made}
    for threads, word in WORDS.items():
        forms = {mode: Interpreted(path, threads=threads) for mode, path in made.items()}
        for form in forms.values():
            form.answer(np.full((1, form.side, form.side, 3), 127, np.uint8))
        parts = []
        for _ in range(_PARTS):
            time.sleep(_PAUSE)
            each = [{mode: form.milliseconds() for mode, form in forms.items()} for _ in range(_WARM + _TURNS)]
            parts.append(each[_WARM:])
        turns = [turn for part in parts for turn in part]
        for mode, row in rows.items():
            ratios = [_quick(part, mode) / _quick(part, "float") for part in parts]
            quartiles = statistics.quantiles(ratios, n=4)
            row[f"ms_{word}"] = _quick(turns, mode)
            row[f"ratio_{word}"] = _quick(turns, mode) / _quick(turns, "float")
            row[f"ratios_{word}"] = [quartiles[0], quartiles[2]]
    return rows


def busy(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a note for each number of threads on which the ratio of a form was not the same throughout."""
    notes = []
    for word in WORDS.values():
        wide = [row for row in table if row[f"ratios_{word}"][1] > WIDE * row[f"ratios_{word}"][0]]
        if wide:
            told = ", ".join(
                f"{row['mode']} {'-'.join(f'{each:.2f}' for each in row[f'ratios_{word}'])}" for row in wide
            )
            notes.append(
                f"the machine was busy: on {word.replace('_', ' ')} the ratios to float were not the same throughout "
                f"({told}); curate quantize with nothing else running tells them better"
            )
    return notes


def _quick(turns: Sequence[Mapping[str, float]], mode: str) -> float:
    return statistics.quantiles((turn[mode] for turn in turns), n=4)[0]
