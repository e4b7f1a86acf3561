"""What a stage did: how much it made, what was there already, what it left out and why; and how progress is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any


class Advance:
    """A bar, as who does the work sees it: called with the amount done since, and told when the whole has grown."""

    def __init__(
        self, moved: Callable[[int], object] = lambda amount: None, grown: Callable[[int], object] = lambda more: None
    ) -> None:
        self._moved, self.grow = moved, grown

    def __call__(self, amount: int) -> None:
        """Say that so much was done since (negative: that so much has to be done again)."""
        self._moved(amount)


Progress = Callable[[str, int | None, str], AbstractContextManager[Advance]]
"""`progress(title, total, unit)` opens a bar; `total` None: not known."""


Say = Callable[[str], object]
"""Told a line at once, while the work goes on."""


def unsaid(text: str) -> None:
    """Say nothing: what `silent` is to progress."""


@contextmanager
def silent(title: str, total: int | None, unit: str) -> Iterator[Advance]:
    """Show nothing: the progress of a library call or of a quiet command line."""
    yield Advance()


@dataclass
class Report:
    """The outcome of one stage.

    `made` and `there` count `unit`s; `left_out` counts by reason; `notes` are sentences for people;
    `anew`: the stage builds its tables anew each time, in seconds; `did` is what was done to the units where nothing
    was made ("scored"); `nothing_new`: the stage was passed over, since all is there; `details` is what `--json` adds;
    `findings` above zero turns the exit code into 1; `problems` into 3.
    """

    stage: str
    unit: str
    made: int = 0
    there: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    findings: int = 0
    anew: bool = False
    nothing_new: bool = False
    did: str = "made"
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 done, 1 a finding, 3 something could not be done."""
        if self.problems:
            return 3
        return 1 if self.findings else 0

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values, ready for JSON."""
        return {
            "stage": self.stage,
            "unit": self.unit,
            "made": self.made,
            "there": self.there,
            "nothing_new": self.nothing_new,
            "left_out": self.left_out,
            "notes": self.notes,
            "problems": self.problems,
            "details": self.details,
            "findings": self.findings,
            "seconds": round(self.seconds, 3),
        }
