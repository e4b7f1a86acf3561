"""How many changed copies of real pictures are found again, how many pairs told are false, and how fast.

    pip install imagededup
    python benchmarks/near_duplicates.py --from ../shared/data --pictures 60 --after 60
    python benchmarks/near_duplicates.py --scale 50000

The first takes the real pictures of ISIC, PH2 and PAD-UFES-20 and some tiles of the Severance, ASAN and Hallym sheets,
but for each fourth and for the first 60 of the rest, by which the bounds were chosen. It makes of each one copy by each
change of `changed_pictures` and two by each draw of two and of three changes, saves all as JPEG at quality 95, and asks
for all pairs among originals and copies. Prints three tables:

1. Recall of the pairs (original, copy) by change: of what `dedup` tells (by hash or by places, seen twice), beside
   imagededup's PHash and DHash at distances 4 and 10, where each pair of originals and copies is compared. Where
   imagededup is not installed (it needs PyTorch), imagehash stands in, whose 64 bits differ in the median alone.
2. Precision over all pairs told. True is a pair made of one original, of one ISIC id, or of two originals that
   `observed_image_pairs.csv` calls the same photograph. Second photographs of one lesion in that list, tiles of one
   Severance case and neighbours on one ASAN sheet are counted apart from pairs of different lesions.
3. Seconds of each step, and pictures each second.

The second draws so many sets of features (no pictures), each fifth a changed copy of another, and times the search for
candidates and the geometric check of all of them, at half the number and at the whole of it, with the peak memory.
The search for near hashes is timed by `search.py`.
"""

from __future__ import annotations

import argparse
import csv
import functools
import hashlib
import importlib.util
import re
import resource
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from changed_pictures import copies

from curate.components import components
from curate.images import alignment, codec, features, fingerprint, montage, scene
from curate.images.hash_search import near_pairs
from curate.images.neighbours import Asked
from curate.pairs import FEWEST_PLACES, Known, Sight, compare, settle
from curate.recipe import DedupRecipe
from curate.text_table import text_table
from curate.workers import available, spread

Pair = tuple[int, int]
HASHES = [("PHash", 4), ("PHash", 10), ("DHash", 4), ("DHash", 10)]


def rank(name: str) -> str:
    """Return what pictures are ordered and drawn by."""
    return hashlib.sha256(name.encode()).hexdigest()


def originals(root: Path, most: int, tiles: int, after: int = 0) -> Iterator[tuple[str, codec.Pixels]]:
    """Yield (name, pixels) of at most so many pictures and so many tiles, but for each fourth and the first `after`."""
    whole = [*root.glob("isic/images/*/*.jpg"), *root.glob("ph2/**/*_Dermoscopic_Image/*.bmp")]
    whole += root.glob("pad_ufes_20/**/*.png")
    names = [path.relative_to(root).as_posix() for path in sorted(whole)]
    unseen = sorted((name for place, name in enumerate(names) if place % 4), key=rank)
    for name in sorted(unseen[after : after + most]):
        yield name, codec.decode((root / name).read_bytes()).pixels
    cut = []
    for path in [*root.glob("severance/**/*.jpg"), *root.glob("asan/**/*.png")]:
        sheet = codec.decode(path.read_bytes()).pixels
        for tile in montage.cut(sheet, "captioned" if path.suffix == ".jpg" else "plain"):
            if tile.kind == "picture":
                cut.append((f"{path.relative_to(root).as_posix()}#{tile.cell}", codec.crop(sheet, tile.box)))
    drawn = sorted(cut, key=lambda entry: rank(entry[0]))[:tiles]
    yield from [entry for place, entry in enumerate(drawn, len(names)) if place % 4][after : after + most]


Row = tuple[str, str, Path, bytes, int, int, int]  # original, change, file, places, peer's PHash and DHash, our PHash


@functools.cache
def peer() -> Any:
    """Return imagededup's hashes (PHash, DHash), or None."""
    if importlib.util.find_spec("imagededup") is None:
        return None
    from imagededup.methods import DHash, PHash  # it loads PyTorch, which few have

    return PHash(verbose=False), DHash(verbose=False)


def peer_hashes(pixels: codec.Pixels) -> tuple[int, int] | None:
    """Return imagededup's PHash and DHash of a picture."""
    if peer() is None:
        return None
    first, second = (int(method.encode_image(image_array=pixels), 16) for method in peer())
    return first, second


def made(errand: tuple[str, codec.Pixels, Path]) -> list[Row]:
    """Save an original and its copies, and look at each as `inspect` does."""
    name, pixels, folder = errand
    rows: list[Row] = []
    for number, (kind, _, copy) in enumerate([("original", "", pixels), *copies(name, pixels)]):
        path = folder / f"{rank(name)[:20]}-{number:02d}.jpg"
        path.write_bytes(codec.encode(copy, "JPEG", 95))
        data = path.read_bytes()
        seen = codec.decode(data, min_side=scene.DECODED).pixels
        known = fingerprint.fingerprint(seen)
        phash, dhash = peer_hashes(codec.decode(data).pixels) or (known.phash, known.dhash)
        rows.append((name, kind, path, features.features(seen), phash, dhash, known.phash))
    return rows


