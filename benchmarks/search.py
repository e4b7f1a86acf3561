"""How long all near pairs of many hashes take, beside faiss' exact binary range search and imagededup's own.

    python benchmarks/search.py
    python benchmarks/search.py --from ../shared/data --peer-python ../imagededup/bin/python

Draws 64-bit hashes: random ones, a tenth of them copies of another with 0 to 8 bits flipped. With `--from`, each of the
eight rows of a hash is that of some real picture below the folder (its perceptual hash), so that bits are as often set,
and as often set together, as in real ones. Asked for are all pairs that differ in at most 8 bits. Prints

1. at 60,000 hashes (`--hashes`): seconds of `curate.images.hash_search.near_pairs` and of faiss'
   `IndexBinaryFlat(64).range_search`, by turns on the same hashes, one thread against one and all cores against all:
   median, fastest and the ratio, which is the median over the turns. The exit code is 1 where one of both is below 10
   (`--least`), or where the pairs differ.
2. curves of each from 10,000 to 1,000,000 hashes with all cores, each point in a process of its own: seconds, what
   the search took of memory beyond what was there before it, and the exponent of the seconds from point to point. faiss
   goes on as long as its next point is expected within `--limit` seconds.
3. imagededup's `find_duplicates` on an encoding map, by its compiled brute force and by its BK-tree, from 1,000 hashes
   on as long as the next point is expected within `--limit` seconds, and ours on the same hashes. It needs PyTorch, so
   it may live in another environment: `python -m venv ../imagededup && ../imagededup/bin/pip install imagededup`, then
   `--peer-python ../imagededup/bin/python`. Where it is not, that table is left out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np

from curate.errors import CurateError
from curate.images import codec, fingerprint
from curate.images.hash_search import Hashes, near_pairs
from curate.text_table import text_table
from curate.workers import available, spread

DISTANCE = 8
CURVE = (10_000, 30_000, 100_000, 300_000, 1_000_000)
PEER_CURVE = (1_000, 3_000, 10_000, 30_000, 60_000)

# Run where imagededup is: reads hashes, prints seconds, and the pairs as a hash of their sorted places.
_PEER = """
import hashlib, json, logging, sys, time
import numpy as np
from imagededup.methods import PHash
logging.disable(logging.INFO)
path, method, distance = sys.argv[1], sys.argv[2], int(sys.argv[3])
names = {str(place): format(int(value), "016x") for place, value in enumerate(np.load(path))}
if __name__ == "__main__":
    start = time.perf_counter()
    found = PHash(verbose=False).find_duplicates(
        encoding_map=names, max_distance_threshold=distance, search_method=method)
    seconds = time.perf_counter() - start
    pairs = sorted((int(i), int(j)) for i, others in found.items() for j in others if int(i) < int(j))
    told = hashlib.sha256(np.array(pairs, "<i8").reshape(-1, 2).tobytes()).hexdigest()
    print(json.dumps({"seconds": seconds, "pairs": len(pairs), "sha256": told}))
