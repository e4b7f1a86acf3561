"""Small pictures that stand in the page itself, as data addresses."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate.errors import CurateError
from curate.files import Location, read_location
from curate.images import codec
from curate.look import Sight, see
from curate.records import Box
from curate.report import Advance
from curate.workspace import Workspace

_SHORT_SIDE = 120  # pixels
_LONG_SIDE = 240  # pixels; a strip longer than that shows its middle
_QUALITY = 78


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture as a data address with its size in pixels, or the problem why there is none."""

    uri: str | None
    width: int = 0
    height: int = 0
    problem: str = ""


def thumbnails(
    workspace: Workspace, pairs: Sequence[dict[str, Any]], advance: Advance
) -> list[tuple[Thumbnail, Thumbnail]]:
    """Return (survivor, copy) for each row of `report_pairs`, in its order."""
    made: list[tuple[Thumbnail, Thumbnail]] = []
    for row in pairs:
        both = (thumbnail(_sight(workspace, row, "survivor")), thumbnail(_sight(workspace, row, "copy")))
        made.append(both)
        advance(2)
    return made


def thumbnail(sight: Sight) -> Thumbnail:
    """Return one small picture; where its bytes are gone or no picture any more, a Thumbnail that says so."""
    try:
        small = codec.scale(_pixels(sight), _SHORT_SIDE)
    except (CurateError, ValueError) as gone:
        return Thumbnail(None, problem=f"cannot be shown: {str(gone).splitlines()[0]}")
    height, width = small.shape[:2]
    box = Box(
        max(0, (width - _LONG_SIDE) // 2),
        max(0, (height - _LONG_SIDE) // 2),
        min(width, _LONG_SIDE),
        min(height, _LONG_SIDE),
    )
    data = codec.encode(codec.crop(small, box), "JPEG", _QUALITY)
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(data).decode()}", box.width, box.height)


def _pixels(sight: Sight) -> codec.Pixels:
    if sight.box is not None:
        return see(sight)
    # A whole file need not be decoded at full size for this, which saves most of the time.
    data = read_location(Location.parse(sight.location), sight.object_path)
    return codec.decode(data, min_side=_SHORT_SIDE).pixels


def _sight(workspace: Workspace, row: dict[str, Any], end: str) -> Sight:
    box = None
    if row[f"{end}_cell"]:
        box = Box(*(row[f"{end}_box_{side}"] for side in ("left", "top", "width", "height")))
    location = row[f"{end}_location"]
    path = workspace.store.path(Location.parse(location).object)
    return Sight(row[f"{end}_sha256"], row[f"{end}_cell"], location, path, box)
