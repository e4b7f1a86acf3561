"""How long an audit takes, from the shell, once the label files are parsed.

    python benchmarks/audit.py --from ../shared/data/isic/metadata

Needs the label files of the five ISIC years below the folder. Prints the seconds of `curate audit` in a process of its
own, the best of some runs and all of them, and the memory (peak resident set of that process):

1. for the 71,372 training rows of the five years, split by chance, against the limit of 3 s; exit code 1 above it.
2. for five million rows, a fiftieth of them known pictures: no limit but 2 GB.

`--runs N`, `--rows N` for the second table (0: not at all).
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from curate import pipeline
from curate.workspace import Workspace

YEARS = [f"isic_{year}" for year in range(2016, 2021)]
TRAINING_ROWS = 71_372
LIMIT_S = 3.0
LIMIT_MB = 2_000

# In a process of its own, so that its children are this one audit alone.
_TIMED = """
import json, resource, subprocess, sys, time
started = time.monotonic()
done = subprocess.run([sys.executable, "-m", "curate", *sys.argv[1:]], capture_output=True, text=True)
seconds = time.monotonic() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
print(json.dumps([done.returncode, done.stderr, seconds, peak]))
"""


def parsed(root: Path, folder: Path) -> list[tuple[str, bool]]:
    """Parse the label files into a root; return the name of each record, and whether it is a training row."""
    workspace = Workspace(root)
    pipeline.run("fetch", workspace, sources=YEARS, labels_only=True, from_=[folder])
    pipeline.run("parse", workspace, labels_only=True)
    with workspace.database(read_only=True) as database:
        rows = database.table("records").select(["image_id", "published_split"]).to_pylist()
    return [(row["image_id"] + ".jpg", row["published_split"] == "train") for row in rows]


def written(path: Path, names: Iterable[str]) -> Path:
    """Write a split by chance; the same names give the same split."""
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["image", "split"])
        out.writerows((name, chance.choices(["train", "val", "test"], [70, 15, 15])[0]) for name in names)
    return path


def timed(root: Path, path: Path) -> tuple[float, float]:
    """Return the seconds and megabytes of one audit; stop where it neither finds a leak nor says that there is none."""
    command = [sys.executable, "-c", _TIMED, "--root", str(root), "audit", str(path)]
    code, said, seconds, megabytes = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if code not in (0, 1):
        sys.exit(said)
    return seconds, megabytes


def main() -> int:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--from", dest="folder", type=Path, required=True)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--rows", type=int, default=5_000_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as folder:
        root = Path(folder) / "root"
        records = parsed(root, given.folder)
        training = [name for name, is_training in records if is_training]
        if len(training) != TRAINING_ROWS:
            sys.exit(f"{len(training):,} training rows below {given.folder}, not {TRAINING_ROWS:,}")
        small = written(Path(folder) / "training.csv", training)
        runs = [timed(root, small) for _ in range(given.runs)]
        best = min(seconds for seconds, _ in runs)
        told = ", ".join(f"{seconds:.2f}" for seconds, _ in runs)
        print(f"{TRAINING_ROWS:,} rows: {best:.2f} s of {LIMIT_S:g} s allowed (all runs: {told}), {runs[0][1]:,.0f} MB")
        good = best <= LIMIT_S
        if given.rows:
            names = (
                records[number % len(records)][0] if number % 50 == 0 else f"strange/{number}.jpg"
                for number in range(given.rows)
            )
            seconds, megabytes = timed(root, written(Path(folder) / "many.csv", names))
            print(f"{given.rows:,} rows: {seconds:.1f} s, {megabytes:,.0f} MB of {LIMIT_MB:,} MB allowed")
            good = good and megabytes <= LIMIT_MB
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
