"""Small pictures that stand in the page itself, as data addresses."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import CurateError, StorageError
from curate.files import Location, read_location
from curate.images import codec
from curate.pairs import Sight, see, sight
from curate.records import Box
from curate.report import Advance
from curate.workspace import Workspace

SHORT_SIDE = 120  # pixels; a strip longer than twice as much shows its middle
_QUALITY = 78


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture as a data address with its size in pixels, or the problem why there is none."""

    uri: str | None
    width: int = 0
    height: int = 0
    problem: str = ""


def thumbnails(
    workspace: Workspace,
    pairs: Sequence[dict[str, Any]],
    advance: Advance,
    *,
    ends: tuple[str, str] = ("survivor", "copy"),
    side: int = SHORT_SIDE,
) -> list[tuple[Thumbnail, Thumbnail]]:
    """Return both pictures of each row, in its order; `ends` are how the row's columns about the two begin."""
    made: list[tuple[Thumbnail, Thumbnail]] = []
    for row in pairs:
        first, second = (thumbnail(sight(workspace, row, f"{end}_"), side) for end in ends)
        made.append((first, second))
        advance(2)
    return made


def thumbnail(seen: Sight, side: int = SHORT_SIDE) -> Thumbnail:
    """Return one small picture, its short side of so many pixels.

    Where its bytes are gone or no picture any more, the Thumbnail says so. Raises StorageError where they lie on object
    storage, which is not reached or refuses.
    """
    try:
        small = codec.scale(_pixels(seen, side), side)
    except StorageError:
        raise
    except (CurateError, ValueError) as gone:
        return Thumbnail(None, problem=f"cannot be shown: {str(gone).splitlines()[0]}")
    height, width = small.shape[:2]
    most = 2 * side
    box = Box(max(0, (width - most) // 2), max(0, (height - most) // 2), min(width, most), min(height, most))
    data = codec.encode(codec.crop(small, box), "JPEG", _QUALITY)
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", box.width, box.height)


def _pixels(seen: Sight, side: int) -> codec.Pixels:
    if seen.box is not None:
        return see(seen)
    # A whole file need not be decoded at full size for this, which saves most of the time.
    data = read_location(Location.parse(seen.location), seen.object_path)
    return codec.decode(data, min_side=side).pixels
