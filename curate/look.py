"""One look at one file: read once, hashed once, decoded once, and all that is wanted of it comes out (in a worker)."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError, ReaderError, StorageError, UnreadablePicture
from curate.files import Location, read_location
from curate.images import artefacts, codec, features, fingerprint, identity, lesion_mask, montage, scene, tone
from curate.images.codec import Picture
from curate.records import Layout

APPEARANCE_VERSION = tone.VERSION * 1000 + artefacts.VERSION
VERSIONS = {"fingerprint": fingerprint.VERSION, "appearance": APPEARANCE_VERSION, "montage": montage.VERSION}
LOOKED_AT = {**VERSIONS, "features": features.VERSION}


@dataclass(frozen=True)
class Errand:
    """A file to look at: where it is, and whether it is one picture or a sheet of a layout; of a picture, its mask."""

    location: str
    object_path: Path
    layout: Layout | None
    places: bool = False  # whether it shall be known by its places too
    mask: tuple[str, Path] | None = None  # where the mask of the lesion is


@dataclass
class Facts:
    """Rows for the fact tables, by table name; `mask_members` are rows for `members` too, of the lesion masks."""

    members: list[dict[str, Any]] = field(default_factory=list)
    pixels: list[dict[str, Any]] = field(default_factory=list)
    fingerprints: list[dict[str, Any]] = field(default_factory=list)
    features: list[dict[str, Any]] = field(default_factory=list)
    appearance: list[dict[str, Any]] = field(default_factory=list)
    masked_tones: list[dict[str, Any]] = field(default_factory=list)
    mask_members: list[dict[str, Any]] = field(default_factory=list)
    sheets_cut: list[dict[str, Any]] = field(default_factory=list)
    tiles: list[dict[str, Any]] = field(default_factory=list)

    def add(self, more: Facts) -> None:
        """Take the rows of other facts too."""
        for table in dataclasses.fields(self):
            getattr(self, table.name).extend(getattr(more, table.name))


def look(errands: list[Errand]) -> Facts:
    """Look at each file. A file that cannot be read or decoded gives a row with the problem, never an error.

    Raises ReaderError where the program is gone that unpacks the RAR it lies in.
    """
    facts = Facts()
    for errand in errands:
        facts.add(_look(errand))
    return facts


def _look(errand: Errand) -> Facts:
    facts = Facts()
    try:
        data = read_location(Location.parse(errand.location), errand.object_path)
    except (ReaderError, StorageError):  # no fact about the bytes: they are whole, and will be read another time
        raise
    except CurateError as broken:
        facts.members.append({"location": errand.location, "sha256": None, "bytes": None, "problem": one_line(broken)})
        return facts
    sha256 = hashlib.sha256(data).hexdigest()
    facts.members.append({"location": errand.location, "sha256": sha256, "bytes": len(data), "problem": None})
    if errand.layout is None:
        _picture(facts, sha256, data, errand)
    else:
        _sheet(facts, sha256, data, errand.layout, errand.places)
    return facts


def _picture(facts: Facts, sha256: str, data: bytes, errand: Errand) -> None:
    try:
        # All that is wanted here is looked at in the small; who asks for equal pixels decodes whole what may be equal.
        picture = codec.decode(data, min_side=scene.DECODED)
    except UnreadablePicture as broken:
        facts.fingerprints.append(_fingerprint(sha256, 0, problem=one_line(broken)))
        return
    _known(facts, sha256, 0, picture, errand.places)
    if errand.mask is not None:
        _mask(facts, sha256, picture, *errand.mask)


def _known(facts: Facts, sha256: str, cell: int, picture: Picture, places: bool) -> None:
    """Take down all that is known of one picture, which may be decoded at a fraction of its size."""
    pixels = picture.pixels
    if pixels.shape[:2] == (picture.height, picture.width):
        facts.pixels.append(pixel_fact(sha256, cell, pixels))
    facts.fingerprints.append(_fingerprint(sha256, cell, picture))
    if places:
        facts.features.append(_features(sha256, cell, pixels))
    facts.appearance.append(_appearance(sha256, cell, pixels))


def _mask(facts: Facts, sha256: str, picture: Picture, location: str, object_path: Path) -> None:
    """Read the mask of a picture's lesion, and look at the skin that lies outside it."""
    member: dict[str, Any] = {"location": location, "sha256": None, "bytes": None, "problem": None}
    facts.mask_members.append(member)
    try:
        data = read_location(Location.parse(location), object_path)
        member |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        lesion = lesion_mask.lesion_mask(codec.decode(data).pixels, (picture.height, picture.width))
    except (ReaderError, StorageError):
        raise
    except CurateError as broken:
        key = {"sha256": sha256, "mask": member["sha256"], "version": APPEARANCE_VERSION}
        if member["sha256"] is None:
            member["problem"] = one_line(broken)
        else:
            facts.masked_tones.append(key | {"problem": one_line(broken)})
        return
    skin = tone.tone(picture.pixels, scene.scene(picture.pixels, lesion))
    key = {"sha256": sha256, "mask": member["sha256"], "version": APPEARANCE_VERSION}
    facts.masked_tones.append(key | _tone(skin))