def truth(root: Path, names: list[str]) -> tuple[list[str], set[frozenset[str]]]:
    """Return the group of each original, and the pairs of originals that are two photographs of one lesion."""
    edges, family = [], set()
    by_id: dict[str, str] = {}
    for name in names:
        found = re.search(r"ISIC_\d{7}", name)
        if found:
            edges.append((by_id.setdefault(found[0], name), name))
    with (root / "isic/duplicates/observed_image_pairs.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            ends = (f"isic/{row['file_a']}", f"isic/{row['file_b']}")
            if row["verdict_by_eye_or_construction"].startswith("same photograph"):
                edges.append(ends)
            elif row["verdict_by_eye_or_construction"].startswith("same lesion"):
                family.add(frozenset(ends))
    return components(names, edges), family


def near_by(first: str, second: str) -> bool:
    """Say whether two tiles lie near each other on one sheet: one case, or one patient."""
    (sheet, _, a), (other, _, b) = first.rpartition("#"), second.rpartition("#")
    return bool(sheet) and sheet == other and abs(int(a) - int(b)) <= 6


def told(rows: list[Row], workers: int) -> tuple[set[Pair], dict[str, float]]:
    """Return the pairs that `dedup` would tell, and the seconds of each step."""
    known = [Known(Sight(rank(row[2].name), 0, f"{row[2]}", row[2], None), row[3]) for row in rows]
    sights = [one.sight for one in known]
    place = {one.sight.sha256: number for number, one in enumerate(known)}
    start = time.perf_counter()
    found = {end for _, ends in Asked([one.places for one in known]).neighbours() for end in ends}
    searched = time.perf_counter()
    recipe = DedupRecipe()
    hashes = np.array([row[6] for row in rows], np.uint64)
    first, second, _ = near_pairs(hashes, recipe.near_distance)
    hashed = list(zip(first.tolist(), second.tolist(), strict=True))
    pairs = sorted(found)
    looks = ([(sights[i], sights[j]) for i, j in hashed[at : at + 256]] for at in range(0, len(hashed), 256))
    batches = (
        [(known[i], known[j], mirror) for i, j, mirror in pairs[at : at + 256]] for at in range(0, len(pairs), 256)
    )
    answer: set[Pair] = set()
    for settled in chain(spread(compare, looks, workers=workers), spread(settle, batches, workers=workers)):
        for row in settled:
            by_places = "places" in row
            if by_places and row["places"] < recipe.near_places:
                continue
            if row["score" if by_places else "agreement"] >= (
                recipe.near_overlap if by_places else recipe.near_agreement
            ):
                i, j = place[row["first_sha256"]], place[row["second_sha256"]]
                answer.add((min(i, j), max(i, j)))
    seconds = {"search": searched - start, "settle": time.perf_counter() - searched, "candidates": float(len(pairs))}
    return answer, seconds


def by_hashes(hashes: list[int], distance: int) -> set[Pair]:
    """Return the pairs of hashes within a distance."""
    array = np.array(hashes, np.uint64)
    pairs: set[Pair] = set()
    for at in range(0, len(array), 256):
        i, j = np.nonzero(np.bitwise_count(array[at : at + 256, None] ^ array[None]) <= distance)
        pairs.update((a, b) for a, b in zip((i + at).tolist(), j.tolist(), strict=True) if a < b)
    return pairs


def measure(root: Path, most: int, tiles: int, after: int, workers: int) -> None:
    """Make the copies, find them again, print the three tables."""
    with tempfile.TemporaryDirectory() as temporary:
        start = time.perf_counter()
        errands = ((name, pixels, Path(temporary)) for name, pixels in originals(root, most, tiles, after))
        rows = [row for batch in spread(made, errands, workers=workers) for row in batch]
        ready = time.perf_counter() - start
        answers: dict[str, set[Pair]] = {}
        answers["ours"], seconds = told(rows, workers)
    for name, distance in HASHES:
        column = 4 if name == "PHash" else 5
        answers[f"{name} {distance}"] = by_hashes([int(row[column]) for row in rows], distance)
    names = sorted({row[0] for row in rows})
    groups, family = truth(root, names)
    group = dict(zip(names, groups, strict=True))
    first = {row[0]: number for number, row in reversed(list(enumerate(rows)))}
    recall: dict[str, Counter[str]] = defaultdict(Counter)
    for number, row in enumerate(rows):
        if row[1] == "original":
            continue
        recall[row[1]]["copies"] += 1
        for name, pairs in answers.items():
            recall[row[1]][name] += (first[row[0]], number) in pairs
    table = [
        {"change": kind, "copies": counts["copies"]}
        | {name: f"{counts[name] / counts['copies']:.4f}" for name in answers}
        for kind, counts in recall.items()
    ]
    print(f"PHash and DHash are {'imagededup' if peer() else 'imagehash'}'s")
    print(text_table(table))
    print()
    table = []
    for name, pairs in answers.items():
        kinds: Counter[str] = Counter()
        worst: Counter[tuple[str, str]] = Counter()
        for i, j in pairs:
            a, b = rows[i][0], rows[j][0]
            if group[a] == group[b]:
                kinds["true"] += 1
            elif frozenset((a, b)) in family or near_by(a, b):
                kinds["one lesion"] += 1
            else:
                kinds["false"] += 1
            if group[a] != group[b]:
                worst[min(a, b), max(a, b)] += 1
        table.append(
            {
                "by": name,
                "pairs": len(pairs),
                "true": kinds["true"],
                "other photograph of one lesion": kinds["one lesion"],
                "other lesion": kinds["false"],
                "precision": f"{kinds['true'] / max(1, len(pairs)):.5f}",
                "but for one lesion": f"{1 - kinds['false'] / max(1, len(pairs)):.5f}",
            }
        )
        if name == "ours":
            for (a, b), count in worst.most_common(20):
                print(f"{count:5} x {a} | {b}")
    print(text_table(table))
    print()
    print(f"{len(rows):,} pictures drawn, saved, decoded and looked at in {ready:.0f} s ({workers} processes);")
    print(f"search {seconds['search']:.0f} s, {seconds['candidates']:,.0f} settled in {seconds['settle']:.0f} s")


def drawn_sets(count: int) -> list[bytes]:
    """Return features of pictures that are not there: random, each fifth a turned, grown and noisy copy of another."""
    draw = np.random.default_rng(1)
    # Real descriptors crowd; some 20,000 centres, with noise, stand for that.
    centres = draw.normal(0, 38, (20_000, features.WAVES))
    packed: list[bytes] = []
    for number in range(count):
        if number % 5 == 4:
            rows = np.frombuffer(packed[number - 4], np.uint8).reshape(-1, features.WAVES + 4).copy()
            rows[:, 0:2] = (rows[:, 0:2] * 0.8 + 20).astype(np.uint8)
            rows[:, 2] -= np.uint8(10)
            waves = rows[:, 4:].view(np.int8) + draw.normal(0, 8, (len(rows), features.WAVES)).round()
            rows[:, 4:] = waves.clip(-127, 127).astype(np.int8).view(np.uint8)
        else:
            rows = np.empty((features.MOST, features.WAVES + 4), np.uint8)
            rows[:, 0:2] = draw.integers(0, 256, (features.MOST, 2))
            rows[:, 2] = draw.normal(110, 25, features.MOST).clip(60, 250)
            rows[:, 3] = draw.integers(0, 256, features.MOST)
            waves = centres[draw.integers(0, len(centres), features.MOST)]
            waves = waves + draw.normal(0, 22, (features.MOST, features.WAVES))
            rows[:, 4:] = waves.round().clip(-127, 127).astype(np.int8).view(np.uint8)
        packed.append(rows.tobytes())
    return packed


def aligned(pairs: list[tuple[bytes, bytes, bool]]) -> int:
    """Count the pairs whose places agree."""
    found = (alignment.align(features.unpacked(one), features.unpacked(other), mirror) for one, other, mirror in pairs)
    return sum(one is not None and one.inliers >= FEWEST_PLACES for one in found)


def scale(count: int, workers: int) -> None:
    """Time the search and the check over half of `count` sets and over all."""
    table = []
    for amount in (count // 2, count):
        packed = drawn_sets(amount)
        start = time.perf_counter()
        candidates = 0

        def batches(packed: list[bytes] = packed) -> Iterator[list[tuple[bytes, bytes, bool]]]:
            nonlocal candidates
            for _, ends in Asked(packed).neighbours():
                candidates += len(ends)
                for at in range(0, len(ends), 256):
                    yield [(packed[i], packed[j], mirror) for i, j, mirror in ends[at : at + 256]]

        agreed = sum(spread(aligned, batches(), workers=workers))
        table.append(
            {
                "pictures": f"{amount:,}",
                "seconds": f"{time.perf_counter() - start:.0f}",
                "candidates": f"{candidates:,}",
                "agreed": f"{agreed:,}",
                "copies": f"{amount // 5:,}",
                "peak MB": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f}",
            }
        )
    print(text_table(table))


def main() -> None:
    """Run what the words ask for."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--from", dest="root", type=Path, default=Path("../shared/data"), help="the real files")
    words.add_argument("--pictures", type=int, default=10**6, help="at most so many pictures, and so many tiles")
    words.add_argument("--tiles", type=int, default=200, help="so many tiles of sheets")
    words.add_argument("--after", type=int, default=0, help="leave out so many pictures, and so many tiles, first")
    words.add_argument("--workers", type=int, default=available())
    words.add_argument("--scale", type=int, help="time the search over so many drawn sets of features instead")
    given = words.parse_args()
    if given.scale:
        scale(given.scale, given.workers)
    else:
        measure(given.root, given.pictures, given.tiles, given.after, given.workers)


if __name__ == "__main__":
    main()
