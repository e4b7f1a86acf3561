"""What a source may claim. Nothing but types: every value is verbatim text as the source writes it, or None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

PublishedSplit = Literal["train", "validation", "test"]
Modality = Literal["dermoscopic", "clinical"]
Layout = Literal["plain", "captioned"]


@dataclass(frozen=True, slots=True)
class Record:
    """One picture that a source claims: a row of its label file.

    `image_id` is unique within the source; the record's id everywhere else is `source:image_id`.
    `file` is the path of the picture in the source's tree (see `curate.files.Files`), None where it is not there.
    `source_label` is the diagnosis in the source's own word (for a one-hot row: the name of the column that is set).
    """

    image_id: str
    file: str | None
    source_label: str | None
    published_split: PublishedSplit | None = None
    isic_id: str | None = None
    lesion_id: str | None = None
    patient_id: str | None = None
    age: str | None = None
    sex: str | None = None
    site: str | None = None
    diagnosis_method: str | None = None
    tone_reported: str | None = None
    modality: Modality | None = None
    mask: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One picture that holds many: `inspect` cuts it into tiles, and each tile becomes a record.

    `layout` "plain": tiles only, each tile's id is `source:name/n`, labelled with the sheet's own `source_label`.
    `layout` "captioned": label cells stand between the tiles and name the `Case` of the tiles that follow, over row
    and sheet ends; each tile's id is `source:case/n`. `position` orders captioned sheets; sheets whose positions
    follow one another without a gap are read as one stream.
    """

    name: str
    file: str
    layout: Layout
    position: int | None = None
    source_label: str | None = None
    published_split: PublishedSplit | None = None
    modality: Modality | None = None
    diagnosis_method: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the workbook behind captioned sheets; `number` is what the label cells print, from 1."""

    number: int
    source_label: str | None
    age: str | None = None
    sex: str | None = None
    site: str | None = None
    diagnosis_method: str | None = None
    modality: Modality | None = None
    claims: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListedPair:
    """Two pictures that the source itself lists as copies of one; `origin` names the list."""

    first: str
    second: str
    origin: str


Claim = Record | Sheet | Case | ListedPair


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in whole pixels: `left`, `top` inclusive, `width` and `height` at least 1."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One cell of a sheet, in reading order. `cell` counts from 1 over all cells; `row`, `column` count from 0.

    `kind` is "picture", "label" or "blank"; `text` is what a label cell prints, None where it could not be read; a
    letter of the label that could be another is "?", which only very small or much compressed sheets have.
    For a picture `box` is exactly its content: no border, no shadow.
    """

    cell: int
    row: int
    column: int
    box: Box
    kind: Literal["picture", "label", "blank"]
    text: str | None = None