"""


def perceptual(paths: list[Path]) -> list[int]:
    """Return the perceptual hash of each picture that can be read and has detail."""
    found = []
    for path in paths:
        try:
            known = fingerprint.fingerprint(codec.decode(path.read_bytes(), min_side=256).pixels)
        except CurateError:
            continue  # not a picture that is read: the folder may hold anything
        if known.detail >= 2:
            found.append(known.phash)
    return found


def real(root: Path) -> Hashes:
    """Return the hashes of the pictures below a folder."""
    paths = sorted(path for end in ("jpg", "png", "bmp") for path in root.rglob(f"*.{end}"))
    some = [paths[start : start + 16] for start in range(0, len(paths), 16)]
    hashes = [one for found in spread(perceptual, some, workers=available()) for one in found]
    return np.unique(np.array(hashes, np.uint64))


def drawn(count: int, models: Hashes) -> Hashes:
    """Return so many hashes, a tenth of them within 0 to 8 bits of another; the same at each call."""
    chance = np.random.default_rng(count)
    hashes = chance.integers(0, 2**64, count, dtype=np.uint64)
    if len(models):
        rows = [np.uint64(0xFF << shift) for shift in range(0, 64, 8)]
        hashes = np.bitwise_or.reduce([models[chance.integers(0, len(models), count)] & row for row in rows])
    copies = chance.permutation(count)[: count // 10]
    hashes[copies] = hashes[chance.integers(0, count, len(copies))]
    for flipped in range(8):  # the same bit twice flips back: 0 to 8 bits differ
        some = copies[chance.integers(0, 9, len(copies)) > flipped]
        hashes[some] ^= np.uint64(1) << chance.integers(0, 64, len(some), dtype=np.uint64)
    return hashes


def ours(hashes: Hashes, threads: int) -> tuple[Any, Any]:
    """Return the pairs as `dedup` finds them."""
    return near_pairs(hashes, DISTANCE, threads=threads)[:2]


def faiss_pairs(hashes: Hashes, threads: int) -> tuple[Any, Any]:
    """Return the pairs as faiss finds them; each comes twice, and each hash with itself, so those are left out."""
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexBinaryFlat(64)
    index.add(hashes.view(np.uint8).reshape(-1, 8))
    limits, _, found = index.range_search(hashes.view(np.uint8).reshape(-1, 8), DISTANCE + 1)
    asked = np.repeat(np.arange(len(hashes)), np.diff(limits).astype(np.int64))
    once = asked < found
    i, j = asked[once], found[once]
    order = np.lexsort((j, i))
    return i[order], j[order]


SEARCHES: dict[str, Callable[[Hashes, int], tuple[Any, Any]]] = {"curate": ours, "faiss": faiss_pairs}


def told(i: Any, j: Any) -> str:
    """Return the sha256 of the pairs in order."""
    return hashlib.sha256(np.stack([i, j], axis=1).astype("<i8").tobytes()).hexdigest()


def timed(search: Callable[[Hashes, int], tuple[Any, Any]], hashes: Hashes, threads: int) -> tuple[float, str, int]:
    """Return seconds, the sha256 of the pairs, and how many there are."""
    start = time.perf_counter()
    i, j = search(hashes, threads)
    return time.perf_counter() - start, told(i, j), len(i)


def resident(name: str) -> float:
    """Return megabytes of this process from /proc/self/status: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def one(name: str, path: Path, threads: int) -> None:
    """Print the outcome of one search in this process as JSON."""
    hashes = np.load(path)
    SEARCHES[name](hashes[:5_000], threads)  # so that what is loaded at the first use is not counted
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    seconds, sha256, pairs = timed(SEARCHES[name], hashes, threads)
    megabytes = resident("VmHWM") - before
    print(json.dumps({"seconds": seconds, "sha256": sha256, "pairs": pairs, "megabytes": megabytes}))