def _sheet(facts: Facts, sha256: str, data: bytes, layout: Layout, places: bool) -> None:
    cut = {"sha256": sha256, "layout": layout, "version": montage.VERSION, "problem": None}
    facts.sheets_cut.append(cut)
    try:
        sheet = codec.decode(data)
        tiles = montage.cut(sheet.pixels, layout)
    except UnreadablePicture as broken:
        cut["problem"] = one_line(broken)
        return
    for tile in tiles:
        facts.tiles.append(
            {
                "sha256": sha256,
                "version": montage.VERSION,
                "cell": tile.cell,
                "tile_row": tile.row,
                "tile_column": tile.column,
                "box_left": tile.box.left,
                "box_top": tile.box.top,
                "box_width": tile.box.width,
                "box_height": tile.box.height,
                "kind": tile.kind,
                "text": tile.text,
            }
        )
        if tile.kind == "picture":
            pixels, box = codec.crop(sheet.pixels, tile.box), tile.box
            picture = Picture(pixels, box.width, box.height, sheet.format, sheet.mode)
            _known(facts, sha256, tile.cell, picture, places)


def pixel_fact(sha256: str, cell: int, pixels: np.ndarray) -> dict[str, Any]:
    """Return the row of the fact table `pixels` for a picture, uint8 (h, w, 3), at its full size."""
    key = {"sha256": sha256, "cell": cell, "version": identity.VERSION}
    return key | {"pixels_sha256": identity.pixels_sha256(pixels)}


def _fingerprint(sha256: str, cell: int, picture: Picture | None = None, problem: str | None = None) -> dict[str, Any]:
    row = dict.fromkeys(("width", "height", "format", "mode", "phash", "dhash", "detail", "means"))
    if picture is not None:
        row |= {name: getattr(picture, name) or None for name in ("width", "height", "format", "mode")}
        row |= dataclasses.asdict(fingerprint.fingerprint(picture.pixels))
    return {"sha256": sha256, "cell": cell, "version": fingerprint.VERSION, "problem": problem} | row


def _features(sha256: str, cell: int, pixels: np.ndarray) -> dict[str, Any]:
    return {"sha256": sha256, "cell": cell, "version": features.VERSION, "places": features.features(pixels)}


def _appearance(sha256: str, cell: int, pixels: np.ndarray) -> dict[str, Any]:
    seen = scene.scene(pixels)
    skin = tone.tone(seen.pixels, seen)
    key = {"sha256": sha256, "cell": cell, "version": APPEARANCE_VERSION}
    return key | _tone(skin) | artefacts.artefacts(seen.pixels, seen)


def _tone(skin: tone.Tone) -> dict[str, Any]:
    return {
        "tone_ita_deg": skin.ita_deg,
        "tone_ita_confidence": skin.confidence,
        "tone_ita_share": skin.share,
        "tone_ita_method": skin.method,
    }


def one_line(error: CurateError) -> str:
    """Say what is wrong with a picture in one line, without where it lies."""
    more = ", ".join(f"{word} {value}" for word, value in error.parts().items() if word in ("expected", "found"))
    return f"{error.what} ({more})" if more else error.what
