"""shard: the corpus becomes TFRecord files in `data_cache/shards/<key>/`, whole or not at all."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import itertools
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate import __version__
from curate.errors import CorpusError, CurateError, LabelMapError, UnreadablePicture, UsageError
from curate.files import Location, read_location
from curate.images import codec, header
from curate.ml import shards
from curate.ml.credits import Credit, write_credits
from curate.recipe import ShardRecipe
from curate.records import Box
from curate.report import Report
from curate.workers import spread
from curate.workspace import Workspace

_PLACE = ("location", "box_left", "box_top", "box_width", "box_height")


def run(workspace: Workspace) -> Report:
    """Write the shards of the corpus as it stands; where they are there already, do nothing.

    Raises CorpusError where there is no corpus, where it was built from labels alone, or where a picture is no longer
    what it was when `inspect` saw it; then nothing is left under the final name.
    """
    report = Report("shard", "pictures")
    recipe = workspace.recipe.shard
    if not re.fullmatch(r"[a-z][a-z0-9_]*", recipe.name):
        raise UsageError(
            "shards cannot be called so",
            where="curate.toml [shard] name",
            expected="small letters, digits and _, a letter first",
            found=repr(recipe.name),
            hint="choose another name",
        )
    with workspace.database(read_only=True) as database:
        if not database.has("corpus"):
            raise CorpusError("there is no corpus here yet", where=str(workspace.root), hint="curate build")
        rows: list[dict[str, Any]] = database.select("shard_rows").to_pylist()
    _check(workspace, rows)
    names = {"category_index": shards.CATEGORIES, "subtype_index": _subtypes(workspace.label_maps / "taxonomy.csv")}
    values = _values(workspace, rows, names)
    key = _key(rows, values)
    folder = workspace.cache / "shards" / key
    report.details |= {"folder": str(folder), "key": key}
    if folder.is_dir():
        report.there = len(rows)
    else:
        _make(workspace, rows, names, values | {"key": key}, folder)
        report.made = len(rows)
    shards.point(folder)
    report.details["splits"] = dict(sorted(Counter(str(row["split"]) for row in rows).items()))
    return report


def _check(workspace: Workspace, rows: list[dict[str, Any]]) -> None:
    if not rows:
        raise CorpusError("the corpus holds no picture", where=str(workspace.root), hint="curate status")
    without = [row["id"] for row in rows if row["location"] is None]
    if without:
        raise CorpusError(
            f"{len(without)} rows of the corpus have no picture, {without[0]} for one: it was built from labels alone",
            where=str(workspace.root),
            hint="curate fetch, then curate build",
        )


def _subtypes(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [(int(row["index"]), row["subtype"]) for row in csv.DictReader(file)]
    if [index for index, _ in rows] != list(range(len(rows))):
        raise LabelMapError("the rows of the taxonomy are not numbered from 0", where=str(path))
    return [subtype for _, subtype in rows]


def _values(workspace: Workspace, rows: list[dict[str, Any]], names: dict[str, Any]) -> dict[str, Any]:
    """Return what `index.json` says beside the shards themselves."""
    splits: dict[str, Any] = {}
    for split in shards.SPLITS:
        members = [row for row in rows if row["split"] == split]
        if members:
            splits[split] = {
                "pictures": len(members),
                **{
                    word: dict(sorted(Counter(str(row[word] or "unknown") for row in members).items()))
                    for word in ("category", "subtype", "source")
                },
            }
    return {
        "name": workspace.recipe.shard.name,
        "recipe": asdict(workspace.recipe.shard),
        "labels": {feature: list(labels) for feature, labels in names.items()},
        "label_maps": {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(workspace.label_maps.glob("*.csv"))
        },
        "splits": splits,
        "credits": [credit.as_dict() for credit in _credits(workspace, rows)],
    }


def _credits(workspace: Workspace, rows: list[dict[str, Any]]) -> list[Credit]:
    pictures = Counter(str(row["source"]) for row in rows)
    found = []
    for source, count in sorted(pictures.items()):
        manifest = workspace.manifests[source]
        found.append(
            Credit(
                source=source,
                title=manifest.title,
                license=manifest.license,
                license_url=manifest.license_url,
                redistribution=manifest.redistribution,
                attribution=manifest.attribution,
                citation=tuple(manifest.citation),
                homepage=manifest.homepage,
                pictures=count,
            )
        )
    return found


def _key(rows: list[dict[str, Any]], values: dict[str, Any]) -> str:
    """Name the shards by what they are made of; where a picture lies does not count, its sha256 does."""
    digest = hashlib.sha256(json.dumps([shards.FORMAT, values], sort_keys=True).encode())
    for row in sorted(rows, key=lambda each: str(each["id"])):
        content = {word: value for word, value in row.items() if word != "location"}
        digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]


def _make(
    workspace: Workspace, rows: list[dict[str, Any]], names: dict[str, Any], values: dict[str, Any], folder: Path
) -> None:
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        made = _write(workspace, rows, part)
        recipe = workspace.recipe.shard
        about = f"Skin lesions, {len(rows)} pictures; see ATTRIBUTION.txt for whose they are."
        shards.write_metadata(part, recipe.name, made, names, about)
        versions = {"curate": __version__} | {
            library: importlib.metadata.version(library) for library in ("pillow", "opencv-python-headless")
        }
        shards.write_index(part, values | {"made_with": versions}, made)
        write_credits(part, [Credit.from_dict(credit) for credit in values["credits"]])
        part.rename(folder)
    except OSError as broken:
        raise CorpusError(
            "the shards could not be written",
            where=str(folder),
            found=str(broken),
            done="what was half written is gone again",
            hint="make room or mend the folder, then curate shard",
        ) from broken
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(workspace: Workspace, rows: list[dict[str, Any]], part: Path) -> dict[str, list[shards.Shard]]:
    recipe = workspace.recipe.shard
    with shards.Spool(part / "spool") as spool:
        with workspace.progress("shard", len(rows), "pictures") as advance:
            for stored in spread(store, _tasks(workspace, rows), workers=workspace.workers):
                for picture, data in stored:
                    spool.put(picture, data)
                advance(len(stored))
        made = {}
        for split in shards.SPLITS:
            members = [
                {word: value for word, value in row.items() if word not in _PLACE}
                for row in rows
                if row["split"] == split
            ]
            if members:
                made[split] = shards.write(part, recipe.name, split, members, spool.get, recipe.pictures_per_shard)
    return made


@dataclass(frozen=True)
class Task:
    """One file to read once, and the pictures that come of it: the file itself (no box), or its tiles."""

    location: Location
    path: Path
    sha256: str
    pictures: tuple[tuple[str, Box | None], ...]
    recipe: ShardRecipe


def _tasks(workspace: Workspace, rows: list[dict[str, Any]]) -> Iterator[Task]:
    ordered = sorted(rows, key=lambda row: (row["location"], str(row["id"])))
    for text, group in itertools.groupby(ordered, key=lambda row: str(row["location"])):
        members = list(group)
        location = Location.parse(text)
        pictures = tuple((str(row["id"]), _box(row)) for row in members)
        path = workspace.store.path(location.object)
        yield Task(location, path, str(members[0]["sha256"]), pictures, workspace.recipe.shard)


def _box(row: dict[str, Any]) -> Box | None:
    if row["box_left"] is None:
        return None
    return Box(row["box_left"], row["box_top"], row["box_width"], row["box_height"])


def store(task: Task) -> list[tuple[str, bytes]]:
    """Return the pictures of one file as they stand in the shards, by id.

    A tile is cut out and kept without loss. A picture that every decoder shows alike and that is small enough is kept
    byte for byte; any other is scaled (mean over area) and encoded once. Raises CorpusError where it cannot be.
    """
    name = task.pictures[0][0]
    try:
        data = read_location(task.location, task.path)
    except (OSError, KeyError, CurateError) as gone:
        raise _changed(name, task.location, f"it cannot be read: {str(gone).splitlines()[0]}") from gone
    if hashlib.sha256(data).hexdigest() != task.sha256:
        raise _changed(name, task.location, "its bytes are others")
    short = task.recipe.short_side
    try:
        whole = codec.decode(data, min_side=None if task.pictures[0][1] else 2 * short)
        out = []
        for picture, box in task.pictures:
            if box is not None:
                out.append((picture, codec.encode(codec.crop(whole.pixels, box), "PNG")))
            elif min(whole.width, whole.height) <= short and header.is_plain(data):
                out.append((picture, data))
            else:
                small = codec.scale(whole.pixels, short)
                out.append((picture, codec.encode(small, "JPEG", task.recipe.quality)))
    except (UnreadablePicture, ValueError) as broken:
        raise _changed(name, task.location, str(broken).splitlines()[0]) from broken
    return out


def _changed(picture: str, location: Location, found: str) -> CorpusError:
    return CorpusError(
        f"the picture {picture} is not what it was when it was inspected",
        where=location.text(),
        found=found,
        done="no shard was left behind",
        hint="curate verify, then curate fetch and curate build",
    )
