"""Shards: TFRecord files whose bytes follow from the pictures alone, and the files beside them that say what they hold.

A picture's place comes from the hash of its id: its leading bits are the shard, the whole of it is the order within.
So a picture that is added or taken away changes one shard, as long as the number of shards stays (a power of two).
Nothing here loads TensorFlow.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shlex
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from curate import whole
from curate.errors import CorpusError
from curate.ml.example import SCHEMA, Value, encode, frame

FORMAT = 4  # raise it whenever the same rows would give other bytes
# Not the salt of the splits: the leading bits would then be those that chose the split, and fill a part of the shards.
_SALT = "curate shards"

Row = Mapping[str, Value]
AnyRow = TypeVar("AnyRow", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class Shard:
    """One file: `bytes` long, with `pictures` in it."""

    file: str
    pictures: int
    bytes: int
    sha256: str


def place(picture: str) -> bytes:
    """Return the 32 bytes that decide where the picture of this id stands among the others of its split."""
    return hashlib.sha256(f"{_SALT}\0{picture}".encode()).digest()


def count_of(pictures: int, per_shard: int) -> int:
    """Return the smallest power of two that leaves at most `per_shard` pictures in a shard on average."""
    count = 1
    while count * per_shard < pictures:
        count *= 2
    return count


def file_name(name: str, split: str, number: int, count: int) -> str:
    """Return the name of one shard file, in the form that TFDS and `tf.data` users expect."""
    return f"{name}-{split}.tfrecord-{number:05d}-of-{count:05d}"


def dealt(rows: Iterable[AnyRow], pictures: int, per_shard: int) -> Iterator[tuple[int, int, Iterator[AnyRow]]]:
    """Yield (number, count, its rows) for each shard of one split, also one without any.

    `rows` come in the order of their place, and are `pictures` in all. Raises ValueError where they do not.
    """
    count = count_of(pictures, per_shard)
    bits = count.bit_length() - 1
    before = b""

    def number_of(row: AnyRow) -> int:
        nonlocal before
        here = place(str(row["id"]))
        if here < before:
            raise ValueError(f"{row['id']} does not stand in the order of the shards")
        before = here
        return int.from_bytes(here[:8]) >> (64 - bits) if bits else 0

    following = 0
    for number, members in itertools.groupby(rows, key=number_of):
        for empty in range(following, number):
            yield empty, count, iter(())
        yield number, count, members
        following = number + 1
    for empty in range(following, count):
        yield empty, count, iter(())


def write(
    folder: Path,
    name: str,
    split: str,
    rows: Iterable[Row],
    picture: Callable[[str], bytes],
    *,
    pictures: int,
    per_shard: int,
) -> list[Shard]:
    """Write all shards of one split into `folder`; one picture in memory at a time.

    `rows`, `pictures` of them, come in the order of their place and hold every feature of the schema but `image`;
    `picture(id)` gives that.
    """
    return [
        write_one(folder / file_name(name, split, number, count), ((row, picture(str(row["id"]))) for row in members))
        for number, count, members in dealt(rows, pictures, per_shard)
    ]


def write_one(path: Path, pictures: Iterable[tuple[Row, bytes]], begun_in: Path | None = None) -> Shard:
    """Write one shard: pictures in the order of their place, each with its row; one of them in memory at a time.

    It has its name when it is whole: in a cluster two workers may be at one shard, where one was thought to be lost.
    Until then it lies in `begun_in`, a folder on the same disk that is taken away with what a lost one has left there.
    """
    digest, size, held = hashlib.sha256(), 0, 0
    begun = (begun_in or path.parent) / f".{uuid.uuid4().hex}"
    with begun.open("wb") as out:
        for row, data in pictures:
            record = frame(encode({**row, "image": data}))
            digest.update(record)
            size += out.write(record)
            held += 1
    begun.replace(path)
    return Shard(path.name, held, size, digest.hexdigest())


def write_metadata(
    folder: Path, name: str, splits: Mapping[str, Sequence[Shard]], names: Mapping[str, Sequence[str]], about: str
) -> None:
    """Write `features.json`, `dataset_info.json` and the label names, as `tfds.builder_from_directory` reads them.

    `names` maps a feature (`category_index`, `subtype_index`) to its labels in the order of their index.
    """
    _json(folder / "features.json", features(names))
    info = {
        "name": name,
        "version": f"{FORMAT}.0.0",
        "description": about,
        "fileFormat": "tfrecord",
        "moduleName": "curate.ml.shards",
        "splits": [
            {
                "name": split,
                "shardLengths": [str(shard.pictures) for shard in shards],
                "numBytes": str(sum(shard.bytes for shard in shards)),
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
            }
            for split, shards in splits.items()
        ],
    }
    _json(folder / "dataset_info.json", info)
    for feature, labels in names.items():
        (folder / f"{feature}.labels.txt").write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")


def features(names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the schema in the words of TFDS' `features.json` (tensorflow_datasets/core/proto/feature.proto)."""
    words: dict[str, Any] = {}
    package = "tensorflow_datasets.core.features"
    for feature in SCHEMA:
        kind: dict[str, Any]
        if feature.kind == "bytes":
            shape = {"dimensions": ["-1", "-1", "3"]}
            kind = {
                "pythonClassName": f"{package}.image_feature.Image",
                "image": {"shape": shape, "dtype": "uint8"},
            }
        elif feature.name in names and feature.always:  # a ClassLabel takes -1 for the last of its names
            kind = {
                "pythonClassName": f"{package}.class_label_feature.ClassLabel",
                "classLabel": {"numClasses": str(len(names[feature.name]))},
            }
        elif feature.kind == "text":
            kind = {"pythonClassName": f"{package}.text_feature.Text", "text": {}}
        else:
            dtype = "int64" if feature.kind == "int64" else "float32"
            kind = {
                "pythonClassName": f"{package}.scalar.Scalar",
                "tensor": {"shape": {}, "dtype": dtype, "encoding": "none"},
            }
        words[feature.name] = kind | {"description": feature.described}
    return {
        "pythonClassName": f"{package}.features_dict.FeaturesDict",
        "featuresDict": {"features": words},
    }


