"""The label maps: categories, taxonomy, a map per source and small vocabularies; read, checked, handed on as tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate import categories as categories_
from curate import map_file
from curate import taxonomy as taxonomy_
from curate.categories import Categories
from curate.errors import LabelMapError
from curate.map_file import MapRow
from curate.taxonomy import Taxonomy

VOCABULARIES = {"site": "sites", "sex": "sexes", "diagnosis_method": "diagnosis_methods"}
OPTIONAL = (taxonomy_.CHANGES,)
"""Files that ship with nobody, and that a user may add; beside a map for each source."""

Row = dict[str, str]


@dataclass(frozen=True)
class LabelMaps:
    """All maps; `version` is the first 12 hex digits of the sha256 over them, `files` the sha256 (hex) of each.

    `maps` is a row per source and label, its category a declared one. `licenses` says which of two copies that are
    alike in all else is kept: the one whose license asks less.
    """

    categories: Categories
    taxonomy: Taxonomy
    maps: tuple[Row, ...]
    ambiguous: tuple[Row, ...]
    vocabulary: tuple[Row, ...]
    licenses: tuple[tuple[str, int], ...]
    files: dict[str, str]
    version: str

    @classmethod
    def read(cls, files: Mapping[str, Path], sources: Sequence[str]) -> LabelMaps:
        """Read and check the maps of the named sources; `files` are those of the workspace by name.

        A source without a map has no label mapped yet. Raises LabelMapError, with the line, for a missing column, a
        doubled index, subtype or label, a subtype that the taxonomy does not have, a category that nobody declared.
        """
        categories = Categories.read(files)
        taxonomy = Taxonomy.read(files, categories)
        vocabulary = _vocabulary(files)
        methods = {row["value"] for row in vocabulary if row["field"] == "diagnosis_method"}
        maps = [
            {"source": source, **row}
            for source in sources
            if f"{source}.csv" in files
            for row in _map(files[f"{source}.csv"], categories, taxonomy, methods)
        ]
        decided = ("source", "source_label", "decided_by", "decided_label", "subtype")
        ambiguous = list(map_file.read(files["ambiguous.csv"], *decided))
        for row in ambiguous:
            taxonomy.require(row["subtype"], row)
        digest, hashes = hashlib.sha256(), {}
        for name, path in sorted(files.items()):
            data = path.read_bytes()
            digest.update(name.encode() + b"\0" + data + b"\0")
            hashes[name] = hashlib.sha256(data).hexdigest()
        return cls(
            categories,
            taxonomy,
            tuple(maps),
            tuple({column: row[column] for column in decided} for row in ambiguous),
            vocabulary,
            _licenses(files["licenses.csv"]),
            hashes,
            digest.hexdigest()[:12],
        )

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables of `TABLES`, by name."""
        index = {each.name: each.index for each in self.categories}
        rows: dict[str, list[dict[str, Any]]] = {
            "categories": [
                {"category": each.name, "category_index": each.index, "note": each.note} for each in self.categories
            ],
            "taxonomy": [
                {
                    "subtype": each.name,
                    "subtype_index": each.index,
                    "category": each.category,
                    "category_index": index[each.category],
                    "usual_category": each.usual,
                    "change_note": each.changed,
                    "umbrella_of": "; ".join(each.umbrella_of),
                    **each.told,
                }
                for each in self.taxonomy.values()
            ],
            "umbrellas": [{"umbrella": umbrella, "member": member} for umbrella, member in self.taxonomy.umbrellas()],
            "label_map": [{name: value or None for name, value in row.items()} for row in self.maps],
            "ambiguous": list(self.ambiguous),
            "vocabulary": [{**row, "value": row["value"] or None} for row in self.vocabulary],
            "license_order": [{"license": name, "place": place} for name, place in self.licenses],
            "map_files": [{"name": name, "sha256": sha256} for name, sha256 in self.files.items()],
            "map_version": [{"version": self.version}],
        }
        return {name: pa.Table.from_pylist(rows[name], schema=_schema(words)) for name, words in TABLES.items()}


