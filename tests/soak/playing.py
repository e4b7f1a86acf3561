"""A stretch of trials, played by some processes at once, and the table of what they came to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

TESTS = Path(__file__).parents[1]
PER_WORLD = 14  # trials of one world, each with another fault: the undisturbed build is made once for them
OUTCOMES = (
    *("the same at once", "the same when typed again", "the same after what the message said"),
    *("put right by a person, then the same", "skipped", "FINDING"),
)
"""What a trial can come to, from good to bad."""

Played = dict[str, Any]


def play(seeds: Iterable[int], folder: Path, *, jobs: int = 1) -> Iterator[Played]:
    """Play the trials of these seeds, and yield what each came to as it is done; `folder` holds what they make.

    Raises RuntimeError where a process that plays them ends before it is done.
    """
    chosen = sorted(seeds)
    lines: SimpleQueue[Played | str] = SimpleQueue()
    parts = [[seed for seed in chosen if seed // PER_WORLD % jobs == job] for job in range(jobs)]
    players = [_started(folder / str(job), part) for job, part in enumerate(parts)]
    try:
        for player in players:
            Thread(target=_hear, args=(player, lines), daemon=True).start()
        for _ in chosen:
            played = lines.get()
            if isinstance(played, str):
                raise RuntimeError(played)
            yield played
    finally:
        for player in players:
            player.kill()
            player.wait()


def table(played: Sequence[Played]) -> str:
    """Return how often each fault came to what, then how often which complaint was met on the way."""
    counts = Counter((each["fault"], _outcome(each)) for each in played)
    outcomes = [outcome for outcome in OUTCOMES if any(seen == outcome for _, seen in counts)]
    lines = [f"| what went wrong | builds | {' | '.join(outcomes)} |", f"|---|{'--:|' * (len(outcomes) + 1)}"]
    for fault in dict.fromkeys(each["fault"] for each in sorted(played, key=lambda each: each["fault"])):
        row = [counts[fault, outcome] for outcome in outcomes]
        lines.append(f"| {fault} | {sum(row)} | {' | '.join(map(str, row))} |")
    total = [sum(count for (_, seen), count in counts.items() if seen == outcome) for outcome in outcomes]
    lines.append(f"| all | {len(played)} | {' | '.join(map(str, total))} |")
    said = Counter(
        complaint for each in played for complaint in set("; ".join(each["errors"]).split("; ")) if complaint
    )
    lines += ["", "| complaint on the way | builds |", "|---|--:|"]
    lines += [f"| {complaint} | {count} |" for complaint, count in sorted(said.items(), key=lambda row: (-row[1], row))]
    return "\n".join(lines)


def _outcome(played: Played) -> str:
    return str(played["outcome"]).partition(":")[0]


def _started(folder: Path, seeds: Sequence[int]) -> subprocess.Popen[str]:
    """Start a process that plays; in a name space of mounts of its own, where the system allows that."""
    apart = ["unshare", "--mount"]
    try:
        subprocess.run([*apart, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        apart = []
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    paths = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [*apart, sys.executable, "-m", "soak", str(folder), *map(str, seeds)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | one_thread | {"PYTHONPATH": paths},
    )


def _hear(player: subprocess.Popen[str], lines: SimpleQueue[Played | str]) -> None:
    assert player.stdout is not None
    assert player.stderr is not None
    for line in player.stdout:
        lines.put(json.loads(line))
    if player.wait():
        lines.put(f"a process that plays has ended with {player.returncode}: {player.stderr.read()}")
