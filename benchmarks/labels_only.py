"""How long a corpus of labels takes from the shell: build, audit, questions, and the start of the command itself.

    python benchmarks/labels_only.py --from ../shared/data

Needs the label files of the ten sources below the folder, in the folders `isic/metadata`, `asan`, `severance`, `ph2`
and `pad_ufes_20`. Each command is a process of its own, as from a shell; what it spends and takes is asked of the
system when it ends (`wait4`). Prints for each the median and the fastest of `--runs` runs in seconds, the seconds of
processor (median), and the peak memory (largest):

1. `curate --help`, and `curate status` and `curate sql` on an empty folder: what every command costs before it does any
   work, beside `python -c pass` and beside a Python that only imports what speaks to the database (DuckDB, pyarrow);
2. `fetch --labels-only --from` of all sources, then `build --labels-only` of all, on a new root each time;
3. `build --labels-only` again, with nothing to do;
4. `status`, `sql` (a view, and a count by class of the whole corpus), `audit` of the corpus' own splits and of a
   stranger's CSV with a row for each training picture of the five ISIC years, on the last of those roots.

With `--profile` it also prints, for `build` and `audit`, the functions in which the seconds went.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate.text_table import text_table
from curate.workspace import Workspace

FOLDERS = ("isic/metadata", "asan", "severance", "ph2", "pad_ufes_20")
YEARS = [f"isic_{year}" for year in range(2016, 2021)]
BALANCE = "select source, category, count(*) as pictures from corpus group by all order by all"


# Starts the command and waits for it, and is small: what a large process starts is counted as large as that.
_TIMED = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
code = process.returncode = os.waitstatus_to_exitcode(status)
print(json.dumps([code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000]))
"""


def spent(command: Sequence[str], good: Sequence[int] = (0,)) -> tuple[float, float, float]:
    """Run one command; return seconds, seconds of processor, and megabytes at most. Stop where it fails."""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", _TIMED, *command], capture_output=True, text=True)
    code, *figures = json.loads(done.stdout)
    if code not in good:
        sys.exit(f"{' '.join(command)}: exit code {code}\n{done.stderr}")
    return figures[0], figures[1], figures[2]


def row(told: str, runs: Sequence[tuple[float, float, float]]) -> dict[str, Any]:
    """Return a line of the table."""
    seconds, processor, megabytes = zip(*runs, strict=True)
    return {
        "command": told,
        "seconds": f"{statistics.median(seconds):.2f}",
        "fastest": f"{min(seconds):.2f}",
        "processor, s": f"{statistics.median(processor):.2f}",
        "MB": f"{max(megabytes):,.0f}",
        "runs": len(runs),
    }


def strangers(root: Path, path: Path) -> int:
    """Write a split by chance of the training pictures of the five years; return the number of rows."""
    with Workspace(root).database(read_only=True) as database:
        records = database.table("records").select(["image_id", "source", "published_split"]).to_pylist()
    names = [one["image_id"] for one in records if one["source"] in YEARS and one["published_split"] == "train"]
    chance = random.Random(1)
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["image", "split"])
        out.writerows((f"{name}.jpg", chance.choices(["train", "val", "test"], [70, 15, 15])[0]) for name in names)
    return len(names)


def profiled(words: Sequence[str]) -> None:
    """Print where the seconds of one command went."""
    with tempfile.TemporaryDirectory() as folder:
        stats = Path(folder) / "stats"
        command = [sys.executable, "-m", "cProfile", "-o", str(stats), "-m", "curate", "-q", *words]
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asked = f"import pstats; pstats.Stats({str(stats)!r}).sort_stats('cumtime').print_stats('curate|built-in', 25)"
        print(f"\n{' '.join(words)}", flush=True)
        subprocess.run([sys.executable, "-c", asked])


def main() -> int:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--from", dest="folder", type=Path, required=True)
    options.add_argument("--runs", type=int, default=5)
    options.add_argument("--profile", action="store_true")
    given = options.parse_args()
    lacking = [name for name in FOLDERS if not (given.folder / name).is_dir()]
    if lacking:
        sys.exit(f"no folder {', '.join(lacking)} below {given.folder}")
    from_ = [word for name in FOLDERS for word in ("--from", str(given.folder / name))]
    curate = [sys.executable, "-m", "curate", "-q"]
    rows: list[dict[str, Any]] = []

    def several(told: str, command: Sequence[str], good: Sequence[int] = (0,)) -> None:
        spent(command, good)  # what is read from the disk for the first time is not counted
        rows.append(row(told, [spent(command, good) for _ in range(given.runs)]))

    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as folder:
        empty, root, split = Path(folder) / "empty", Path(folder) / "root", Path(folder) / "strangers.csv"
        empty.mkdir()
        several("python -c pass", [sys.executable, "-c", "pass"])
        several("python -c 'import duckdb, pyarrow'", [sys.executable, "-c", "import duckdb, pyarrow"])
        several("curate --help", [*curate, "--help"])
        several("curate status (empty folder)", [*curate, "--root", str(empty), "status"], (0, 3))
        several("curate sql (empty folder)", [*curate, "--root", str(empty), "sql", "select 1"], (0, 3))
        fetched, built = [], []
        for _ in range(given.runs):
            shutil.rmtree(root, ignore_errors=True)
            on = [*curate, "--root", str(root)]
            fetched.append(spent([*on, "fetch", "--labels-only", "--accept-license", *from_]))
            built.append(spent([*on, "build", "--labels-only"]))
        rows += [row("curate fetch --labels-only --from", fetched), row("curate build --labels-only", built)]
        several("curate build --labels-only, again", [*on, "build", "--labels-only"])
        several("curate status", [*on, "status"])
        several("curate sql 'from class_balance'", [*on, "sql", "from class_balance"])
        several("curate sql '... group by all'", [*on, "sql", BALANCE])
        count = strangers(root, split)
        own = Path(folder) / "own"
        spent([*on, "export", "splits", "--out", str(own)])
        several("curate audit (our splits)", [*on, "audit", str(next(own.rglob("*.csv")))], (0, 1))
        several(f"curate audit ({count:,} rows by chance)", [*on, "audit", str(split)], (0, 1))
        with Workspace(root).database(read_only=True) as database:
            print(f"{database.count('records'):,} records, {database.count('corpus'):,} of them in the corpus\n")
        print(text_table(rows))
        if given.profile:
            profiled(["--root", str(root), "audit", str(split)])
            profiled(["--root", str(root), "sql", BALANCE])
            for stage in ("parse", "dedup", "label", "split"):
                profiled(["--root", str(root), stage])
    return 0


if __name__ == "__main__":
    sys.exit(main())
