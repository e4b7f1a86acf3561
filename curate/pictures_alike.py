"""Which pictures of any folder are one, and why: the evidence of `dedup` without a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.images.hash_search import near_pairs
from curate.images.neighbours import Asked
from curate.pairs import Known, Sight, compare, settle
from curate.picture_folder import pictures_in
from curate.recipe import DedupRecipe
from curate.report import Progress, silent
from curate.seen import CHANGED, Seen, hashed, look
from curate.workers import Workers, chosen, threads

_FILES_AT_ONCE = 16
_PAIRS_AT_ONCE = 256
_CROWD = 50  # equal pictures of which each pair is told; of more, each with the first


def alike(
    folder: Path, recipe: DedupRecipe, *, workers: Workers | int | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Compare every picture under a folder with every other.

    Returns `pictures` (how many were read), `pairs` (first, second, kind, score, evidence; sorted), `unreadable` and
    `skipped` (file, reason): what is gone by the time it is compared is unreadable, and in no pair. Memory holds some
    4 KB a picture, never the pixels of more than a few. `workers`: as for a Workspace; those of a cluster need a
    `folder` that begins with `/`. Raises CurateError where the folder cannot be read.
    """
    hands = chosen(workers)
    paths, skipped = pictures_in(folder)
    batches = (paths[start : start + _FILES_AT_ONCE] for start in range(0, len(paths), _FILES_AT_ONCE))
    seen: list[Seen] = []
    with progress("look", len(paths), "pictures") as advance:
        for some in hands.spread(look, batches, pictures=len(paths)):
            seen += some
            advance(len(some))
    seen = hashed(seen, hands, progress)
    sound = [one for one in seen if not one.problem]
    near, gone = _near(sound, recipe, hands, progress)
    while gone:
        seen = [replace(one, problem=gone.get(one.path, one.problem)) for one in seen]
        pixels = {one.pixels for one in sound if one.path in gone}
        sound = [one for one in seen if not one.problem]
        if not pixels & {one.pixels for one in sound}:
            break  # else another stands for the same pixels now, and has to be compared
        near, gone = _near(sound, recipe, hands, progress)
    here = {one.path for one in sound}
    near = [row for row in near if here.issuperset(row["ends"])]
    rows = [*_equal(sound, "same bytes"), *_equal(sound, "same pixels"), *near]
    for row in rows:
        row["first"], row["second"] = sorted(path.relative_to(folder).as_posix() for path in row.pop("ends"))
    return {
        "folder": str(folder),
        "pictures": len(sound),
        "pairs": sorted(rows, key=lambda row: (row["first"], row["second"], row["kind"])),
        "unreadable": [
            {"file": one.path.relative_to(folder).as_posix(), "reason": one.problem} for one in seen if one.problem
        ],
        "skipped": skipped,
    }


def _equal(seen: list[Seen], kind: str) -> Iterator[dict[str, Any]]:
    def key(one: Seen) -> str:
        return one.sha256 if kind == "same bytes" else one.pixels

    for value, group in groupby(sorted(seen, key=lambda one: (key(one), one.path)), key=key):
        members = list(group)
        for place, first in enumerate(members[:-1] if len(members) <= _CROWD else members[:1]):
            for second in members[place + 1 :]:
                if kind == "same pixels" and first.sha256 == second.sha256:
                    continue  # told already
                yield {"ends": (first.path, second.path), "kind": kind, "score": 1.0, "evidence": value}


def _near(
    seen: list[Seen], recipe: DedupRecipe, workers: Workers, progress: Progress
) -> tuple[list[dict[str, Any]], dict[Path, str]]:
    """Return the pairs of different pixels that are one photograph; the first by name stands for equal pixels.

    With them, what could not be read again, and why.
    """
    first_of: dict[str, Seen] = {}
    for one in sorted(seen, key=lambda one: one.path):
        if one.detail >= recipe.near_detail:
            first_of.setdefault(one.pixels, one)
    different = sorted(first_of.values(), key=lambda one: one.sha256)
    known = [Known(Sight(one.sha256, 0, one.sha256, one.path, None), one.places) for one in different]
    paths = {one.sha256: one.path for one in different}
    found: dict[tuple[str, str], dict[str, Any]] = {}
    gone: dict[Path, str] = {}
    hashes = np.array([one.phash for one in different], np.uint64)
    first, second, _ = near_pairs(hashes, recipe.near_distance, threads=threads(workers))
    hashed = _batches(known, first.tolist(), second.tolist())

    def looks() -> Iterator[dict[str, Any]]:
        with progress("look again", len(first), "pairs") as advance:
            for done in workers.spread(seen_again, hashed, pictures=len(known)):
                advance(done.pairs)
                gone.update(done.gone)
                yield from done.rows
        with progress("compare", len(known), "pictures") as advance:
            for done in workers.spread(settled, _by_places(known, advance), pictures=len(known)):
                gone.update(done.gone)
                yield from done.rows

    for row in looks():
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
    return list(found.values()), gone


Pairs = list[tuple[Known, Known]]
Turned = list[tuple[Known, Known, bool]]  # or its mirror image


def _by_places(known: list[Known], advance: Callable[[int], None]) -> Iterator[Turned]:
    for count, ends in Asked([one.places for one in known]).neighbours():
        for start in range(0, len(ends), _PAIRS_AT_ONCE):
            yield [(known[i], known[j], mirror) for i, j, mirror in ends[start : start + _PAIRS_AT_ONCE]]
        advance(count)


def _batches(known: list[Known], first: list[int], second: list[int]) -> Iterator[Pairs]:
    for start in range(0, len(first), _PAIRS_AT_ONCE):
        ends = zip(first[start : start + _PAIRS_AT_ONCE], second[start : start + _PAIRS_AT_ONCE], strict=True)
        yield [(known[i], known[j]) for i, j in ends]


@dataclass(frozen=True)
class Done:
    """What came of some pairs: rows, and the files that could not be read again."""

    pairs: int
    rows: list[dict[str, Any]]
    gone: dict[Path, str]


def seen_again(pairs: Pairs) -> Done:
    """Give pairs that a hash proposes the second look, in a worker."""
    return _each(lambda some: compare([(first.sight, second.sight) for first, second in some]), pairs)


def settled(pairs: Turned) -> Done:
    """Lay pairs that places propose on each other, in a worker."""
    return _each(settle, pairs)


def _each(judge: Callable[[list[Any]], list[dict[str, Any]]], pairs: list[Any]) -> Done:
    try:
        return Done(len(pairs), judge(pairs), {})
    except CurateError:
        pass  # a file is gone since it was looked at: the other pairs one by one
    rows: list[dict[str, Any]] = []
    gone: dict[Path, str] = {}
    for pair in pairs:
        paths = [one.sight.object_path for one in pair[:2]]
        if not gone.keys().isdisjoint(paths):
            continue
        try:
            rows += judge([pair])
        except CurateError:
            seen = look(paths)
            if not any(again.problem for again in seen):
                raise
            gone |= {again.path: f"{CHANGED}: {again.problem}" for again in seen if again.problem}
    return Done(len(pairs), rows, gone)


def _in_words(row: dict[str, Any]) -> str:
    if "places" not in row:
        return f"perceptual hashes are near; the second look agrees to {row['agreement']:.4f}"
    return (
        f"{row['places']} places agree{', mirrored' if row['mirrored'] else ''}, turned by {round(row['turned_deg'])} "
        f"degrees, scaled by {row['grown']:.2f}, {100 * row['share']:.0f} % of the picture in common; laid on each "
        f"other they agree to {row['agreement']:.4f}"
    )
