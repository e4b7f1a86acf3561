"""Which pictures of any folder are one, and why: the evidence of `dedup` without a corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.images import codec, features, fingerprint
from curate.images.neighbours import Asked
from curate.look import one_line
from curate.pairs import Known, Sight, compare, settle
from curate.recipe import DedupRecipe
from curate.workers import spread, worth

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp", ".ppm")

_FILES_AT_ONCE = 16
_PAIRS_AT_ONCE = 256
_CROWD = 50  # equal pictures of which each pair is told; of more, each with the first


@dataclass(frozen=True)
class Seen:
    """What is known of one file: all but its pixels."""

    path: Path
    sha256: str
    pixels_sha256: str = ""
    phash: int = 0
    detail: float = 0.0
    places: bytes = b""
    problem: str = ""


def alike(
    folder: Path, recipe: DedupRecipe, *, workers: int, advance: Callable[[int], None] = lambda count: None
) -> dict[str, Any]:
    """Compare every picture under a folder with every other.

    Returns `pictures` (how many were read), `pairs` (first, second, kind, score, evidence; sorted) and `unreadable`
    (file, reason). Memory holds some 4 KB a picture, never the pixels of more than a few. Raises CurateError where the
    folder cannot be read.
    """
    paths = _files(folder)
    batches = (paths[start : start + _FILES_AT_ONCE] for start in range(0, len(paths), _FILES_AT_ONCE))
    seen: list[Seen] = []
    for some in spread(look, batches, workers=worth(workers, len(paths))):
        seen += some
        advance(len(some))
    sound = [one for one in seen if not one.problem]
    rows = [*_equal(sound, "same bytes"), *_equal(sound, "same pixels"), *_near(sound, recipe, workers)]
    for row in rows:
        row["first"], row["second"] = sorted(path.relative_to(folder).as_posix() for path in row.pop("ends"))
    return {
        "folder": str(folder),
        "pictures": len(sound),
        "pairs": sorted(rows, key=lambda row: (row["first"], row["second"], row["kind"])),
        "unreadable": [
            {"file": one.path.relative_to(folder).as_posix(), "reason": one.problem} for one in seen if one.problem
        ],
    }


def look(paths: list[Path]) -> list[Seen]:
    """Look once at each file, in a worker."""
    found = []
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError as refused:
            found.append(Seen(path, "", problem=refused.strerror or str(refused)))
            continue
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            pixels = codec.decode(data).pixels
        except CurateError as broken:
            found.append(Seen(path, sha256, problem=one_line(broken)))
            continue
        known = fingerprint.fingerprint(pixels)
        places = features.features(pixels)
        found.append(Seen(path, sha256, known.pixels_sha256, known.phash, known.detail, places))
    return found


def _files(folder: Path) -> list[Path]:
    try:
        list(folder.iterdir())
        return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    except OSError as refused:
        raise CurateError(
            "the folder cannot be read",
            where=str(folder),
            expected="a folder of pictures",
            found=refused.strerror or str(refused),
            hint="name a folder that is there and may be read",
        ) from refused


def _equal(seen: list[Seen], kind: str) -> Iterator[dict[str, Any]]:
    def key(one: Seen) -> str:
        return one.sha256 if kind == "same bytes" else one.pixels_sha256

    for value, group in groupby(sorted(seen, key=lambda one: (key(one), one.path)), key=key):
        members = list(group)
        for place, first in enumerate(members[:-1] if len(members) <= _CROWD else members[:1]):
            for second in members[place + 1 :]:
                if kind == "same pixels" and first.sha256 == second.sha256:
                    continue  # told already
                yield {"ends": (first.path, second.path), "kind": kind, "score": 1.0, "evidence": value}


def _near(seen: list[Seen], recipe: DedupRecipe, workers: int) -> Iterator[dict[str, Any]]:
    """Yield the pairs of different pixels that are one photograph; the first by name stands for equal pixels."""
    first_of: dict[str, Seen] = {}
    for one in sorted(seen, key=lambda one: one.path):
        if one.detail >= recipe.near_detail:
            first_of.setdefault(one.pixels_sha256, one)
    different = sorted(first_of.values(), key=lambda one: one.sha256)
    known = [Known(Sight(one.sha256, 0, one.sha256, one.path, None), one.places) for one in different]
    paths = {one.sha256: one.path for one in different}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    hashed = _by_hash(known, np.array([one.phash for one in different], np.uint64), recipe)
    some = worth(workers, len(known))
    looks = chain(spread(seen_again, hashed, workers=some), spread(settle, _by_places(known), workers=some))
    for row in chain.from_iterable(looks):
        by_places = "places" in row
        score = row["score"] if by_places else row["agreement"]
        if score < (recipe.near_overlap if by_places else recipe.near_agreement):
            continue
        if by_places and row["places"] < recipe.near_places:
            continue
        ends = tuple(sorted((row["first_sha256"], row["second_sha256"])))
        before = found.get((ends[0], ends[1]))
        if before is None or before["score"] < score:
            found[ends[0], ends[1]] = {
                "ends": (paths[ends[0]], paths[ends[1]]),
                "kind": "near",
                "score": score,
                "evidence": _in_words(row),
            }
    yield from found.values()


Pairs = list[tuple[Known, Known]]
Turned = list[tuple[Known, Known, bool]]  # or its mirror image


def _by_hash(known: list[Known], hashes: fingerprint.Hashes, recipe: DedupRecipe) -> Iterator[Pairs]:
    first, second, _ = fingerprint.near_pairs(hashes, recipe.near_distance)
    yield from _batches(known, first.tolist(), second.tolist())


def _by_places(known: list[Known]) -> Iterator[Turned]:
    for _, ends in Asked([one.places for one in known]).neighbours():
        for start in range(0, len(ends), _PAIRS_AT_ONCE):
            yield [(known[i], known[j], mirror) for i, j, mirror in ends[start : start + _PAIRS_AT_ONCE]]


def _batches(known: list[Known], first: list[int], second: list[int]) -> Iterator[Pairs]:
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        ends = zip(first[start : start + _PAIRS_AT_ONCE], second[start : start + _PAIRS_AT_ONCE], strict=True)
        yield [(known[i], known[j]) for i, j in ends]


def seen_again(pairs: Pairs) -> list[dict[str, Any]]:
    """Give pairs that a hash proposes the second look, in a worker."""
    return compare([(first.sight, second.sight) for first, second in pairs])


def _in_words(row: dict[str, Any]) -> str:
    if "places" not in row:
        return f"perceptual hashes are near; the second look agrees to {row['agreement']:.4f}"
    return (
        f"{row['places']} places agree{', mirrored' if row['mirrored'] else ''}, turned by {round(row['turned_deg'])} "
        f"degrees, scaled by {row['grown']:.2f}, {100 * row['share']:.0f} % of the picture in common; laid on each "
        f"other they agree to {row['agreement']:.4f}"
    )
