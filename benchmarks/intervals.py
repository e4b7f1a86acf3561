"""How often an interval of 95 % by families holds the truth, by the number of families.

    python benchmarks/intervals.py

Drawn are families of four pictures; a family's chance to be answered right is drawn from a beta distribution (2, 2), so
the true accuracy is 0.5 and pictures of a family are alike. Of `--times` such splits: how many intervals hold it.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np

from curate.ml.bootstrap import Shares, estimates
from curate.text_table import text_table

PICTURES = 4  # of a family


def coverage(families: int, times: int, seed: int) -> float:
    """Return the share of drawn splits of so many families whose interval holds the truth."""
    dice = np.random.default_rng(seed)
    family = np.repeat(np.arange(families), PICTURES)
    held = 0
    for _ in range(times):
        right = dice.random(len(family)) < dice.beta(2, 2, families)[family]
        share = Shares({"accuracy": (right, np.ones(len(family), bool))}, family, families)
        found = estimates({"whole": share}, families, count=500)["whole"]["accuracy"]
        low, high = found["low"], found["high"]
        held += low is not None and high is not None and low <= 0.5 <= high
    return held / times


def main() -> int:
    """Print the table."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--times", type=int, default=1000, help="splits that are drawn of each number of families")
    words.add_argument("--seed", type=int, default=0)
    given = words.parse_args()
    rows = [
        {"families": families, "interval holds the truth": f"{coverage(families, given.times, given.seed):.3f}"}
        for families in (3, 5, 10, 20, 40)
    ]
    print(text_table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
