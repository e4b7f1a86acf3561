"""A set of shards: the rows it is made of, the key that names them, and the files that hold them."""

from __future__ import annotations

import csv
import hashlib
import importlib.metadata
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate import __version__, encoded
from curate.errors import LabelMapError, UsageError
from curate.ml import shards
from curate.ml.credits import Credit, credits_of, write_credits
from curate.vocabulary import CATEGORIES, SPLITS
from curate.workspace import Workspace

Row = dict[str, Any]


@dataclass(frozen=True)
class ShardSet:
    """The shards that some rows of `shard_rows` give: `values` is what `index.json` says beside the shards."""

    workspace: Workspace
    rows: Sequence[Row]
    values: dict[str, Any]
    key: str

    @classmethod
    def of(cls, workspace: Workspace, rows: Sequence[Row]) -> ShardSet:
        """Describe the shards of these rows; nothing is written yet.

        Raises UsageError for a name that shards cannot have, CorpusError where a row has no picture.
        """
        name = workspace.recipe.shard.name
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise UsageError(
                "shards cannot be called so",
                where="curate.toml [shard] name",
                expected="small letters, digits and _, a letter first",
                found=repr(name),
                hint="choose another name",
            )
        encoded.require(workspace, rows)
        values = _values(workspace, rows)
        return cls(workspace, rows, values, _key(rows, values))

    @property
    def home(self) -> Path:
        """The folder in `data_cache` in which these shards lie once `shard` has written them."""
        return self.workspace.cache / "shards" / self.key

    def write(self, folder: Path) -> None:
        """Write shards, metadata, index and credits into an empty folder; always the same bytes.

        Raises CorpusError where a picture is no longer what it was when `inspect` saw it, OSError on a full disk.
        """
        recipe = self.workspace.recipe.shard
        made = {}
        with shards.Spool(folder / "spool") as spool:
            for picture, data in encoded.stream(self.workspace, self.rows, "shard"):
                spool.put(picture, data)
            for split in SPLITS:
                members = [
                    {word: value for word, value in row.items() if word not in encoded.PLACE}
                    for row in self.rows
                    if row["split"] == split
                ]
                if members:
                    made[split] = shards.write(
                        folder, recipe.name, split, members, spool.get, recipe.pictures_per_shard
                    )
        about = f"Skin lesions, {len(self.rows)} pictures; see ATTRIBUTION.txt for whose they are."
        shards.write_metadata(folder, recipe.name, made, self.values["labels"], about)
        versions = {"curate": __version__} | {
            library: importlib.metadata.version(library) for library in ("pillow", "opencv-python-headless")
        }
        shards.write_index(folder, self.values | {"key": self.key, "made_with": versions}, made)
        write_credits(folder, [Credit.from_dict(credit) for credit in self.values["credits"]])


def _values(workspace: Workspace, rows: Sequence[Row]) -> dict[str, Any]:
    """Return what `index.json` says beside the shards themselves."""
    splits: dict[str, Any] = {}
    for split in SPLITS:
        members = [row for row in rows if row["split"] == split]
        if members:
            splits[split] = {
                "pictures": len(members),
                **{
                    word: dict(sorted(Counter(str(row[word] or "unknown") for row in members).items()))
                    for word in ("category", "subtype", "source")
                },
            }
    maps = workspace.label_maps
    return {
        "name": workspace.recipe.shard.name,
        "recipe": asdict(workspace.recipe.shard),
        "labels": {
            "category_index": list(CATEGORIES),
            "subtype_index": _subtypes(maps["taxonomy.csv"]),
        },
        "label_maps": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in maps.items()},
        "splits": splits,
        "credits": [
            credit.as_dict() for credit in credits_of(workspace.manifests, (str(row["source"]) for row in rows))
        ],
    }


def _subtypes(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [(int(row["index"]), row["subtype"]) for row in csv.DictReader(file)]
    if [index for index, _ in rows] != list(range(len(rows))):
        raise LabelMapError("the rows of the taxonomy are not numbered from 0", where=str(path))
    return [subtype for _, subtype in rows]


def _key(rows: Sequence[Row], values: dict[str, Any]) -> str:
    """Name the shards by what they are made of; where a picture lies does not count, its sha256 does."""
    digest = hashlib.sha256(json.dumps([shards.FORMAT, values], sort_keys=True).encode())
    for row in sorted(rows, key=lambda each: str(each["id"])):
        content = {word: value for word, value in row.items() if word != "location"}
        digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]
