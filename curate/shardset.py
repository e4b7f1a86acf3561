"""A set of shards: the rows it is made of, the key that names them, and the files that hold them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curate import __version__, encoded
from curate.db import Database
from curate.errors import UsageError
from curate.images import hair
from curate.ml import shards
from curate.ml.credits import Credit, credits_of, write_credits
from curate.vocabulary import SPLITS
from curate.workspace import Workspace

Row = dict[str, Any]


@dataclass(frozen=True)
class LabelNames:
    """What the labels of a corpus are called, in the order of their index, and by which maps (names to sha256, hex).

    `notes` says what each category is; `changed` are the subtypes that count as another category than the taxonomy
    says: (subtype, category, the taxonomy's, why).
    """

    categories: tuple[str, ...]
    subtypes: tuple[str, ...]
    version: str
    files: dict[str, str]
    notes: dict[str, str]
    changed: tuple[tuple[str, str, str, str], ...]

    @classmethod
    def read(cls, database: Database) -> LabelNames:
        """Read the names with which a corpus was labelled, whatever its maps say by now."""
        categories = sorted(database.table("categories").to_pylist(), key=lambda row: int(row["category_index"]))
        subtypes = sorted(database.table("taxonomy").to_pylist(), key=lambda row: int(row["subtype_index"]))
        return cls(
            tuple(row["category"] for row in categories),
            tuple(row["subtype"] for row in subtypes),
            str(database.table("map_version").to_pylist()[0]["version"]),
            {row["name"]: row["sha256"] for row in database.table("map_files").to_pylist()},
            {row["category"]: row["note"] for row in categories},
            tuple(
                (row["subtype"], row["category"], row["usual_category"], row["change_note"])
                for row in subtypes
                if row["category"] != row["usual_category"]
            ),
        )


@dataclass(frozen=True)
class ShardSet:
    """The shards that some rows of `shard_rows` give: `values` is what `index.json` says beside the shards."""

    workspace: Workspace
    rows: Sequence[Row]
    values: dict[str, Any]
    key: str

    @classmethod
    def of(cls, workspace: Workspace, rows: Sequence[Row], names: LabelNames) -> ShardSet:
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
        values = _values(workspace, rows, names)
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
        made, bare = {}, 0
        with shards.Spool(folder / "spool") as spool:
            for picture, each in encoded.stream(self.workspace, self.rows, "shard"):
                spool.put(picture, each.data)
                bare += each.hair_removed
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
        values = self.values | {"key": self.key, "made_with": versions}
        if recipe.hair_removal:
            values["hair_removal"] = self.values["hair_removal"] | {"pictures": bare}
        shards.write_index(folder, values, made)
        write_credits(folder, [Credit.from_dict(credit) for credit in self.values["credits"]])


def _values(workspace: Workspace, rows: Sequence[Row], names: LabelNames) -> dict[str, Any]:
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
    recipe = workspace.recipe.shard
    removal = {"method": hair.METHOD, "version": hair.VERSION, "least_share": hair.LEAST}
    return {
        "name": recipe.name,
        "recipe": recipe.said(),
        **({"hair_removal": removal} if recipe.hair_removal else {}),
        "labels": {
            "category_index": list(names.categories),
            "subtype_index": list(names.subtypes),
        },
        "label_map_version": names.version,
        "label_maps": names.files,
        "splits": splits,
        "credits": [
            credit.as_dict() for credit in credits_of(workspace.manifests, (str(row["source"]) for row in rows))
        ],
    }


def _key(rows: Sequence[Row], values: dict[str, Any]) -> str:
    """Name the shards by what they are made of; where a picture lies does not count, its sha256 does."""
    digest = hashlib.sha256(json.dumps([shards.FORMAT, values], sort_keys=True).encode())
    for row in sorted(rows, key=lambda each: str(each["id"])):
        content = {word: value for word, value in row.items() if word != "location"}
        digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]