def asked(command: Sequence[str]) -> dict[str, Any]:
    """Return what a process of its own prints as JSON; stop with its words where it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def face_to_face(hashes: Hashes, turns: int) -> tuple[list[dict[str, Any]], bool, list[float]]:
    """Time both by turns; return the rows of the table, whether their pairs are the same, and the ratios."""
    rows, same, ratios = [], True, []
    for threads in dict.fromkeys([1, available()]):
        times: dict[str, list[float]] = {name: [] for name in SEARCHES}
        for turn in range(turns):
            answers = {}
            for name in sorted(SEARCHES, reverse=bool(turn % 2)):
                seconds, *answers[name] = timed(SEARCHES[name], hashes, threads)
                times[name].append(seconds)
                time.sleep(0.1)  # threads of the other wait awake for a moment
            same &= answers["curate"] == answers["faiss"]
        ratio = statistics.median(b / a for a, b in zip(times["curate"], times["faiss"], strict=True))
        ratios.append(ratio)
        row: dict[str, Any] = {"threads of each": threads, "hashes": f"{len(hashes):,}"}
        row |= {f"{name}, s": f"{statistics.median(some):.3f}" for name, some in times.items()}
        row |= {f"{name}, fastest": f"{min(some):.3f}" for name, some in times.items()}
        rows.append(row | {"ratio": f"{ratio:.1f}x", "pairs": f"{answers['curate'][1]:,}"})
    return rows, same, ratios


def exponent(before: tuple[int, float] | None, now: tuple[int, float]) -> float | None:
    """Return by which power of the number the seconds grew."""
    if before is None:
        return None
    return math.log(now[1] / before[1]) / math.log(now[0] / before[0])


def expected(points: list[tuple[int, float]], count: int) -> float:
    """Return the seconds that so many hashes are to take of what compares each with each."""
    return points[-1][1] * (count / points[-1][0]) ** 2 if points else 0.0


def curves(folder: Path, models: Hashes, limit: float) -> list[dict[str, Any]]:
    """Return a row for each point of both curves."""
    points: dict[str, list[tuple[int, float]]] = {name: [] for name in SEARCHES}
    rows = []
    for count in CURVE:
        path = folder / f"{count}.npy"
        np.save(path, drawn(count, models))
        answers = {}
        for name, known in points.items():
            if name != "curate" and expected(known, count) > limit:
                continue
            answer = asked([sys.executable, __file__, "--one", name, str(path), str(available())])
            now = (count, answer["seconds"])
            grew = exponent(known[-1] if known else None, now)
            known.append(now)
            answers[name] = answer
            rows.append(
                {
                    "search": name,
                    "hashes": f"{count:,}",
                    "seconds": f"{now[1]:.3f}",
                    "MB": f"{answer['megabytes']:,.0f}",
                    "pairs": f"{answer['pairs']:,}",
                    "exponent": None if grew is None else f"{grew:.2f}",
                    "ratio": None if name == "curate" else f"{now[1] / answers['curate']['seconds']:.1f}x",
                    "same pairs": None if name == "curate" else answer["sha256"] == answers["curate"]["sha256"],
                }
            )
        path.unlink()
    for name, known in points.items():
        over = exponent(known[0], known[-1])
        print(f"{name}: exponent {over:.2f} from {known[0][0]:,} to {known[-1][0]:,} hashes")
    return sorted(rows, key=lambda row: str(row["search"]))


def peers(folder: Path, models: Hashes, python: str, limit: float) -> list[dict[str, Any]]:
    """Return a row for each point of imagededup's curves."""
    rows = []
    for method in ("brute_force_cython", "bktree"):
        known: list[tuple[int, float]] = []
        for count in PEER_CURVE:
            if expected(known, count) > limit:
                print(f"imagededup, {method}: {count:,} hashes not run, about {expected(known, count):,.0f} s by n x n")
                break
            path = folder / "peer.npy"
            hashes = drawn(count, models)
            np.save(path, hashes)
            answer = asked([python, "-c", _PEER, str(path), method, str(DISTANCE)])
            ours_s, sha256, pairs = timed(ours, hashes, available())
            now = (count, answer["seconds"])
            grew = exponent(known[-1] if known else None, now)
            known.append(now)
            rows.append(
                {
                    "imagededup's search": method,
                    "hashes": f"{count:,}",
                    "seconds": f"{now[1]:.2f}",
                    "curate, s": f"{ours_s:.3f}",
                    "ratio": f"{now[1] / ours_s:,.0f}x",
                    "exponent": None if grew is None else f"{grew:.2f}",
                    "pairs": f"{pairs:,}",
                    "same pairs": sha256 == answer["sha256"],
                }
            )
    return rows


def main() -> int:
    """Print the tables."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="root", type=Path, help="real pictures: draw hashes like theirs")
    words.add_argument("--hashes", type=int, default=60_000, help="so many in the first table")
    words.add_argument("--turns", type=int, default=9, help="searches of each in the first table")
    words.add_argument("--limit", type=float, default=60.0, help="seconds that a point of a peer's curve may take")
    words.add_argument("--least", type=float, default=10.0, help="ratio to faiss that must be reached")
    words.add_argument("--peer-python", default=sys.executable, help="the Python in which imagededup is installed")
    words.add_argument("--one", nargs=3, metavar=("NAME", "FILE", "THREADS"), help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.one:
        one(given.one[0], Path(given.one[1]), int(given.one[2]))
        return 0
    models = real(given.root) if given.root else np.empty(0, np.uint64)
    if len(models):
        print(f"hashes drawn row by row from those of {len(models):,} real pictures\n")
    rows, same, ratios = face_to_face(drawn(given.hashes, models), given.turns)
    print(text_table(rows))
    print("the pairs are the same" if same else "THE PAIRS DIFFER", end="\n\n")
    with tempfile.TemporaryDirectory(prefix="curate-benchmark-") as temporary:
        rows = curves(Path(temporary), models, given.limit)
        print(text_table(rows), end="\n\n")
        same &= all(row["same pairs"] is not False for row in rows)
        there = subprocess.run([given.peer_python, "-c", "import imagededup"], capture_output=True).returncode == 0
        if there:
            rows = peers(Path(temporary), models, given.peer_python, given.limit)
            print(text_table(rows))
            same &= all(row["same pairs"] for row in rows)
        else:
            print("imagededup is not installed in that Python; what to type stands in --help (--peer-python)")
    return 0 if same and min(ratios) >= given.least else 1


if __name__ == "__main__":
    sys.exit(main())
