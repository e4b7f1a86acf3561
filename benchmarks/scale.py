"""How time and memory of each stage grow with the number of rows, on generated corpora.

    python benchmarks/scale.py                                    # 10,000, 100,000 and 1,000,000 rows
    python benchmarks/scale.py --rows 10000 --rows 30000 --drawn 0

Every stage and every question runs from the shell, in a process of its own: fetch (from a folder), parse, inspect,
dedup, label, split, then the ledger, all views, the splits handed on, an audit of those, the report, the records as
Parquet, verify, and a diff with the same corpus split by other shares. What is generated and what is true is said in
`generated_corpus.py`: between parse and inspect the facts of the bytes are put into the corpus, so that inspect finds
nothing waiting, and before dedup what second looks would say; neither is counted. Pictures are compared by their
perceptual hashes alone (`[dedup] by_places = false`), on all sizes.

First a corpus of `--drawn` rows whose pictures are drawn is built, with the shards: there inspect and dedup look.

Prints for each number of rows the seconds, and the megabytes of the largest process of the command (its peak resident
set; of several workers the largest counts, each has no more); then the exponents between the sizes: 1 is in proportion
to the rows. Exit code 1 where a command of the largest corpus held more than `--limit` (8 GB).
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import generated_corpus as generated

from curate import db
from curate.text_table import text_table
from curate.workspace import Workspace

# In a process of its own, so that its children are this one command alone, and none is taken for as large as this one.
_TIMED = """
import json, resource, subprocess, sys, time
started = time.monotonic()
command = [sys.executable, "-m", "curate", *sys.argv[1:]]
done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.monotonic() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
print(json.dumps([done.returncode, done.stderr.decode(errors="replace"), seconds, peak]))
"""

OTHER_SHARES = "\n[split]\ntrain = 0.65\nvalidation = 0.2\n"  # so that pictures change their split

Figures = dict[str, tuple[float, float]]


def timed(root: Path, *words: str, code: int = 0) -> tuple[float, float]:
    """Return the seconds and megabytes of one command; stop where it ends with another exit code."""
    command = [sys.executable, "-c", _TIMED, "--root", str(root), *words]
    found, said, seconds, megabytes = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if found != code:
        sys.exit(f"curate {' '.join(words)}: exit code {found}\n{said}")
    return seconds, megabytes


def measured(folder: Path, count: int, *, drawn: bool) -> Iterator[tuple[str, float, float]]:
    """Build a corpus of so many rows in an empty folder, ask it everything; yield (what, seconds, megabytes)."""
    root, given = folder / "root", folder / "sources"
    rows = generated.write(root, given, count, drawn=drawn)
    yield "fetch", *timed(root, "fetch", *generated.SOURCES, "--from", str(given))
    yield "parse", *timed(root, "parse")
    workspace = Workspace(root)
    if not drawn:
        locked = workspace.locked()
        archives = {source: locked[source].files[f"{source}.zip"].sha256 for source in generated.SOURCES}
        with workspace.database() as database:
            for table, found in generated.facts(rows, archives).items():
                database.insert(table, found)
    yield "inspect", *timed(root, "inspect")
    if not drawn:
        with workspace.database() as database:
            database.insert("looks", generated.looks(database))
    for stage in ("dedup", "label", "split", *(["shard"] if drawn else [])):
        yield stage, *timed(root, stage)
    yield from asked(root, folder)


def asked(root: Path, folder: Path) -> Iterator[tuple[str, float, float]]:
    """Ask a corpus everything, with what is handed on in the folder; yield (what, seconds, megabytes)."""
    yield "status", *timed(root, "status")
    views = [timed(root, "sql", f"from {view}") for view in db.views()]
    yield f"sql: {len(views)} views", sum(seconds for seconds, _ in views), max(peak for _, peak in views)
    yield "export splits", *timed(root, "export", "splits", "--out", str(folder / "splits"))
    yield "audit", *timed(root, "audit", str(folder / "splits" / "splits.csv"))
    yield "report", *timed(root, "report")
    yield "export parquet", *timed(root, "export", "parquet", "--out", str(folder / "parquet"))
    yield "verify", *timed(root, "verify")
    older = folder / "older.duckdb"
    shutil.copyfile(root / "data_cache" / "corpus.duckdb", older)
    with (root / "curate.toml").open("a") as recipe:
        recipe.write(OTHER_SHARES)
    timed(root, "split")
    yield "diff", *timed(root, "diff", str(older), str(root), code=1)


def shown(count: int, *, drawn: bool, around: Path | None) -> Figures:
    """Measure one size, and print each figure as it comes."""
    print(f"{count:,} rows{', drawn' if drawn else ''}", flush=True)
    figures: Figures = {}
    with tempfile.TemporaryDirectory(prefix="curate-scale-", dir=around) as folder:
        for what, seconds, peak in measured(Path(folder), count, drawn=drawn):
            figures[what] = (seconds, peak)
            print(f"  {what:16} {seconds:8.1f} s {peak:8,.0f} MB", flush=True)
    return figures


def exponents(sizes: dict[int, Figures]) -> str:
    """Return the table of all sizes, with the exponents from each to the next."""
    rows = []
    counts = sorted(sizes)
    for what in sizes[counts[0]]:
        row = {"stage": what}
        for count in counts:
            seconds, peak = sizes[count][what]
            row |= {f"{count:,}: s": f"{seconds:.1f}", f"{count:,}: MB": f"{peak:,.0f}"}
        for small, large in itertools.pairwise(counts):
            for place, unit in enumerate(("s", "MB")):
                grown = math.log(sizes[large][what][place] / sizes[small][what][place]) / math.log(large / small)
                row[f"exponent to {large:,}: {unit}"] = f"{grown:.2f}"
        rows.append(row)
    return text_table(rows)


def main() -> int:
    """Measure all sizes, print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, action="append", help="may be given several times")
    options.add_argument("--drawn", type=int, default=10_000, help="rows of the corpus with pictures; 0: none")
    options.add_argument("--limit", type=float, default=8.0, help="GB that the largest may hold (default: 8)")
    options.add_argument("--folder", type=Path, help="where to build (default: the system's temporary folder)")
    given = options.parse_args()
    if given.drawn:
        shown(given.drawn, drawn=True, around=given.folder)
    sizes = {
        count: shown(count, drawn=False, around=given.folder) for count in given.rows or (10_000, 100_000, 1_000_000)
    }
    print(exponents(sizes))
    largest = max(sizes)
    what, (_, peak) = max(sizes[largest].items(), key=lambda item: item[1][1])
    print(f"{largest:,} rows: at most {peak / 1000:.1f} GB of {given.limit:g} GB allowed, in {what}")
    return 0 if peak / 1000 <= given.limit else 1


if __name__ == "__main__":
    sys.exit(main())
