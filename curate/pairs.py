"""A second look at two pictures: whether they are one, in the same frame or wherever one lies on the other."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.files import Location, read_location
from curate.images import alignment, codec, features, fingerprint, neighbours, overlap
from curate.records import Box
from curate.workspace import Workspace

LOOK_VERSION = fingerprint.VERSION * 1000 + overlap.VERSION
NEARNESS_VERSION = ((features.VERSION * 100 + neighbours.VERSION) * 100 + alignment.VERSION) * 100 + overlap.VERSION
VERSIONS = {"looks": LOOK_VERSION, "nearness": NEARNESS_VERSION}

FEWEST_PLACES = 6  # that agree: with fewer the pixels are not looked at
_BEHIND = 0.15  # by which the agreement in detail may stay behind that of the whole: it sees what a small look blurs


@dataclass(frozen=True)
class Sight:
    """One picture where it lies: a whole file (`cell` 0), or the box of a tile on a sheet."""

    sha256: str
    cell: int
    location: str
    object_path: Path
    box: Box | None

    @property
    def key(self) -> tuple[str, int]:
        """What it is known by, wherever it lies."""
        return self.sha256, self.cell


def sight(workspace: Workspace, row: dict[str, Any], end: str = "") -> Sight:
    """Return the picture that a row tells of, in columns that begin with `end`, such as `first_`."""
    box = Box(*(row[f"{end}box_{side}"] for side in ("left", "top", "width", "height"))) if row[f"{end}cell"] else None
    path = workspace.store.path(Location.parse(row[f"{end}location"]).object)
    return Sight(row[f"{end}sha256"], row[f"{end}cell"], row[f"{end}location"], path, box)


@functools.lru_cache(maxsize=6)
def _pixels(location: str, object_path: Path) -> np.ndarray:
    return codec.decode(read_location(Location.parse(location), object_path)).pixels


def see(sight: Sight) -> np.ndarray:
    """Return one picture at full size (height, width, 3; uint8 sRGB). Raises UnreadablePicture."""
    whole = _pixels(sight.location, sight.object_path)
    return whole if sight.box is None else codec.crop(whole, sight.box)


def compare(pairs: list[tuple[Sight, Sight]]) -> list[dict[str, Any]]:
    """Look at each pair of candidates a second time, in one frame: rows for the fact table `looks`.

    `agreement` is of both at 64 x 64 pixels, or 0.15 more than that at 192 where this is less: alike frames, vignettes
    and gradients make two lesions agree in the small.
    """
    return [
        {
            "first_sha256": first.sha256,
            "first_cell": first.cell,
            "second_sha256": second.sha256,
            "second_cell": second.cell,
            "version": LOOK_VERSION,
            "agreement": _agreement(first, second),
        }
        for first, second in pairs
    ]


def _agreement(first: Sight, second: Sight) -> float:
    (here, here_small), (there, there_small) = _shown(first), _shown(second)
    return min(fingerprint.agreement(here_small, there_small), overlap.framed(here, there)[0] + _BEHIND)


@dataclass(frozen=True)
class Known:
    """A picture where it lies, and the places it is known by."""

    sight: Sight
    places: bytes


def settle(pairs: list[tuple[Known, Known, bool]]) -> list[dict[str, Any]]:
    """Lay each pair of candidates on each other, the second in a mirror or not.

    Returns rows for the fact table `aligned`, of those whose places agree. The pixels are looked at only where enough
    places agree. `score` is that of `overlap.score`.
    """
    rows = []
    for first, second, mirror in pairs:
        found = alignment.align(features.unpacked(first.places), features.unpacked(second.places), mirror)
        if found is None or found.inliers < FEWEST_PLACES:
            continue
        agreement, share = overlap.overlap(_shown(first.sight)[0], _shown(second.sight)[0], found)
        rows.append(
            {
                "first_sha256": first.sight.sha256,
                "first_cell": first.sight.cell,
                "second_sha256": second.sight.sha256,
                "second_cell": second.sight.cell,
                "places": found.inliers,
                "mirrored": found.mirrored,
                "turned_deg": found.turned_deg,
                "grown": found.grown,
                "share": share,
                "agreement": agreement,
                "score": overlap.score(agreement, found.inliers, share),
            }
        )
    return rows


@functools.lru_cache(maxsize=1024)  # 190 KB each
def _shown(sight: Sight) -> tuple[overlap.Shown, fingerprint.Floats]:
    """Return a picture ready to be laid on others, and small; decoded at the scale that is needed, once for both."""
    if sight.box is not None:
        pixels = see(sight)
    else:
        data = read_location(Location.parse(sight.location), sight.object_path)
        pixels = codec.decode(data, min_side=2 * features.SIDE).pixels
    return overlap.shown(features.shown(pixels)), fingerprint.small(pixels)
