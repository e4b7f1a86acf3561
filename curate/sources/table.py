"""A steward's own pictures: any CSV with a row per picture, whose headers the manifest names in `[columns]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import cast

from curate.errors import ParseError
from curate.files import Files
from curate.manifest import COLUMNS
from curate.records import Claim, Modality, PublishedSplit, Record
from curate.sources import csv_table, isic_names
from curate.sources.csv_table import Row

_SPLITS = {
    **{word: word for word in ("train", "validation", "test")},
    "training": "train",
    "val": "validation",
    "valid": "validation",
}
_HINT = "mend the table, or [columns] in the manifest of the source, then fetch again"
_MODALITIES = ("dermoscopic", "clinical")
_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")


def parse(files: Files, columns: Mapping[str, Sequence[str]]) -> Iterator[Claim]:
    """Yield a Record per row of every `*.csv`, then one without a label per picture that no row names.

    `columns` says under which header stands what of `manifest.COLUMNS`; a field that is not named there has its own
    name as its header, and is passed over where the table has no such column; several headers are joined with "/", and
    are None where one cell is empty. `image` is a file's name, with or without its ending, or its path, as far down as
    is needed to tell two files of one name apart. All other columns become claims.
    Raises ParseError for a malformed table, for a column that `columns` names and the table lacks, for an image twice,
    or that fits two files, for two images that fit one, for a split or modality that is none, or for no table at all.
    """
    paths = [path for path in files if path.lower().endswith(".csv")]
    if not paths:
        raise csv_table.none_here("the source", ["*.csv"])
    pictures = _Pictures(files)
    seen: dict[str, str] = {}
    under = {field: tuple(columns.get(field, (field,))) for field in COLUMNS}
    told = frozenset(header for headers in under.values() for header in headers)
    for path in paths:
        required = dict.fromkeys([*under["image"], *(it for them in columns.values() for it in them)])
        for row in csv_table.read_all(files, path, list(required), hint=_HINT):
            yield _record(row, under, told, pictures, seen)
    for path in pictures.unclaimed():
        yield Record(image_id=csv_table.once(seen, path, path), file=path, source_label=None)


def _record(
    row: Row, under: Mapping[str, tuple[str, ...]], headers: frozenset[str], pictures: _Pictures, seen: dict[str, str]
) -> Record:
    """Return what a row says; `under` which headers stands each field, all of them `headers`."""
    told = {field: _cell(row, its) for field, its in under.items()}
    image = told["image"]
    if image is None:
        raise ParseError(
            "a row names no image",
            where=row.where(under["image"][0]),
            expected="the name of a picture",
            found="nothing",
            hint="name the picture, or take the row out, then fetch again",
        )
    name = _slashed(image)
    split, modality = told["split"], told["modality"]
    if split is not None and split.lower() not in _SPLITS:
        raise _no_choice(row, "split", split, tuple(_SPLITS))
    if modality is not None and modality.lower() not in _MODALITIES:
        raise _no_choice(row, "modality", modality, _MODALITIES)
    return Record(
        image_id=csv_table.once(seen, name, row.where()),
        file=pictures.claim(name, row),
        source_label=told["label"],
        published_split=cast(PublishedSplit, _SPLITS[split.lower()]) if split else None,
        isic_id=isic_names.isic_id(row, _bare(told["isic_id"])) if told["isic_id"] else None,
        lesion_id=told["lesion_id"],
        patient_id=told["patient_id"],
        age=told["age"],
        sex=told["sex"],
        site=told["site"],
        diagnosis_method=told["diagnosis_method"],
        tone_reported=told["tone_reported"],
        modality=cast(Modality, modality.lower()) if modality else None,
        mask=pictures.find(_slashed(told["mask"]), row) if told["mask"] else None,
        claims=row.claims(headers),
    )


def _slashed(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./")


def _bare(name: str) -> str:
    return name[: -len(PurePosixPath(name).suffix)] if name.lower().endswith(_PICTURES) else name


def _cell(row: Row, headers: Sequence[str]) -> str | None:
    if len(headers) == 1:
        return row.cells.get(headers[0])
    cells = [row.get(header) for header in headers]
    return "/".join(cell for cell in cells if cell) if all(cells) else None


def _no_choice(row: Row, field: str, found: str, choices: Sequence[str]) -> ParseError:
    return ParseError(
        f"there is no {field} {found!r}",
        where=row.where(),
        expected=", ".join(choices),
        found=found,
        hint="mend the cell (an empty one says nothing), then fetch again",
    )


class _Pictures:
    """The pictures of a tree by their paths, and which row has named which of them."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._named: set[str] = set()
        self._claimed: dict[str, tuple[str, str]] = {}
        self._paths = [path for path in files if path.lower().endswith(_PICTURES)]
        self._whole: dict[str, list[str]] = {}
        for path in self._paths:
            for name in _names(path):
                self._whole.setdefault(name, []).append(path)
        self._ends: dict[int, dict[str, list[str]]] = {}

    def claim(self, image: str, row: Row) -> str | None:
        """Return the path of an image, None where it is not here, for this row alone.

        Raises ParseError where it fits two files, and where another row's image fits the same file.
        """
        path = self.find(image, row)
        if path is None:
            return None
        other, where = self._claimed.setdefault(path, (image, row.where()))
        if other != image:
            raise ParseError(
                f"the images {other!r} and {image!r} fit one file",
                where=f"{where} and {row.where()}",
                expected="a file for each row",
                found=path,
                hint="fetch --from the folder above, so that the folders in that column tell the files apart",
            )
        return path

    def find(self, image: str, row: Row) -> str | None:
        """Return the path of an image, None where it is not here. Raises ParseError where it fits two files."""
        wanted = PurePosixPath(image).as_posix()
        # The path itself; else what lies deeper; else, where a folder further down was adopted, what is left of it.
        fitting = self._whole.get(wanted) or self._deeper(wanted) or self._shallower(wanted)
        # The same bytes under two paths (adopted from a folder, and from the folder above) are one picture.
        if len(fitting) > 1 and len({self._files.location(path).text() for path in fitting}) > 1:
            raise ParseError(
                f"two files fit the image {image!r}",
                where=row.where(),
                expected="a path that tells them apart",
                found=" and ".join(fitting[:2]),
                hint="write the folder before the name in that cell, then fetch again",
            )
        self._named.update(fitting)
        return fitting[0] if fitting else None

    def unclaimed(self) -> Iterator[str]:
        """Yield the pictures that no row has named, by path."""
        yield from (path for path in self._paths if path not in self._named)

    def _deeper(self, wanted: str) -> list[str]:
        """Return the pictures whose path ends with the wanted one. By all ends of that length, which are looked at
        once: every patient may have a `1.jpg`, so that to go through those of one name for each row would take long.
        """
        parts = wanted.count("/") + 1
        if parts not in self._ends:
            ends: dict[str, list[str]] = {}
            for path in self._paths:
                for name in _names(path):
                    ends.setdefault("/".join(name.rsplit("/", parts)[-parts:]), []).append(path)
            self._ends[parts] = ends
        return self._ends[parts].get(wanted, [])

    def _shallower(self, wanted: str) -> list[str]:
        """Return the pictures whose path the wanted one ends with."""
        parts = wanted.split("/")
        ends = ("/".join(parts[start:]) for start in range(1, len(parts)))
        return sorted({path for end in ends for path in self._whole.get(end, [])})


def _names(path: str) -> tuple[str, ...]:
    """Return a path with and without the ending of its name."""
    folder, slash, name = path.rpartition("/")
    stem = name.rpartition(".")[0]
    return (path, f"{folder}{slash}{stem}") if stem else (path,)
