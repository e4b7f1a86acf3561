"""Pictures of the corpus as they are handed on: upright sRGB, no larger than the recipe says, encoded at most once."""

from __future__ import annotations

import hashlib
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate.corpus_rows import CorpusRows, Row
from curate.errors import CorpusError, CurateError, ReaderError, StorageError, UnreadablePicture
from curate.files import Location, read_location
from curate.images import codec, container, hair, header
from curate.ml.pieces import Laid, Pieces
from curate.ml.pieces import lay as lay_piece
from curate.recipe import ShardRecipe
from curate.records import Box
from curate.workers import Workers

_BATCHES = 256  # into so many the work is cut at least: enough for the workers of a cluster to be busy to the end
_LARGEST_BATCH = 256  # pictures that a worker holds, encoded, before it lays them down


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


@dataclass(frozen=True)
class Batch:
    """Some files to read, and the folder into which their pictures are laid down as one piece."""

    tasks: tuple[Task, ...]
    folder: Path


def stream(rows: CorpusRows, pictures: int, title: str) -> Iterator[tuple[Row, Encoded]]:
    """Yield each of the rows, of which there are so many `pictures`, with its encoded picture, file by file.

    A few files for each worker are in memory, never the corpus. `title` names the progress.
    Raises CorpusError where a picture is no longer what it was when `inspect` saw it.
    """
    workspace = rows.workspace
    waiting: deque[Row] = deque()

    def tasks() -> Iterator[Task]:
        for task, members in _tasks(rows):
            waiting.extend(members)
            yield task

    with (
        workspace.progress(title, pictures, "pictures") as advance,
        closing(workspace.workers.spread(encode, tasks(), pictures=pictures)) as spread,
    ):
        for done in spread:
            for each in done:
                yield waiting.popleft(), each
            advance(len(done))


@contextmanager
def laid_down(
    rows: CorpusRows,
    pictures: int,
    folder: Path,
    title: str,
    workers: Workers | None = None,
    *,
    known: Iterable[tuple[str, bytes]] = (),
    wanted: Callable[[Row], bool] = lambda row: True,
) -> Iterator[tuple[Pieces, int]]:
    """Yield the encoded pictures of all rows, of which there are so many, as pieces on disk, and on how many of them
    hair was painted over: for what is written in another order than files are read.

    The pieces lie in a folder of their own inside `folder` and are gone afterwards. The workers write them, those of
    the workspace or `workers`: none goes through this process but those that are `known`, (id, bytes). They come first;
    of the others those are encoded that are `wanted`. Raises CorpusError as `stream` does, and OSError as the system
    does.
    """
    workspace = rows.workspace
    size = min(max(pictures // _BATCHES, 1), _LARGEST_BATCH)
    bare = 0

    def batches() -> Iterator[Batch]:
        held: list[Task] = []
        for task, _ in _tasks(rows, wanted):
            held.append(task)
            if sum(len(one.pictures) for one in held) >= size:
                yield Batch(tuple(held), pieces.folder)
                held = []
        if held:
            yield Batch(tuple(held), pieces.folder)

    with Pieces(folder / ".pieces") as pieces:
        with workspace.progress(title, pictures, "pictures") as advance:
            left, fresh = iter(known), pictures
            while some := list(itertools.islice(left, _LARGEST_BATCH)):
                pieces.add(lay_piece(pieces.folder, some))
                advance(len(some))
                fresh -= len(some)
            with closing((workers or workspace.workers).spread(lay, batches(), pictures=fresh)) as spread:
                for laid, without in spread:
                    pieces.add(laid)
                    bare += without
                    advance(len(laid.spans))
        yield pieces, bare


def lay(batch: Batch) -> tuple[Laid, int]:
    """Lay down the pictures of a batch as one piece; return it, and on how many hair was painted over."""
    made = [(name, each) for task in batch.tasks for (name, _), each in zip(task.pictures, encode(task), strict=True)]
    laid = lay_piece(batch.folder, ((name, each.data) for name, each in made))
    return laid, sum(each.hair_removed for _, each in made)


def _tasks(rows: CorpusRows, wanted: Callable[[Row], bool] = lambda row: True) -> Iterator[tuple[Task, list[Row]]]:
    """Yield what is to be done file by file, each with the rows of its pictures."""
    workspace = rows.workspace
    for text, group in itertools.groupby(filter(wanted, rows.ordered("file")), key=lambda row: str(row["location"])):
        members = list(group)
        location = Location.parse(text)
        made = tuple((str(row["id"]), _box(row)) for row in members)
        path = workspace.store.path(location.object)
        yield Task(location, path, str(members[0]["sha256"]), made, workspace.recipe.shard), members


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
    if not hair_removal:
        extent = header.extent(data)
        kept = _as_it_stands(data) if extent is not None and min(extent[:2]) <= short_side else None
        if kept is not None:
            codec.decode(data, min_side=1)  # at the least scale: all that is asked is whether the picture is whole
            return Encoded(kept, False)
    whole = codec.decode(data)
    within = min(whole.width, whole.height) <= short_side
    pixels = codec.scale(whole.pixels, short_side)
    bare = hair.without_hair(pixels) if hair_removal else None
    if hair_removal and bare is None and within:
        kept = _as_it_stands(data)
        if kept is not None:
            return Encoded(kept, False)
    made = codec.encode(pixels if bare is None else bare, "PNG" if within else "JPEG", quality)
    return Encoded(made, bare is not None)


def _as_it_stands(data: bytes) -> bytes | None:
    return container.without_metadata(data) if header.is_plain(data) else None


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
