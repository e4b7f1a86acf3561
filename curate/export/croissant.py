"""croissant: the corpus as Parquet, pictures included, and `metadata.json`, which tells machines what stands in it.

The form is Croissant 1.1: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html
"""

from __future__ import annotations

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate import __version__, encoded
from curate.export import parquet
from curate.export.pictures import TYPES, values
from curate.export.selection import Selection
from curate.ml.example import SCHEMA

NEEDS_PICTURES = True
PICTURES = "pictures.parquet"

_BATCH = 256  # pictures in memory at a time, and in a row group
_CROISSANT = {"bytes": "sc:ImageObject", "text": "sc:Text", "int64": "sc:Integer", "float": "sc:Float"}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
} | {
    word: f"cr:{word}"
    for word in (
        "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
        "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
        "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
        "source", "subField", "transform",
    )
}  # fmt: skip


def write(chosen: Selection, folder: Path) -> None:
    """Write `pictures.parquet` (a row per picture, with its bytes), `records.parquet` and `metadata.json`."""
    schema = pa.schema([(feature.name, TYPES[feature.kind]) for feature in SCHEMA])
    with (
        encoded.laid_down(chosen.rows, chosen.tally.pictures, folder, "export") as (pieces, _),
        pq.ParquetWriter(folder / PICTURES, schema, compression="zstd") as writer,
    ):
        ordered = chosen.rows.ordered("id")
        while rows := list(itertools.islice(ordered, _BATCH)):
            whole = [values(row) | {"image": pieces.get(row["id"])} for row in rows]
            writer.write_table(pa.Table.from_pylist(whole, schema=schema))
    document = _document(chosen, folder, parquet.write_records(chosen, folder))
    (folder / "metadata.json").write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _document(chosen: Selection, folder: Path, records: pa.Schema) -> dict[str, Any]:
    name = chosen.workspace.recipe.shard.name
    # The address of a LicenseRef is where one may look for terms, not the terms themselves.
    licenses = sorted(
        {
            credit.license if credit.license.startswith("LicenseRef") else credit.license_url or credit.license
            for credit in chosen.credits
        }
    )
    fields = [
        _field("pictures", PICTURES, feature.name, feature.meaning, _CROISSANT[feature.kind]) for feature in SCHEMA
    ]
    for field in fields:
        if field["@id"] == "pictures/split":
            field["references"] = {"field": {"@id": "splits/name"}}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "description": f"Skin lesions: {chosen.tally.pictures} pictures of {len(chosen.credits)} sources, merged and "
        "harmonised, no picture twice; every record that was left out stands beside them with its reason.",
        "version": f"{__version__}+{chosen.names.version}.{chosen.corpus[:16]}",
        "datePublished": str(max(chosen.workspace.manifests[credit.source].released for credit in chosen.credits)),
        "url": chosen.credits[0].homepage,
        "license": licenses[0] if len(licenses) == 1 else licenses,
        "creator": [{"@type": "Organization", "name": credit.title} for credit in chosen.credits],
        "citeAs": " ".join(dict.fromkeys(work for credit in chosen.credits for work in credit.citation)),
        "keywords": ["dermatology", "skin lesion", "dermoscopy"],
        "isLiveDataset": False,
        "isBasedOn": [credit.homepage for credit in chosen.credits if credit.homepage],
        "distribution": [
            _file(folder / PICTURES, "One row per picture of the corpus, with the encoded picture."),
            _file(folder / parquet.FILE, "One row per record, in the corpus or left out with its reason."),
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "splits",
                "name": "splits",
                "dataType": "cr:Split",
                "key": {"@id": "splits/name"},
                "field": [
                    {"@type": "cr:Field", "@id": "splits/name", "name": "splits/name", "dataType": "sc:Text"},
                    {"@type": "cr:Field", "@id": "splits/url", "name": "splits/url", "dataType": "sc:URL"},
                ],
                "data": [
                    {"splits/name": "train", "splits/url": "cr:TrainingSplit"},
                    {"splits/name": "validation", "splits/url": "cr:ValidationSplit"},
                    {"splits/name": "test", "splits/url": "cr:TestSplit"},
                ],
            },
            {
                "@type": "cr:RecordSet",
                "@id": "pictures",
                "name": "pictures",
                "description": "The corpus: one record per picture.",
                "key": {"@id": "pictures/id"},
                "field": fields,
            },
            {
                "@type": "cr:RecordSet",
                "@id": "records",
                "name": "records",
                "description": "What the sources claim: one record per picture, with its outcome.",
                "key": {"@id": "records/id"},
                "field": [
                    _field("records", parquet.FILE, column.name, None, _kind(column.type)) for column in records
                ],
            },
        ],
    }  # fmt: skip


def _file(path: Path, about: str) -> dict[str, Any]:
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "description": about,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "application/x-parquet",
        "sha256": sha256,
    }


def _field(records: str, file: str, column: str, about: str | None, kind: str) -> dict[str, Any]:
    name = f"{records}/{column}"
    described = {"description": about} if about else {}
    return {
        "@type": "cr:Field",
        "@id": name,
        "name": name,
        **described,
        "dataType": kind,
        "source": {"fileObject": {"@id": file}, "extract": {"column": column}},
    }


def _kind(column: pa.DataType) -> str:
    if pa.types.is_boolean(column):
        return "sc:Boolean"
    if pa.types.is_integer(column):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(column) else "sc:Text"
