"""What a build costs that has nothing to do, and one after a source was added, beside a build of everything.

    python benchmarks/again.py
    python benchmarks/again.py --from ../shared/data --sources isic_2018 isic_2019 pad_ufes_20 --last pad_ufes_20

Without `--from`, on the drawn world of the demo (`--size tiny|small|demo`). One root gets all sources but the last and
is built, then built again with nothing to do, then given the last source and built; another gets all at once and is
built. Every build is `curate build` in a process of its own, on the same files, workers and machine. Printed are its
seconds by stage (as the reports say them; `start and end` is what Python takes besides), the peak memory of its largest
process, and the ratios to the build of everything, beside the share of the pictures that the last source brings.
`--runs N`: the builds with nothing to do are run so often, and the best counts.

Exit code 1 where the two roots do not end with the same rows and the same bytes of shards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curate import pipeline
from curate.demo.world import make
from curate.manifest import read_all
from curate.text_table import text_table
from curate.workspace import Workspace, shipped

_SHARE = 0.08  # of the pictures: the source of the demo that comes nearest is the last

# In a process of its own, so that its children are this one build alone.
_TIMED = """
import json, resource, subprocess, sys, time
started = time.monotonic()
done = subprocess.run([sys.executable, "-m", "curate", *sys.argv[1:]], capture_output=True, text=True)
seconds = time.monotonic() - started
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
print(json.dumps([done.returncode, done.stderr, done.stdout, seconds, peak]))
"""


def main() -> int:
    """Print the table; return 1 where the corpora differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=("tiny", "small", "demo"), default="demo")
    parser.add_argument("--from", dest="folder", metavar="FOLDER", type=Path)
    parser.add_argument("--sources", nargs="+", default=[], metavar="SOURCE", help="those to take from FOLDER")
    parser.add_argument("--last", metavar="SOURCE", help="the one that comes last")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    words = parser.parse_args()
    if words.folder and (not words.last or words.last not in words.sources or len(words.sources) < 2):
        parser.error("--from needs --sources with two and more names, and --last with one of them")
    with tempfile.TemporaryDirectory(prefix="curate-again-") as scratch:
        grown, whole = Path(scratch) / "grown", Path(scratch) / "whole"
        sources, last, folders = words.sources, words.last, [words.folder]
        if not words.folder:
            world = make(Path(scratch) / "world", size=words.size)
            counts = Counter(record.source for record in world.records)
            sources, folders = sorted(counts), [world.served]
            last = last or min(counts, key=lambda name: abs(counts[name] / len(world.records) - _SHARE))
            for root in (grown, whole):
                world.write_manifests("http://127.0.0.1", read_all(shipped("manifests")))
                root.mkdir()
                (root / "manifests").symlink_to(world.manifests, target_is_directory=True)
        adopt(grown, [name for name in sources if name != last], folders)
        adopt(whole, sources, folders)
        print("building all but one source, to begin with", file=sys.stderr)
        build(grown, words.workers)
        nothing = min((build(grown, words.workers) for _ in range(words.runs)), key=lambda done: done["all"])
        adopt(grown, [last], folders)
        added = build(grown, words.workers)
        everything = build(whole, words.workers)
        share = new_pictures(whole, last)
        print(f"{last} comes last: {share['new']:,} of {share['all']:,} pictures, {share['new'] / share['all']:.1%}\n")
        print(table(everything, nothing, added))
        for title, done in (("nothing to do", nothing), (f"{last} added", added)):
            print(f"\n{title}: {done['all'] / everything['all']:.3f} of the build of everything", end="")
        print(f"\nshare of new pictures: {share['new'] / share['all']:.3f}")
        same = [corpus(grown), corpus(whole)]
        print("the two corpora and their shards are", "equal" if same[0] == same[1] else f"NOT equal: {same}")
        return 0 if same[0] == same[1] else 1


def adopt(root: Path, sources: Sequence[str], folders: Sequence[Path]) -> None:
    """Bring in the files of sources; stop where one has none."""
    for source in sources:
        at = [folder / source if (folder / source).is_dir() else folder for folder in folders]
        report = pipeline.run("fetch", Workspace(root), sources=[source], from_=at, accept_license=True)
        if not Workspace(root).tree_path(source).exists():
            sys.exit("\n".join(report.problems) or f"nothing of {source} lies in {at[0]}")


def build(root: Path, workers: int) -> dict[str, Any]:
    """Build in a process of its own; return seconds by stage and in all, and the peak memory in MB."""
    command = ["--root", str(root), "--json", "build", "--workers", str(workers)]
    told = subprocess.run([sys.executable, "-c", _TIMED, *command], capture_output=True, text=True, check=True)
    code, errors, document, seconds, peak = json.loads(told.stdout)
    if code:
        sys.exit(f"curate build ended with {code}:\n{errors}{document}")
    stages = {report["stage"]: report["seconds"] for report in json.loads(document)["reports"]}
    return {"stages": stages, "all": seconds, "peak": peak}


def table(everything: dict[str, Any], nothing: dict[str, Any], added: dict[str, Any]) -> str:
    """Return the seconds of each stage in the three builds, with the ratios."""

    names = ("", "everything", "nothing to do", "ratio", "one added", "ratio ")

    def row(name: str, whole: float, none: float, one: float, form: str = ".2f") -> dict[str, str]:
        ratio = [f"{each / whole:.3f}" if whole > 0.005 else "" for each in (none, one)]
        cells = (name, f"{whole:{form}}", f"{none:{form}}", ratio[0], f"{one:{form}}", ratio[1])
        return dict(zip(names, cells, strict=True))

    builds = (everything, nothing, added)
    rows = [row(f"{stage}, s", *(done["stages"][stage] for done in builds)) for stage in pipeline.STAGES]
    besides = [done["all"] - sum(done["stages"].values()) for done in builds]
    rows.append(row("start and end, s", *besides))
    rows.append(row("all, s", everything["all"], nothing["all"], added["all"]))
    rows.append(row("peak memory, MB", everything["peak"], nothing["peak"], added["peak"], ".0f"))
    return text_table(rows)


def new_pictures(root: Path, last: str) -> dict[str, int]:
    """Return how many pictures of all that are known are of the last source."""
    found = Workspace(root).ask("select split_part(id, ':', 1) as source, count(*) as n from pictures group by source")
    of = Counter({row["source"]: row["n"] for row in found.to_pylist()})
    return {"new": of[last], "all": of.total()}


def corpus(root: Path) -> tuple[dict[str, str], dict[str, str] | None]:
    """Return the hashes of a corpus' rows, and those of its shards."""
    made = Workspace(root).lock().corpus
    assert made is not None
    return made.rows, made.shards


if __name__ == "__main__":
    sys.exit(main())
