"""Small random worlds: one to four sources in their true layouts or tables of a steward's own, and a recipe."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import cv2
import drawn_sheets
import numpy as np

from curate.demo import bitmap, pad_ufes_20, ph2
from curate.demo.archive import pack, table, workbook
from curate.images import codec
from curate.manifest import Manifest, RemoteFile, dump, read_all
from curate.workspace import shipped

TOP = "Asan and Hallym (thumbnails)"


@dataclass(frozen=True)
class Source:
    """What one source of a world is: what it says of itself, its files by path, and the label map of its own words.

    `served`: the files are to be downloaded, not placed.
    """

    manifest: Manifest
    files: dict[str, bytes]
    label_map: str | None = None
    served: bool = False


@dataclass(frozen=True)
class World:
    """A root in which nothing was built yet, and the words that build it."""

    seed: int
    root: Path
    words: tuple[str, ...]
    sources: tuple[str, ...]


def draw(seed: int, folder: Path, address: str, *, sheets: bool = False) -> World:
    """Write the world of that seed below `folder`; what is to be downloaded comes from `address`, that serves `folder`.

    `sheets`: one of so many sheets that a second process is worth its start.
    """
    chance = Random(f"world {seed}")
    photographs = [chance.randrange(10_000) for _ in range(chance.randint(2, 6))]
    kinds = chance.sample(KINDS, chance.randint(1, 4))
    root = folder / f"{seed}{'-sheets' if sheets else ''}"
    kinds = [_many_sheets] if sheets else kinds
    names = []
    for number, kind in enumerate(kinds):
        for source in kind(chance, photographs, number):
            names.append(source.manifest.name)
            _write(root, source, f"{address}/{root.name}/served")
    (root / "curate.toml").write_text(_recipe(chance, sorted(names)), encoding="utf-8")
    words = ["build", "--workers", "2" if sheets else str(chance.choice((1, 2)))]
    if chance.random() < 0.5:
        words[1:1] = sorted(names)
    elif any((root / "served" / name).exists() for name in names):
        words[1:1] = sorted(names)  # what nobody placed is built only where it is named
    return World(seed, root, tuple(words), tuple(sorted(names)))


def _write(root: Path, source: Source, address: str) -> None:
    name, manifest = source.manifest.name, source.manifest
    home = root / ("served" if source.served else "placed") / name
    for path, data in source.files.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    if source.served:
        files = tuple(
            dataclasses.replace(
                file,
                urls=(f"{address}/{name}/{file.name}",),
                bytes=len(source.files[file.name]),
                sha256=hashlib.sha256(source.files[file.name]).hexdigest(),
            )
            for file in manifest.files
        )
        manifest = dataclasses.replace(manifest, files=files, access="open", instructions="")
    (root / "manifests").mkdir(parents=True, exist_ok=True)
    (root / "manifests" / f"{name}.toml").write_text(dump(manifest), encoding="utf-8")
    if source.label_map is not None:
        (root / "label_maps").mkdir(exist_ok=True)
        (root / "label_maps" / f"{name}.csv").write_text(source.label_map, encoding="utf-8")


def _recipe(chance: Random, names: list[str]) -> str:
    return f"""[corpus]
