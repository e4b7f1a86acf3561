"""A corpus of any number of rows that is not there: ten sources with their label files, made by hash; and the facts of
bytes that `inspect` and the second looks of `dedup` would have found, where there are no pictures to look at.

The same number of rows gives the same corpus. Of each row a hash decides what it is:

- the ten sources hold from 25 % of the rows to 2 %, each in a CSV and a zip of its own; three share the ids of ISIC;
- 15 of 100 rows are copies of another row, of any source: a third has its bytes (and among the three, its id), a third
  its pixels in other bytes, a third is near (its perceptual hash is up to 3 bits off);
- patients have 4 pictures of 2 lesions; 7 of 10 rows name both. A copy names the patient of what it is a copy of;
- 20 labels, of which the frequent ones are benign; 3 of 100 copies carry another label than their original, 1 of 100
  rows none, 1 of 100 one that is out of scope; two sources have published test sets;
- age, sex, site, method and reported tone are missing in 10 to 60 of 100 rows.

With pictures, each row's picture is drawn, small, and nothing else is generated. Without them each member of a zip
holds a few bytes, which are hashed as they are; sizes, hashes of pixels, perceptual hashes, tones and artefacts are
numbers made by hash, and so is what a second look says of each pair of candidates. Perceptual hashes that are no copies
lie by chance, evenly: those of real lesions crowd, and give more candidates.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from curate import pairs
from curate.db import Database
from curate.demo.photographs import Shot, develop
from curate.images import identity
from curate.images.hash_search import near_pairs
from curate.look import LOOKED_AT
from curate.recipe import DedupRecipe

SOURCES = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa")
SHARES = (0.25, 0.20, 0.15, 0.10, 0.08, 0.07, 0.06, 0.04, 0.03, 0.02)
_ISIC = 3  # so many of them share their ids
_TESTED = (2, 6)  # have a published test set

_SUBTYPES = (
    "melanocytic_nevus",
    "atypical_nevus",
    "blue_nevus",
    "congenital_nevus",
    "seborrheic_keratosis",
    "dermatofibroma",
    "hemangioma",
    "lentigo",
    "wart",
    "benign_keratosis",
    "melanoma",
    "basal_cell_carcinoma",
    "squamous_cell_carcinoma",
    "bowen_disease",
    "keratoacanthoma",
    "actinic_keratosis",
    "neurofibroma",
    "vascular_lesion",
    "epidermal_cyst",
    "pyogenic_granuloma",
)
_OTHER = "something else"
_SITES = ("back", "face", "chest", "forearm", "abdomen", "scalp", "nose", "arm", "trunk")
_METHODS = ("histopathology", "consensus", "confocal", "follow_up")

Words = NDArray[np.uint64]
Whole = NDArray[np.int64]


def hashed(numbers: Whole | Words, salt: str) -> Words:
    """Return a number of 64 bits by hash for each (SplitMix64, Steele et al. 2014), another for each salt."""
    seed = np.frombuffer(hashlib.sha256(salt.encode()).digest()[:8], np.uint64)
    mixed = (numbers.astype(np.uint64) + seed) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def share(numbers: Whole | Words, salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 by hash for each."""
    return hashed(numbers, salt) / 2.0**64


@dataclass(frozen=True)
class Rows:
    """All rows, in columns by number: `original` is the row that each is a copy of (else itself), `how` is 0 where it
    is none, 1 for the same bytes, 2 for the same pixels, 3 for near ones; `source` is the number of its source."""

    source: Whole
    original: Whole
    how: Whole

    @classmethod
    def made(cls, count: int) -> Rows:
        """Make so many rows."""
        numbers = np.arange(count)
        source = np.searchsorted(np.cumsum(SHARES), share(numbers, "source"), side="right").clip(0, len(SOURCES) - 1)
        is_copy = share(numbers, "copy") < 0.15
        originals = np.flatnonzero(~is_copy)
        taken = originals[(hashed(numbers, "of which") % np.uint64(len(originals))).astype(np.int64)]
        how = np.where(is_copy, 1 + (hashed(numbers, "how") % np.uint64(3)).astype(np.int64), 0)
        return cls(source, np.where(is_copy, taken, numbers), how)

    @property
    def count(self) -> int:
        """How many."""
        return len(self.source)

    def subtype(self) -> Whole:
        """Return the number of each row's subtype in `_SUBTYPES`: the first are the most frequent."""
        numbers = np.arange(self.count)
        other = (self.how > 0) & (share(numbers, "other label") < 0.03)
        drawn = share(np.where(other, numbers, self.original), "subtype")
        return (drawn**3 * len(_SUBTYPES)).astype(np.int64)

    def token(self) -> list[bytes]:
        """Return what lies in the zip in place of each picture: the same for copies of the same bytes."""
        same = np.where(self.how == 1, self.original, np.arange(self.count))
        return [number.to_bytes(8, "big") for number in same.tolist()]


def name(number: int) -> str:
    """Return the name of the picture in its CSV; its file is `path(number)`."""
    return f"IMG_{number:07d}"


