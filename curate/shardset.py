"""A set of shards: the rows it is made of, the key that names them, and the files that hold them."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from curate import __version__, encoded
from curate.corpus_rows import CorpusRows, Tally
from curate.db import Database
from curate.encoded_before import EncodedBefore, mark
from curate.errors import CorpusError, UsageError
from curate.images import hair
from curate.ml import shards
from curate.ml.credits import Credit, credits_of, write_credits
from curate.ml.pieces import Order, Pieces, fill
from curate.workers import Workers
from curate.workspace import Workspace


@dataclass(frozen=True)
class LabelNames:
    """What the labels of a corpus are called, in the order of their index, and by which maps (names to sha256, hex).

    `category_of_subtype` is the index of the category that each subtype implies, -1 where it implies none. `notes` says
    what each category is; `changed` are the subtypes that count as another category than the taxonomy
    says: (subtype, category, the taxonomy's, why).
    """

    categories: tuple[str, ...]
    subtypes: tuple[str, ...]
    category_of_subtype: tuple[int, ...]
    version: str
    files: dict[str, str]
    notes: dict[str, str]
    changed: tuple[tuple[str, str, str, str], ...]

    @classmethod
    def read(cls, database: Database) -> LabelNames:
        """Read the names with which a corpus was labelled, whatever its maps say by now."""
        categories = sorted(database.table("categories").to_pylist(), key=lambda row: int(row["category_index"]))
        subtypes = sorted(database.table("taxonomy").to_pylist(), key=lambda row: int(row["subtype_index"]))
        index = {row["category"]: int(row["category_index"]) for row in categories}
        return cls(
            tuple(row["category"] for row in categories),
            tuple(row["subtype"] for row in subtypes),
            tuple(index.get(row["category"], -1) for row in subtypes),
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
    """The shards that some rows of the corpus give: `values` is what `index.json` says beside the shards."""

    rows: CorpusRows
    tally: Tally
    values: dict[str, Any]
    key: str

    @classmethod
    def of(cls, rows: CorpusRows, tally: Tally, names: LabelNames) -> ShardSet:
        """Describe the shards of these rows; nothing is written yet.

        Raises UsageError for a name that shards cannot have, CorpusError where a row has no picture.
        """
        name = rows.workspace.recipe.shard.name
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise UsageError(
                "shards cannot be called so",
                where="curate.toml [shard] name",
                expected="small letters, digits and _, a letter first",
                found=repr(name),
                hint="choose another name",
            )
        tally.require_pictures(rows.workspace)
        values = _values(rows.workspace, tally, names)
        return cls(rows, tally, values, _key(rows, values))

    @property
    def home(self) -> Path:
        """The folder in `data_cache` in which these shards lie once `shard` has written them."""
        return self.rows.workspace.cache / "shards" / self.key

    def write(self, folder: Path) -> int:
        """Write shards, metadata, index and credits into an empty folder; always the same bytes.

        Returns how many of the pictures were taken from the last shards, see `curate.encoded_before`.
        Raises CorpusError where a picture is no longer what it was when `inspect` saw it, OSError on a full disk.
        """
        recipe = self.rows.workspace.recipe.shard
        pictures, taken = self.tally.pictures, set[bytes]()
        before = EncodedBefore.of(self.rows.workspace)

        def known() -> Iterator[tuple[str, bytes]]:
            if before is not None:
                for picture, which, data in before.pictures(before.wanted(self.rows)):
                    taken.add(which)
                    yield picture, data

        with (
            self.rows.workspace.workers.kept(pictures) as workers,
            encoded.laid_down(
                self.rows,
                pictures,
                folder,
                "shard",
                workers,
                known=known(),
                wanted=lambda row: mark(row) not in taken,
            ) as (pieces, bare),
        ):
            made = self._filled(folder, pieces, workers)
        versions = {"curate": __version__} | {
            library: importlib.metadata.version(library) for library in ("pillow", "opencv-python-headless")
        }
        values = self.values | {"key": self.key, "made_with": versions}
        if recipe.hair_removal:
            values["hair_removal"] = self.values["hair_removal"] | {"pictures": bare}
        write_beside(folder, values, made)
        return len(taken)

    def _filled(self, folder: Path, pieces: Pieces, workers: Workers) -> dict[str, list[shards.Shard]]:
        """Write the shards of all splits out of the pieces, each by one worker."""
        workspace, pictures = self.rows.workspace, self.tally.pictures
        recipe = workspace.recipe.shard

        def orders() -> Iterator[Order]:
            for split, count in self.tally.splits.items():
                rows = self.rows.ordered("place", split=split)
                for number, of, members in shards.dealt(rows, count, recipe.pictures_per_shard):
                    path = folder / shards.file_name(recipe.name, split, number, of)
                    yield Order.of(path, pieces, members)

        with (
            workspace.progress("write", pictures, "pictures") as advance,
            closing(workers.spread(fill, orders(), pictures=pictures)) as spread,
        ):
            filled = []
            for shard in spread:
                filled.append(shard)
                advance(shard.pictures)
        made, left = {}, iter(filled)
        for split, count in self.tally.splits.items():
            made[split] = list(islice(left, shards.count_of(count, recipe.pictures_per_shard)))
        return made

    def index(self) -> dict[str, Any]:
        """Return what `index.json` says of these shards where they lie in `home`; see `index_of`."""
        return index_of(self.home)

    def harm(self) -> str | None:
        """Say what is wrong with these shards where they lie in `home`; see `harm`."""
        return harm(self.home)


def index_of(home: Path) -> dict[str, Any]:
    """Return what `index.json` says of the shards in a folder that is called by their key.

    Raises CorpusError where it is damaged, or a shard that it names is not there or not as long as it says.
    """
    index = shards.read_index(home)
    if index["key"] != home.name:
        raise shards.damaged_index(home / "index.json", f"key {index['key']}", f"key {home.name}")
    for split in index["shards"]:
        shards.files_of(home, split)
    return index


def harm(home: Path) -> str | None:
    """Say what is wrong with the shards in a folder that is called by their key; None where nothing is, as far as can
    be told without reading them: by the hash of the index, what follows from it, and the sizes of the shards.
    """
    try:
        index = index_of(home)
        with tempfile.TemporaryDirectory() as made_again:
            fresh = Path(made_again)
            write_beside(fresh, index, shards.named_in(index))
            for path in sorted(path for path in fresh.rglob("*") if path.is_file()):
                here = home / path.relative_to(fresh)
                if not here.is_file() or here.read_bytes() != path.read_bytes():
                    return f"{here.name} is not what index.json implies" if here.is_file() else f"no {here.name}"
    except CorpusError as broken:
        return f"{broken.what}: {Path(broken.where or '').name}: {broken.found} instead of {broken.expected}"
    except (ValueError, KeyError, TypeError, AttributeError) as broken:
        return f"index.json is in no form that is known: {broken}"
    return None


def write_beside(folder: Path, values: Mapping[str, Any], made: Mapping[str, Sequence[shards.Shard]]) -> None:
    """Write all that stands beside shards: schema, label names, index with its hash, and credits.

    `values` is what `index.json` says; what it says of the shards themselves comes from `made`, by split.
    """
    pictures = sum(shard.pictures for split in made.values() for shard in split)
    about = f"Skin lesions, {pictures} pictures; see ATTRIBUTION.txt for whose they are."
    shards.write_metadata(folder, values["name"], made, values["labels"], about)
    shards.write_index(
        folder, {word: value for word, value in values.items() if word not in ("format", "shards")}, made
    )
    write_credits(folder, [Credit.from_dict(credit) for credit in values["credits"]])


def _values(workspace: Workspace, tally: Tally, names: LabelNames) -> dict[str, Any]:
    """Return what `index.json` says beside the shards themselves."""
    splits = {
        split: {
            "pictures": pictures,
            **{
                word: dict(
                    sorted((str(value or "unknown"), count) for value, count in tally.inside(word, split).items())
                )
                for word in ("category", "subtype", "source")
            },
        }
        for split, pictures in tally.splits.items()
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
        "category_of_subtype": list(names.category_of_subtype),
        "label_map_version": names.version,
        "label_maps": names.files,
        "splits": splits,
        "credits": [credit.as_dict() for credit in credits_of(workspace.manifests, tally.of("source"))],
    }


def _key(rows: CorpusRows, values: dict[str, Any]) -> str:
    """Name the shards by what they are made of; where a picture lies does not count, its sha256 does."""
    digest = hashlib.sha256(json.dumps([shards.FORMAT, values], sort_keys=True).encode())
    for row in rows.ordered("id"):
        content = {word: value for word, value in row.items() if word != "location"}
        digest.update(json.dumps(content, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]
