"""Pictures of the corpus as they are handed on: upright sRGB, no larger than the recipe says, encoded at most once."""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.corpus_rows import CorpusRows, Row
from curate.errors import CorpusError, CurateError, ReaderError, StorageError, UnreadablePicture
from curate.files import Location, read_location
from curate.images import codec, container, hair, header
from curate.recipe import ShardRecipe
from curate.records import Box
from curate.workers import spread, worth


@dataclass(frozen=True)
class Task:
    """One file to read once, and the pictures that come of it: the file itself (no box), or its tiles."""

    location: Location
    path: Path
    sha256: str
    pictures: tuple[tuple[str, Box | None], ...]
    recipe: ShardRecipe


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture as it is handed on: its bytes (JPEG or PNG), and whether hair was painted over on it."""

    data: bytes
    hair_removed: bool


def stream(rows: CorpusRows, pictures: int, title: str) -> Iterator[tuple[Row, Encoded]]:
    """Yield each of the rows, of which there are so many `pictures`, with its encoded picture, file by file.

    A few files for each worker are in memory, never the corpus. `title` names the progress.
    Raises CorpusError where a picture is no longer what it was when `inspect` saw it.
    """
    workspace = rows.workspace
    waiting: deque[Row] = deque()

    def tasks() -> Iterator[Task]:
        for text, group in itertools.groupby(rows.ordered("file"), key=lambda row: str(row["location"])):
            members = list(group)
            waiting.extend(members)
            location = Location.parse(text)
            made = tuple((str(row["id"]), _box(row)) for row in members)
            path = workspace.store.path(location.object)
            yield Task(location, path, str(members[0]["sha256"]), made, workspace.recipe.shard)

    with workspace.progress(title, pictures, "pictures") as advance:
        for done in spread(encode, tasks(), workers=worth(workspace.workers, pictures)):
            for each in done:
                yield waiting.popleft(), each
            advance(len(done))


def encode(task: Task) -> list[Encoded]:
    """Return the pictures of one file as they are handed on, in the order of the task.

    A tile is cut out of its sheet, scaled where it is larger than the recipe says (mean over area), and kept without
    loss; of any other picture see `handed_on`. Raises CorpusError where it cannot be.
    """
    name = task.pictures[0][0]
    try:
        data = read_location(task.location, task.path)
    except (ReaderError, StorageError):  # the bytes are whole, and will be read another time
        raise
    except (OSError, KeyError, CurateError) as gone:
        raise _changed(name, task.location, f"it cannot be read: {str(gone).splitlines()[0]}") from gone
    if hashlib.sha256(data).hexdigest() != task.sha256:
        raise _changed(name, task.location, "its bytes are others")
    recipe = task.recipe
    try:
        sheet = codec.decode(data).pixels if any(box is not None for _, box in task.pictures) else None
        out = []
        for _, box in task.pictures:
            if box is None or sheet is None:
                out.append(handed_on(data, recipe.short_side, recipe.quality, recipe.hair_removal))
            else:
                tile = codec.scale(codec.crop(sheet, box), recipe.short_side)
                bare = hair.without_hair(tile) if recipe.hair_removal else None
                out.append(Encoded(codec.encode(tile if bare is None else bare, "PNG"), bare is not None))
    except (UnreadablePicture, ValueError) as broken:
        raise _changed(name, task.location, str(broken).splitlines()[0]) from broken
    return out


def handed_on(data: bytes, short_side: int, quality: int, hair_removal: bool = False) -> Encoded:
    """Return one picture as shards hold it, RGB in sRGB and upright. Raises UnreadablePicture.

    One whose short side is at most `short_side` pixels loses no pixel: where every decoder shows it alike, its encoded
    pixels are kept as they stand and what else is in the file (EXIF, comments, profile) is left out; else, or where the
    file is not built as its standard says, it is encoded as PNG. A larger one is decoded at its full size, scaled once
    (each pixel the mean of the area it covers), and encoded as JPEG of `quality`.

    With `hair_removal` a picture with hair has it painted over after scaling, and is encoded so; one without comes as
    it would without this.
    """
    whole = codec.decode(data)
    within = min(whole.width, whole.height) <= short_side
    pixels = codec.scale(whole.pixels, short_side)
    bare = hair.without_hair(pixels) if hair_removal else None
    if bare is None and within and header.is_plain(data):
        kept = container.without_metadata(data)
        if kept is not None:
            return Encoded(kept, False)
    made = codec.encode(pixels if bare is None else bare, "PNG" if within else "JPEG", quality)
    return Encoded(made, bare is not None)


def _box(row: Mapping[str, Any]) -> Box | None:
    if row["box_left"] is None:
        return None
    return Box(row["box_left"], row["box_top"], row["box_width"], row["box_height"])


def _changed(picture: str, location: Location, found: str) -> CorpusError:
    return CorpusError(
        f"the picture {picture} is not what it was when it was inspected",
        where=location.text(),
        found=found,
        done="nothing was left behind",
        hint="curate verify, then curate fetch and curate build",
    )
