"""Disturbs builds of small random worlds, and prints what they came to: always the undisturbed corpus, or a complaint.

    python benchmarks/soak.py --builds 1000 --seed 0 --jobs 2
    python benchmarks/soak.py --only 17          # plays one again, and prints all that was typed

Each build is a small world drawn by its seed (one to four sources in their true layouts or tables of a steward's own,
a recipe, one or two workers) and one thing that goes wrong, in turn: see tests/soak/faults.py. Then the same is typed
again, or what the message says, until the outcome is the one of an undisturbed build of that world: the same rows in
`corpus` and `exclusions`, the same bytes in every shard, and `curate verify` finds nothing. Exit code 1 where a build
came to anything else: a traceback, a hang, another corpus, a message that does not help. A full disk is a small tmpfs,
which needs the right to mount one; without it those builds are skipped, and the table says so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

# The soak is a package beside the tests, which play 25 builds of it; it does not ship with curate.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from soak.playing import play, table


def main() -> None:
    """Play, and print the table and every finding with its seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--builds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2, help="builds at a time")
    parser.add_argument("--only", type=int, metavar="SEED", help="play this one, and tell all of it")
    parser.add_argument("--folder", type=Path, help="where the worlds are drawn (default: a temporary folder)")
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.builds) if given.only is None else [given.only]
    started = time.monotonic()
    played = []
    with tempfile.TemporaryDirectory(prefix="curate-soak-", dir=given.folder) as folder:
        for each in play(seeds, Path(folder), jobs=min(given.jobs, len(seeds))):
            played.append(each)
            if given.only is not None:
                print(json.dumps(each, indent=1))
            elif each["finding"]:
                print(f"FINDING, seed {each['seed']}: {each['fault']}, {each['told']}: {each['finding']}", flush=True)
            elif len(played) % 50 == 0:
                print(f"{len(played)} of {len(seeds)} after {time.monotonic() - started:.0f} s", file=sys.stderr)
    print(table(played))
    longest = max(each["seconds"] for each in played)
    print(f"\n{len(played)} builds in {time.monotonic() - started:.0f} s; the longest took {longest:.0f} s")
    if any(each["finding"] for each in played):
        sys.exit(1)


if __name__ == "__main__":
    main()
