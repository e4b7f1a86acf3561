"""The label maps: taxonomy, one map per source, and the small vocabularies; read, checked, handed on as tables."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate.errors import LabelMapError
from curate.vocabulary import CATEGORIES

_VOCABULARIES = {"site": "sites", "sex": "sexes", "diagnosis_method": "diagnosis_methods"}

Row = dict[str, str]


@dataclass(frozen=True)
class LabelMaps:
    """All maps; `version` is the first 12 hex digits of the sha256 over them.

    `licenses` says which of two copies that are alike in all else is kept: the one whose license asks less.
    """

    taxonomy: tuple[Row, ...]
    maps: tuple[Row, ...]
    ambiguous: tuple[Row, ...]
    vocabulary: tuple[Row, ...]
    licenses: tuple[Row, ...]
    version: str

    @classmethod
    def read(cls, files: Mapping[str, Path], sources: Sequence[str]) -> LabelMaps:
        """Read and check the maps of the named sources; `files` are those of the workspace by name.

        A source without a map has no label mapped yet. Raises LabelMapError for a missing column, a doubled index,
        subtype or label, a subtype that the taxonomy does not have, a category that is none of the three.
        """
        taxonomy = tuple(_rows(files["taxonomy.csv"], "index", "subtype", "category", "umbrella_of"))
        _check_taxonomy(files["taxonomy.csv"], taxonomy)
        categories = {row["subtype"]: row["category"] for row in taxonomy}
        maps: list[Row] = []
        for source in sources:
            path = files.get(f"{source}.csv")
            if path is None:
                continue
            rows = list(_rows(path, "source_label", "subtype", "category", "note"))
            _check_map(path, rows, categories)
            maps += [{"source": source, **row} for row in rows]
        ambiguous = tuple(
            _rows(files["ambiguous.csv"], "source", "source_label", "decided_by", "decided_label", "subtype")
        )
        for row in ambiguous:
            _known(files["ambiguous.csv"], row["subtype"], categories)
        vocabulary = [
            {"field": field, "source_value": row["source_value"].lower(), "value": row[field]}
            for field, name in _VOCABULARIES.items()
            for row in _rows(files[f"{name}.csv"], "source_value", field)
        ]
        licenses = tuple(_rows(files["licenses.csv"], "license", "place", "note"))
        _check_licenses(files["licenses.csv"], licenses)
        # A word of ours means itself, so that who writes a table of their own may use it.
        vocabulary += [
            {"field": field, "source_value": value, "value": value}
            for field in _VOCABULARIES
            for value in sorted({row["value"] for row in vocabulary if row["field"] == field and row["value"]})
            if value not in {row["source_value"] for row in vocabulary if row["field"] == field}
        ]
        digest = hashlib.sha256()
        for name, path in sorted(files.items()):
            digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
        return cls(taxonomy, tuple(maps), ambiguous, tuple(vocabulary), licenses, digest.hexdigest()[:12])

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables `taxonomy`, `umbrellas`, `label_map`, `ambiguous`, `vocabulary`, `license_order`
        and `map_version`."""
        umbrellas = [
            {"umbrella": row["subtype"], "member": member.strip()}
            for row in self.taxonomy
            for member in row["umbrella_of"].split(";")
            if member.strip()
        ]
        taxonomy = [
            {
                **{name: value for name, value in row.items() if name != "index"},
                "subtype_index": int(row["index"]),
                "category_index": CATEGORIES.index(row["category"]),
            }
            for row in self.taxonomy
        ]
        words = {name: pa.string() for row in self.maps for name in row}
        return {
            "taxonomy": pa.Table.from_pylist(taxonomy),
            "umbrellas": pa.Table.from_pylist(
                umbrellas, schema=pa.schema([("umbrella", pa.string()), ("member", pa.string())])
            ),
            "label_map": pa.Table.from_pylist(
                [{name: row.get(name) or None for name in words} for row in self.maps], schema=pa.schema(words)
            ),
            "ambiguous": pa.Table.from_pylist(
                list(self.ambiguous),
                schema=pa.schema(
                    {name: pa.string() for name in ("source", "source_label", "decided_by", "decided_label", "subtype")}
                ),
            ),
            "vocabulary": pa.Table.from_pylist(
                [{**row, "value": row["value"] or None} for row in self.vocabulary],
                schema=pa.schema({name: pa.string() for name in ("field", "source_value", "value")}),
            ),
            "license_order": pa.Table.from_pylist(
                [{"license": row["license"], "place": int(row["place"])} for row in self.licenses],
                schema=pa.schema([("license", pa.string()), ("place", pa.int32())]),
            ),
            "map_version": pa.table({"version": [self.version]}),
        }