def path(number: int) -> str:
    """Return where the picture lies in the zip of its source."""
    return f"{number // 1000:04d}/{name(number)}.jpg"


def write(root: Path, folder: Path, count: int, *, drawn: bool) -> Rows:
    """Write recipe, manifests and label maps into a root, and the files of the sources into a folder to fetch from."""
    rows = Rows.made(count)
    for sub in (root / "manifests", root / "label_maps", folder):
        sub.mkdir(parents=True)
    named = ", ".join(f'"{source}"' for source in SOURCES)
    (root / "curate.toml").write_text(f"[corpus]\nsources = [{named}]\n\n[dedup]\nby_places = false\n")
    pictures = _drawn(rows) if drawn else iter(rows.token())
    archives = []
    for number, source in enumerate(SOURCES):
        (root / "manifests" / f"{source}.toml").write_text(_manifest(number, int((rows.source == number).sum())))
        lines = [f"{subtype},{subtype},,\n" for subtype in _SUBTYPES]
        text = f"source_label,subtype,category,note\n{''.join(lines)}{_OTHER},,,none of the kinds\n"
        (root / "label_maps" / f"{source}.csv").write_text(text)
        csv.write_csv(_table(rows, number), folder / f"{source}.csv")
        archives.append(zipfile.ZipFile(folder / f"{source}.zip", "w"))
    for number, (source_number, data) in enumerate(zip(rows.source.tolist(), pictures, strict=True)):
        archives[source_number].writestr(zipfile.ZipInfo(path(number)), data)
    for archive in archives:
        archive.close()
    return rows


def _manifest(number: int, records: int) -> str:
    source = SOURCES[number]
    return f"""name = "{source}"
title = "Generated source {source}"
parser = "table"
namespace = "{"isic" if number < _ISIC else source}"
released = {2015 + number}
modality = "{"dermoscopic" if number % 3 else "clinical"}"
license = "{"CC0-1.0" if number % 2 else "CC-BY-4.0"}"
license_url = "https://example.org/terms"
redistribution = "yes"
attribution = "Nobody: generated"
citation = ["Generated, for a benchmark"]
homepage = "https://example.org"
access = "manual"
instructions = "made by benchmarks/scale.py"

[expected]
records = {records}

[columns]
label = "diagnosis"
patient_id = "patient"
lesion_id = ["patient", "lesion"]
site = "where"
diagnosis_method = "how"
tone_reported = "tone"

[[files]]
name = "{source}.csv"
role = "labels"

[[files]]
name = "{source}.zip"
role = "pictures"
members = ["*.jpg"]
"""