sources = {names}
[dedup]
by_places = {str(chance.random() < 0.7).lower()}
[label]
on_conflict = "{chance.choice(("leave_out", "newest"))}"
[split]
salt = "{chance.randrange(1000)}"
quotas = {str(chance.random() < 0.3).lower()}
folds = {chance.choice((0, 0, 3))}
[shard]
short_side = {chance.choice((32, 64, 96, 256))}
quality = {chance.randint(60, 95)}
pictures_per_shard = {chance.choice((1, 2, 5, 2048))}
hair_removal = {str(chance.random() < 0.2).lower()}
"""


def _picture(chance: Random, photographs: list[int], form: str) -> bytes:
    """Draw one of the photographs once more: as it is, smaller, or so that nobody can read it."""
    number = chance.choice(photographs) if chance.random() < 0.4 else chance.randrange(10_000)
    pixels = _photograph(number)
    if chance.random() < 0.2:
        pixels = drawn_sheets.resized(0.75)(pixels)
    if form == "BMP":
        data = bitmap.bmp(pixels)
    else:
        data = codec.encode(pixels, form, chance.choice((92, 75))) if form == "JPEG" else codec.encode(pixels, form)
    return data[: len(data) // 3] if chance.random() < 0.08 else data


def _photograph(number: int) -> codec.Pixels:
    """Return skin with marks of all sizes, everywhere, so that each number is a lesion of its own."""
    high, wide = 72 + number % 40, 96 + number % 30
    noise = np.random.default_rng(number)
    pixels = np.full((high, wide, 3), (214, 170, 140), np.float32)
    for size in (3, 9, 21):
        marks = noise.normal(0, 50 * size**0.5, (high, wide)).astype(np.float32)
        pixels += cv2.GaussianBlur(marks, (0, 0), size / 2)[:, :, None]
    return pixels.clip(0, 255).astype(np.uint8)


def _pictures(chance: Random, photographs: list[int], names: list[str], form: str) -> dict[str, bytes]:
    """Draw the pictures of these names; now and then one is not there."""
    return {name: _picture(chance, photographs, form) for name in names if chance.random() < 0.92}


def _own(chance: Random, photographs: list[int], number: int, *, served: bool = False) -> list[Source]:
    """A steward's own table; as unreliable as people are."""
    name = f"clinic_{number}"
    pictures = {f"P{at % 3}/{at}.jpg": "JPEG" for at in range(chance.randint(1, 6))}
    words = ["naevus", "naevus", "Basaliom", "Melanom", "Warze", ""]
    if chance.random() < 0.06:
        words.append("Xanthom")  # which no map knows
    rows = [
        (path, chance.choice(words), path.split("/")[0], at // 2, chance.choice(("", 41, "85+")), "female", "nose")
        for at, path in enumerate(pictures)
    ]
    labels = table([("file", "diagnosis", "patient", "lesion", "age", "sex", "where"), *rows])
    files = _pictures(chance, photographs, list(pictures), "JPEG")
    packed = served or chance.random() < 0.3
    manifest = Manifest(
        name=name,
        title=f"Clinic {number}",
        parser="table",
        namespace=name,
        released=2020 + number,
        modality=chance.choice(("dermoscopic", "clinical")),
        license=chance.choice(("CC0-1.0", "CC-BY-NC-4.0")),
        license_url="https://clinic.example/terms",
        redistribution="yes",
        attribution="A clinic",
        citation=("A clinic, unpublished",),
        homepage="https://clinic.example",
        access="manual",
        instructions="Ask the clinic.",
        expected={"records": len(rows)},
        columns={
            "image": ("file",),
            "label": ("diagnosis",),
            "patient_id": ("patient",),
            "lesion_id": ("patient", "lesion"),
            "site": ("where",),
        },
        files=(RemoteFile("lesions.csv", "labels"), RemoteFile("pictures.zip", "pictures", members=("*.jpg",))),
    )
    label_map = "source_label,subtype,category,note\nnaevus,melanocytic_nevus,,\nBasaliom,basal_cell_carcinoma,,\n"
    label_map += "Melanom,melanoma,,\nWarze,,,no lesion of ours\n"
    tree = {"pictures.zip": pack(sorted(files.items()))} if packed else files
    return [Source(manifest, {"lesions.csv": labels} | tree, label_map, served)]


def _served(chance: Random, photographs: list[int], number: int) -> list[Source]:
    return _own(chance, photographs, number, served=True)


def _isic_2016(chance: Random, photographs: list[int], number: int) -> list[Source]:
    names = [f"ISIC_{at:07}" for at in range(chance.randint(1, 5))]
    labels = table([(name, chance.choice(("benign", "malignant"))) for name in names])
    pictures = _pictures(chance, photographs, [f"{name}.jpg" for name in names], "JPEG")
    return [_known("isic_2016", {"ISBI2016_ISIC_Part3_Training_GroundTruth.csv": labels}, pictures)]


def _isic_2018(chance: Random, photographs: list[int], number: int) -> list[Source]:
    names = [f"ISIC_{at:07}" for at in range(chance.randint(1, 5))]
    classes = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
    given = [chance.choice(classes) for _ in names]
    rows = [
        (name, *("1.0" if word == one else "0.0" for word in classes)) for name, one in zip(names, given, strict=True)
    ]
    labels = table([("image", *classes), *rows], end="\n")
    pictures = _pictures(chance, photographs, [f"{name}.jpg" for name in names], "JPEG")
    return [_known("isic_2018", {"ISIC2018_Task3_Training_GroundTruth.csv": labels}, pictures)]


def _pad(chance: Random, photographs: list[int], number: int) -> list[Source]:
    rows, names = [], []
    for at in range(chance.randint(1, 4)):
        names.append(f"PAT_{at // 2}_{at}_{100 + at}.png")
        row = dict.fromkeys(pad_ufes_20.COLUMNS, "") | {"patient_id": f"PAT_{at // 2}", "lesion_id": str(at)}
        row |= {"fitspatrick": chance.choice(("", "2.0", "5.0")), "region": "NOSE", "age": "55"}
        row |= {"diagnostic": chance.choice(("NEV", "ACK", "BCC")), "img_id": names[-1], "biopsed": "True"}
        rows.append([row[word] for word in pad_ufes_20.COLUMNS])
    labels = table([pad_ufes_20.COLUMNS, *rows], end="\n")
    return [_known("pad_ufes_20", {"metadata.csv": labels}, _pictures(chance, photographs, names, "PNG"))]


def _ph2(chance: Random, photographs: list[int], number: int) -> list[Source]:
    names = [f"IMD{at:03}" for at in range(chance.randint(1, 3))]
    lines = [
        ph2.HEADER,
        *(f"|| {name} ||  || {chance.choice('012')} || 1 | T | T | A | A | A || 4 ||" for name in names),
    ]
    text = ("\n".join(lines) + "\n" + ph2.LEGEND).encode()
    pictures = _pictures(chance, photographs, [f"{name}.bmp" for name in names], "BMP")
    return [_known("ph2", {"PH2_dataset.txt": text}, pictures)]


def _many_sheets(chance: Random, photographs: list[int], number: int) -> list[Source]:
    return _thumbnails(chance, photographs, number, least=3)


def _thumbnails(chance: Random, photographs: list[int], number: int, *, least: int = 1) -> list[Source]:
    """Sheets of ASAN and Hallym, whose tiles are the pictures."""
    labels = ("wart", "lentigo", "melanoma", "nevus", "bcc", "hemangioma", "dermatofibroma")
    asan = {
        f"{TOP}/Asan test dataset/L#12dx#test-asan10#{how}#{label}.png": _sheet(chance)
        for label in chance.sample(labels, chance.randint(least, 4))
        for how in ("biopsy", "non-biopsy")
    }
    hallym = {f"{TOP}/Hallym dataset/L#12dx#hallym#back bcc.png": _sheet(chance)}
    return [_known("asan", {}, asan), _known("hallym", {}, hallym)]


def _sheet(chance: Random) -> bytes:
    sheet, boxes = drawn_sheets.plain_sheet([(100, 100)] * chance.randint(1, 3))
    for box in boxes:
        tile = cv2.resize(_photograph(chance.randrange(10_000)), (box.width, box.height))
        sheet[box.top : box.top + box.height, box.left : box.left + box.width] = tile
    return codec.encode(sheet, "PNG")


def _severance(chance: Random, photographs: list[int], number: int) -> list[Source]:
    """A workbook of cases, and a sheet of tiles each with the label cell of its case before it."""
    labels = [chance.choice(("actinickeratosis", "angiofibroma")) for _ in range(2)]
    book = workbook("Sheet1", [(label, 50, "F", None, None, None, "face") for label in labels])
    sheet = drawn_sheets.captioned_sheet(
        {0: f"1, F/50, {labels[0]}", 3: f"2, F/50, {labels[1]}"}, set(), filled=chance.randint(5, 8)
    )
    return [_known("severance", {"SeveranceA.xlsx": book}, {"001.jpg": codec.encode(sheet, "JPEG", 95)})]


def _known(name: str, labels: dict[str, bytes], pictures: dict[str, bytes]) -> Source:
    """A source in its true layout, of which nothing more is expected than is here."""
    manifest = _shipped()[name]
    wanted = {glob: None for file in manifest.files if file.role == "pictures" for glob in file.members}
    files = tuple(RemoteFile(path, "labels") for path in labels)
    files += (
        RemoteFile("pictures.zip", "pictures", members=tuple(glob for glob in wanted if "*" in glob or "[" in glob)),
    )
    manifest = dataclasses.replace(
        manifest,
        access="manual",
        instructions="Place it.",
        listing="",
        needs_acceptance=False,
        expected={},
        files=files,
    )
    return Source(manifest, labels | pictures)


@cache
def _shipped() -> dict[str, Manifest]:
    return read_all(shipped("manifests"))


Kind = Callable[[Random, list[int], int], list[Source]]
KINDS: tuple[Kind, ...] = (_own, _own, _served, _isic_2016, _isic_2018, _pad, _ph2, _thumbnails, _severance)