def _rows(path: Path, *columns: str) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            lacking = [name for name in columns if name not in (reader.fieldnames or ())]
            if lacking:
                raise LabelMapError(
                    "a label map lacks a column",
                    where=str(path),
                    expected=",".join(columns),
                    found=",".join(reader.fieldnames or ()) or "an empty file",
                    hint="add the column",
                )
            for row in reader:
                if None in row or None in row.values():
                    raise LabelMapError(
                        "a row of a label map has more or fewer fields than the header",
                        where=f"{path}, line {reader.line_num}",
                        hint="mend that line; a text with a comma stands in quotes",
                    )
                yield {name: value.strip() for name, value in row.items()}
    except (UnicodeDecodeError, csv.Error) as broken:
        raise LabelMapError(
            "a label map is not a CSV in UTF-8", where=str(path), found=str(broken), hint="save it as UTF-8"
        ) from broken


def _check_taxonomy(path: Path, taxonomy: Sequence[Row]) -> None:
    subtypes: dict[str, Row] = {}
    indexes: dict[str, str] = {}
    for row in taxonomy:
        if row["subtype"] in subtypes or row["index"] in indexes:
            raise LabelMapError(
                f"subtype {row['subtype']!r} with index {row['index']} stands twice in the taxonomy",
                where=str(path),
                hint="an index is the place of a subtype for good: take the wrong row out",
            )
        if not row["index"].isdigit():
            raise LabelMapError(
                "an index is not a whole number", where=str(path), found=repr(row["index"]), hint="mend that row"
            )
        subtypes[row["subtype"]] = row
        indexes[row["index"]] = row["subtype"]
        _category(path, row["category"])
    for row in taxonomy:
        for member in filter(None, (part.strip() for part in row["umbrella_of"].split(";"))):
            _known(path, member, subtypes)
            if subtypes[member]["category"] != row["category"]:
                raise LabelMapError(
                    f"{row['subtype']} is an umbrella of {member}, but their categories differ",
                    where=str(path),
                    hint="mend one of the two rows",
                )


def _check_map(path: Path, rows: Sequence[Row], categories: dict[str, str]) -> None:
    seen: set[str] = set()
    for row in rows:
        label = row["source_label"]
        if label in seen:
            raise LabelMapError(f"label {label!r} is mapped twice", where=str(path), hint="take one of the lines out")
        seen.add(label)
        if row["subtype"]:
            _known(path, row["subtype"], categories)
            if row["category"] and row["category"] != categories[row["subtype"]]:
                raise LabelMapError(
                    f"label {label!r} has a subtype and another category",
                    where=str(path),
                    expected=f"{row['subtype']} is {categories[row['subtype']]}",
                    found=row["category"],
                    hint="leave the category empty: a subtype implies it",
                )
        elif row["category"]:
            _category(path, row["category"])
        elif not row["note"]:
            raise LabelMapError(
                f"label {label!r} is mapped to nothing and no note says why",
                where=str(path),
                expected="a subtype, a category, or a note",
                hint="add the note: then the label is out of scope on purpose",
            )


def _check_licenses(path: Path, rows: Sequence[Row]) -> None:
    for row in rows:
        if not (row["place"].isascii() and row["place"].isdigit() and len(row["place"]) < 4):
            raise LabelMapError(
                f"the place of {row['license']} in the order is no small whole number",
                where=str(path),
                found=repr(row["place"]),
                hint="mend that row; the least place is the license that asks least",
            )
        if sum(other["license"] == row["license"] for other in rows) > 1:
            raise LabelMapError(
                f"the license {row['license']!r} stands twice", where=str(path), hint="take one of the lines out"
            )


def _known(path: Path, subtype: str, subtypes: dict[str, str] | dict[str, Row]) -> None:
    if subtype not in subtypes:
        raise LabelMapError(
            f"the taxonomy has no subtype {subtype!r}",
            where=str(path),
            expected="one of the subtypes of taxonomy.csv",
            hint="mend the name, or add the subtype to taxonomy.csv with the next free index",
        )


def _category(path: Path, category: str) -> None:
    if category not in CATEGORIES:
        raise LabelMapError(
            f"there is no category {category!r}", where=str(path), expected=", ".join(CATEGORIES), hint="mend that row"
        )