TABLES = {
    "categories": "category category_index# note",
    "taxonomy": "subtype subtype_index# category category_index# usual_category change_note umbrella_of lineage "
    "isic_term isic_path definition disputed source note",
    "umbrellas": "umbrella member",
    "label_map": "source source_label subtype category note diagnosis_method",
    "ambiguous": "source source_label decided_by decided_label subtype",
    "vocabulary": "field source_value value",
    "license_order": "license place#",
    "map_files": "name sha256",
    "map_version": "version",
}
"""The tables that the maps come to, with the columns of each; `#` marks a whole number, all else is text."""


def _schema(words: str) -> pa.Schema:
    return pa.schema([(word.rstrip("#"), pa.int32() if word.endswith("#") else pa.string()) for word in words.split()])


def _vocabulary(files: Mapping[str, Path]) -> tuple[Row, ...]:
    """Return the words of the sources for site, sex and diagnosis method with ours, an empty one for unknown.

    A word of ours means itself, so that who writes a table of their own may use it.
    """
    found: list[Row] = []
    for field, name in VOCABULARIES.items():
        rows = list(map_file.read(files[f"{name}.csv"], "source_value", field))
        map_file.once(rows, "source_value", "the word", "take one of the lines out")
        said = {row["source_value"].lower(): row[field] for row in rows}
        said |= {value: value for value in sorted(set(said.values())) if value and value not in said}
        found += [{"field": field, "source_value": word, "value": value} for word, value in said.items()]
    return tuple(found)


def _map(path: Path, categories: Categories, taxonomy: Taxonomy, methods: set[str]) -> list[Row]:
    rows = list(map_file.read(path, "source_label", "subtype", "category", "note"))
    map_file.once(rows, "source_label", "the label", "take one of the lines out")
    return [_meaning(row, categories, taxonomy, methods) for row in rows]


def _meaning(row: MapRow, categories: Categories, taxonomy: Taxonomy, methods: set[str]) -> Row:
    label, subtype = row["source_label"], row["subtype"]
    category = categories.of(row["category"], row) if row["category"] else ""
    if subtype:
        meant = taxonomy.require(subtype, row)
        if category and category != meant.category:
            raise LabelMapError(
                f"label {label!r} has a subtype and another category",
                where=row.where,
                expected=f"{subtype} is {meant.category}",
                found=row["category"],
                done=map_file.DONE,
                hint="leave the category empty: a subtype implies it",
            )
    elif not category and not row["note"]:
        raise LabelMapError(
            f"label {label!r} is mapped to nothing and no note says why",
            where=row.where,
            expected="a subtype, a category, or a note",
            done=map_file.DONE,
            hint="add the subtype, or the note: with a note alone, the label is out of scope on purpose",
        )
    method = row.get("diagnosis_method")
    if method and method not in methods:
        raise LabelMapError(
            f"no diagnosis is made by {method!r}",
            where=row.where,
            expected=", ".join(sorted(methods - {""})),
            found=repr(method),
            done=map_file.DONE,
            hint="mend that row",
        )
    return {
        "source_label": label,
        "subtype": subtype,
        "category": category,
        "note": row["note"],
        "diagnosis_method": method,
    }


def _licenses(path: Path) -> tuple[tuple[str, int], ...]:
    rows = list(map_file.read(path, "license", "place", "note"))
    map_file.once(rows, "license", "the license", "take one of the lines out")
    return tuple((row["license"], row.whole("place")) for row in rows)


def known_files(shipped: Sequence[str], sources: Sequence[str]) -> set[str]:
    """Return every name that a file of the maps can have: what ships, what may be added, and a map for each source."""
    return {*shipped, *OPTIONAL, categories_.FILE, *(f"{source}.csv" for source in sources)}
