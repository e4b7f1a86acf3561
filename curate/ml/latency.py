"""How long the forms of a model take for one picture, held against each other on a machine that may be busy."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from curate.ml.tflite import Interpreted

WORDS = {1: "1_thread", 2: "2_threads"}
"""What the figures of so many threads are called in a row of the table."""
WIDE = 1.25  # the largest ratio of a form over the smallest: beyond it is worth a word
_BLOCKS, _TURNS = 5, 12
_WARM = 5


def latency(made: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return for each form, by its name, what its row in the table says of time; "float" is what the others are
    held against.

    Forms are timed in turn, so that a busy moment hits all. `ms_<threads>` is the lower quartile of the milliseconds
    for one picture and `ratio_<threads>` that of the form over that of float: other work on the machine can only make
    an invocation slower, so the quicker ones say most about the form. `ratios_<threads>` are the smallest and
    the largest ratio of five parts of these turns: how far the ratio would be another if it were taken again.
    """
    rows: dict[str, dict[str, Any]] = {mode: {} for mode in made}
    for threads, word in WORDS.items():
        forms = {mode: Interpreted(path, threads=threads) for mode, path in made.items()}
        for form in forms.values():
            form.answer(np.full((1, form.side, form.side, 3), 127, np.uint8))
        for _ in range(_WARM):
            for form in forms.values():
                form.milliseconds()
        turns = [{mode: form.milliseconds() for mode, form in forms.items()} for _ in range(_BLOCKS * _TURNS)]
        for mode, row in rows.items():
            parts = [turns[start : start + _TURNS] for start in range(0, len(turns), _TURNS)]
            ratios = [_quick(part, mode) / _quick(part, "float") for part in parts]
            row[f"ms_{word}"] = _quick(turns, mode)
            row[f"ratio_{word}"] = _quick(turns, mode) / _quick(turns, "float")
            row[f"ratios_{word}"] = [min(ratios), max(ratios)]
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