def write_index(folder: Path, values: Mapping[str, Any], splits: Mapping[str, Sequence[Shard]]) -> None:
    """Write `index.json`: the given values and, for each split, its shards with hash, bytes and pictures; and its own
    hash beside it."""
    listed = {split: [asdict(shard) for shard in shards] for split, shards in splits.items()}
    _json(folder / "index.json", {"format": FORMAT, **values, "shards": listed})
    whole.seal(folder / "index.json")


def read_index(folder: Path) -> dict[str, Any]:
    """Return what `index.json` says.

    Raises CorpusError where there is none, or it is of another version or damaged: not what the hash beside it says.
    """
    path = folder / "index.json"
    if not path.exists():
        raise CorpusError("there are no shards here yet", where=str(folder), hint="curate build")
    try:
        data = path.read_bytes()
        index: dict[str, Any] = json.loads(data)
    except (OSError, ValueError) as broken:
        raise damaged_index(path, str(broken)) from broken
    if not isinstance(index, dict):
        raise damaged_index(path, type(index).__name__)
    if index.get("format") != FORMAT:
        raise CorpusError(
            "the shards were written by another version of curate",
            where=str(path),
            expected=f"format {FORMAT}",
            found=f"format {index.get('format')}",
            hint="curate shard",
        )
    sha256, sealed = hashlib.sha256(data).hexdigest(), whole.sealed(path)
    if sealed != sha256:
        seal = whole.seal_of(path).name
        raise damaged_index(path, sha256, f"sha256 {sealed}, as {seal} says" if sealed else f"its sha256 in {seal}")
    missing = {"key", "labels", "credits", "recipe", "shards"} - set(index)
    if missing:
        raise damaged_index(path, f"no {', '.join(sorted(missing))}")
    return index


def named_in(index: Mapping[str, Any]) -> dict[str, list[Shard]]:
    """Return the shards that an index names, by split."""
    return {split: [Shard(**entry) for entry in entries] for split, entries in index["shards"].items()}


def damaged_index(path: Path, found: str, expected: str = "what `curate shard` wrote") -> CorpusError:
    """Return the error about an index that is not what `shard` wrote, with what to type next."""
    return CorpusError(
        "the index of the shards is damaged",
        where=str(path),
        expected=expected,
        found=found.splitlines()[0],
        hint=f"rm -r {shlex.quote(str(path.parent))} && curate shard   (curate verify says what else is wrong)",
    )


def point(folder: Path) -> None:
    """Remember these shards as the ones that `latest` gives."""
    whole.write_text(folder.parent / "current", f"{folder.name}\n")


def latest(folder: Path) -> Path:
    """Return the shards below `folder` that were made or found last. Raises CorpusError where there are none."""
    pointer = folder / "current"
    name = pointer.read_bytes().decode("utf-8", "replace").strip() if pointer.exists() else ""
    if not name or not (folder / name).is_dir():
        raise CorpusError("there are no shards here yet", where=str(folder), hint="curate build")
    return folder / name


def files_of(folder: Path, split: str) -> list[Path]:
    """Return the paths of a split's shards in order; none where the corpus has no picture in that split.

    Raises CorpusError where a shard is not there, or not as long as `index.json` says.
    """
    listed = read_index(folder)["shards"].get(split, [])
    for shard in listed:
        path = folder / shard["file"]
        size = path.stat().st_size if path.is_file() else None
        if size != shard["bytes"]:
            found = "no such file" if size is None else f"{size:,} bytes"
            raise damaged_shard(path, f"{shard['bytes']:,} bytes", found)
    return [folder / shard["file"] for shard in listed]


def damaged_shard(path: Path, expected: str, found: str) -> CorpusError:
    """Return the error about a shard that is not what `shard` wrote, with what to type next."""
    return CorpusError(
        "a shard is damaged",
        where=str(path),
        expected=expected,
        found=found,
        hint=f"curate verify, then rm -r {shlex.quote(str(path.parent))} && curate shard",
    )


def _json(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
