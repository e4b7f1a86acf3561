"""What one look at each file of any folder shows, and a second one at those that may be equal in pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from curate.errors import CurateError
from curate.images import codec, features, fingerprint, identity, scene
from curate.look import one_line
from curate.report import Progress
from curate.workers import Workers

CHANGED = "changed while it was read"
_AT_ONCE = 8  # pictures at full size in one errand of a worker


@dataclass(frozen=True)
class Seen:
    """What is known of one file: all but its pixels."""

    path: Path
    sha256: str
    width: int = 0
    height: int = 0
    means: bytes = b""
    pixels_sha256: str | None = None  # where it was decoded whole
    phash: int = 0
    detail: float = 0.0
    places: bytes = b""
    problem: str = ""

    @property
    def pixels(self) -> str:
        """What its pixels are known by: the same as those of another file exactly where they are equal."""
        return self.pixels_sha256 or self.sha256


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
            picture = codec.decode(data, min_side=scene.DECODED)
        except CurateError as broken:
            found.append(Seen(path, sha256, problem=one_line(broken)))
            continue
        known = fingerprint.fingerprint(picture.pixels)
        places = features.features(picture.pixels)
        width, height = picture.width, picture.height
        is_whole = picture.pixels.shape[:2] == (height, width)
        pixels = identity.pixels_sha256(picture.pixels) if is_whole else None
        found.append(Seen(path, sha256, width, height, known.means, pixels, known.phash, known.detail, places))
    return found


def look_whole(seen: list[Seen]) -> list[Seen]:
    """Look again at files that may be equal in pixels, at full size, in a worker."""
    return [_whole(one) for one in seen]


def _whole(one: Seen) -> Seen:
    try:
        data = one.path.read_bytes()
    except OSError as refused:
        return replace(one, problem=f"{CHANGED}: {refused.strerror or refused}")
    if hashlib.sha256(data).hexdigest() != one.sha256:
        return replace(one, problem=f"{CHANGED}: its bytes are others")
    try:
        return replace(one, pixels_sha256=identity.pixels_sha256(codec.decode(data).pixels))
    except CurateError as broken:
        return replace(one, problem=one_line(broken))


def hashed(seen: list[Seen], workers: Workers, progress: Progress) -> list[Seen]:
    """Give each file that may have the pixels of another their hash; of equal bytes each."""
    sound = [one for one in seen if not one.problem]
    different = list({one.sha256: one for one in sound}.values())
    sizes = np.array([(one.width, one.height) for one in different], np.int64).reshape(-1, 2)
    whole = np.array([one.pixels_sha256 is not None for one in different], np.bool_)
    found = identity.may_be_equal(sizes, identity.unpacked([one.means for one in different]), whole)
    wanted = {one.sha256 for one, may in zip(different, found.tolist(), strict=True) if may}
    waiting = [one for one in sound if one.sha256 in wanted and one.pixels_sha256 is None]
    batches = (waiting[start : start + _AT_ONCE] for start in range(0, len(waiting), _AT_ONCE))
    known: dict[Path, Seen] = {}
    with progress("look whole", len(waiting), "pictures") as advance:
        for some in workers.spread(look_whole, batches, pictures=len(waiting)):
            known |= {one.path: one for one in some}
            advance(len(some))
    return [known.get(one.path, one) for one in seen]