def _table(rows: Rows, number: int) -> pa.Table:
    """Return the CSV of one source."""
    here = np.flatnonzero(rows.source == number)
    shown = rows.original[here]
    subtypes = np.array(_SUBTYPES, dtype=object)[rows.subtype()[here]]
    subtypes[share(here, "out of scope") < 0.01] = _OTHER
    subtypes[share(here, "no label") < 0.01] = None
    # Patients of two lesions with two pictures each, by the photograph that a copy is of; and of what their copies say
    # only where one namespace makes it the same patient.
    patient = np.array([f"P{it:07d}" for it in (shown // 4).tolist()], dtype=object)
    alien = (rows.how[here] > 0) & ~((number < _ISIC) & (rows.source[shown] < _ISIC))
    patient[(share(shown // 4, "patient") < 0.3) | alien] = None
    lesion = np.where(shown % 4 < 2, "a", "b").astype(object)
    columns: dict[str, Any] = {
        "image": [name(it) for it in here.tolist()],
        "diagnosis": subtypes,
        "patient": patient,
        "lesion": lesion,
        "age": _some(here, "age", 0.1, tuple(str(5 * it) for it in range(1, 18))),
        "sex": _some(here, "sex", 0.15, ("female", "male")),
        "where": _some(here, "site", 0.2, _SITES),
        "how": _some(here, "method", 0.4, _METHODS),
        "tone": _some(here, "tone", 0.6, tuple("123456")),
        "camera": _some(here, "camera", 0.2, ("A", "B", "C")),
    }
    if number < _ISIC:
        columns["isic_id"] = [f"ISIC_{it:07d}" for it in np.where(rows.how[here] == 1, shown, here).tolist()]
    if number in _TESTED:
        columns["split"] = np.where(share(shown // 4, "published") < 0.1, "test", "train")
    return pa.table({word: pa.array(cells, pa.string()) for word, cells in columns.items()})


def _some(numbers: Whole, salt: str, missing: float, words: tuple[str, ...]) -> NDArray[Any]:
    cells = np.array(words, dtype=object)[(hashed(numbers, salt) % np.uint64(len(words))).astype(np.int64)]
    cells[share(numbers, f"{salt} missing") < missing] = None
    return cells


def _drawn(rows: Rows) -> Iterator[bytes]:
    """Yield each row's picture, in order: a copy of the same bytes is the same file, a near one half as large."""
    subtypes = rows.subtype()
    for start in range(0, rows.count, 1000):
        here = slice(start, start + 1000)
        shots = [
            (Shot(_SUBTYPES[subtypes[shown]], f"lesion {shown // 2}", f"view {shown % 2}", 160, 120), how)
            for shown, how in zip(rows.original[here].tolist(), rows.how[here].tolist(), strict=True)
        ]
        made = develop({shot: ("jpeg", "half") for shot, _ in shots})
        for number, (shot, how) in enumerate(shots, start):
            yield made[shot, "half" if how == 3 else "jpeg"] + (b"%08d" % number if how == 2 else b"")


def facts(rows: Rows, archive_of: dict[str, str]) -> dict[str, pa.Table]:
    """Return what `inspect` would have found, by fact table; `archive_of` says the sha256 of each source's zip.

    All that this benchmark knows of the form of the facts stands here and in `looks`.
    """
    numbers = np.arange(rows.count)
    location = [f"{archive_of[SOURCES[source]]}!/{path(number)}" for number, source in enumerate(rows.source.tolist())]
    sha256 = pa.array([hashlib.sha256(token).hexdigest() for token in rows.token()])
    same_pixels = np.where((rows.how == 1) | (rows.how == 2), rows.original, numbers)
    pixels = pa.array([hashlib.sha256(b"%d" % number).hexdigest() for number in same_pixels.tolist()])
    phash, dhash = (hashed(rows.original, salt) for salt in ("phash", "dhash"))
    for bit in range(3):  # the same bit twice is none
        phash = phash ^ np.where(
            rows.how == 3, np.uint64(1) << (hashed(numbers, f"bit {bit}") % np.uint64(64)), np.uint64(0)
        )
    cells = identity.CELLS**2 + 3
    numbered = same_pixels[:, None] * cells + np.arange(cells)
    means = (hashed(numbered, "means") >> np.uint64(48)).astype("<u2")
    large = np.where(rows.how == 3, 1, 2)
    zeros = pa.array(np.zeros(rows.count, np.int32))
    key = {"sha256": sha256, "cell": zeros}
    some = {
        word: pa.array(share(same_pixels, word))
        for word in ("vignette", "hair", "highlight", "border", "blur", "exposure", "ruler", "ink", "text")
    }
    tables = {
        "members": {
            "location": pa.array(location),
            "sha256": sha256,
            "bytes": pa.array(np.full(rows.count, 8)),
            "problem": pa.nulls(rows.count, pa.string()),
        },
        "fingerprints": key
        | {
            "version": _all(rows, LOOKED_AT["fingerprint"]),
            "width": pa.array(512 * large),
            "height": pa.array(384 * large),
            "format": pa.array(["JPEG"] * rows.count),
            "mode": pa.array(["RGB"] * rows.count),
            "phash": pa.array(phash),
            "dhash": pa.array(dhash),
            "detail": pa.array(5 + 40 * share(same_pixels, "detail")),
            "means": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(2 * cells), rows.count, [None, pa.py_buffer(means)]
            ),
            "problem": pa.nulls(rows.count, pa.string()),
        },
        "pixels": key | {"version": _all(rows, identity.VERSION), "pixels_sha256": pixels},
        "appearance": key
        | {
            "version": _all(rows, LOOKED_AT["appearance"]),
            "tone_ita_deg": pa.array(-50 + 120 * share(same_pixels, "tone")),
            "tone_ita_confidence": pa.array(share(same_pixels, "confidence")),
            "tone_ita_share": pa.array(share(same_pixels, "skin")),
            "tone_ita_method": pa.array(["corners"] * rows.count),
        }
        | some,
    }
    return {table: pa.table(columns) for table, columns in tables.items()}


def looks(database: Database) -> pa.Table:
    """Return what second looks would have said of the pairs that `dedup` will take for candidates: the fact table."""
    recipe = DedupRecipe()
    database.build("pixel_keys", identity=identity.VERSION, by_pixels=True)
    pictures = database.select("comparable", detail=recipe.near_detail)
    first, second, bits = near_pairs(pictures.column("phash").to_numpy(), recipe.near_distance)
    ids = pictures.column("id").combine_chunks()
    found = {"first": ids.take(pa.array(first)), "second": ids.take(pa.array(second))}
    database.replace("candidates", pa.table(found | {"distance": pa.array(bits, pa.int32())}))
    waiting = database.select("to_compare", look=pairs.LOOK_VERSION)
    distance = {
        (a, b): bit for a, b, bit in zip(*(it.to_pylist() for it in found.values()), bits.tolist(), strict=True)
    }
    ends = zip(waiting.column("first").to_pylist(), waiting.column("second").to_pylist(), strict=True)
    keys = [f"{end}_{word}" for end in ("first", "second") for word in ("sha256", "cell")]
    rows = {word: waiting.column(word) for word in keys}
    # A copy was made by flipping three bits at most; what is further off is near by chance.
    agreement = [0.97 if distance[pair] <= 6 else 0.4 for pair in ends]
    return pa.table(rows | {"version": pa.array([pairs.LOOK_VERSION] * waiting.num_rows), "agreement": agreement})


def _all(rows: Rows, value: int) -> pa.Array:
    return pa.array(np.full(rows.count, value, np.int32))
