"""The files of the five ISIC challenges: CSVs with each year's header and line ends, zips with each year's folders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from curate.demo import bitmap, isic
from curate.demo.archive import pack, table
from curate.demo.isic import Row
from curate.demo.photographs import Form, Shot, develop
from curate.demo.truth import Part

ATTRIBUTION = b"Drawn for the demo of curate; no picture here shows a person.\n"
LICENSE = b"CC0 1.0 Universal: https://creativecommons.org/publicdomain/zero/1.0/\n"
CLASSES_2018 = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
CLASSES_2019 = ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK")
# The sites of 2019 in the words of HAM10000 and of 2020.
HAM_SITES = {
    "head/neck": "face",
    "anterior torso": "chest",
    "posterior torso": "back",
    "palms/soles": "acral",
}
SITES_2020 = {"anterior torso": "torso", "posterior torso": "torso"}
DX = {"MEL": "mel", "NV": "nv", "BCC": "bcc", "AKIEC": "akiec", "BKL": "bkl", "DF": "df", "VASC": "vasc"}
METHODS = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
}

Pictures = Mapping[tuple[Shot, Form], bytes]


def make(seed: int, size: str) -> Part:
    """Return the files and records of ISIC 2016 to 2020."""
    rows = isic.plan(seed, size)
    wanted: dict[Shot, list[Form]] = {}
    for row in rows:
        forms = wanted.setdefault(row.shot, [])
        if row.form not in forms:
            forms.append(row.form)
    pictures = develop(wanted)
    years: dict[str, list[Row]] = {}
    for row in rows:
        years.setdefault(row.source, []).append(row)
    files = {
        "isic_2016": _files_2016(years["isic_2016"], pictures),
        "isic_2017": _files_2017(years["isic_2017"], pictures),
        "isic_2018": _files_2018(years["isic_2018"], pictures),
        "isic_2019": _files_2019(years["isic_2019"], pictures),
        "isic_2020": _files_2020(years["isic_2020"], pictures),
    }
    expected = {}
    for source, members in years.items():
        counts = {"records": len(members), "pictures": sum(row.reason != "no picture" for row in members)}
        for split in ("train", "validation", "test"):
            if found := sum(row.split == split for row in members):
                counts[split] = found
        expected[source] = counts
    return Part(files, isic.truth(rows), expected)


def _of(rows: Iterable[Row], split: str) -> list[Row]:
    return [row for row in rows if row.split == split]


def _jpegs(rows: Iterable[Row], pictures: Pictures, top: str) -> list[tuple[str, bytes]]:
    return [
        (f"{top}/{row.name}.jpg", pictures[row.shot, row.form])
        for row in sorted(rows, key=lambda row: row.name)
        if row.reason != "no picture"
    ]


def _notices(top: str) -> list[tuple[str, bytes]]:
    return [(f"{top}/ATTRIBUTION.txt", ATTRIBUTION), (f"{top}/LICENSE.txt", LICENSE)]


def _one_hot(rows: Iterable[Row], classes: Sequence[str], *more: float) -> list[list[object]]:
    return [[row.name, *(float(row.label == word) for word in classes), *more] for row in rows]


def _files_2016(rows: Sequence[Row], pictures: Pictures) -> dict[str, bytes]:
    files = {}
    for split, word in (("train", "Training"), ("test", "Test")):
        top, part = f"ISBI2016_ISIC_Part3_{word}_Data", _of(rows, split)
        members = _jpegs(part, pictures, top)
        if split == "test":
            # What a Mac leaves in the zips that it makes: a JPEG by name alone.
            members.append((f"__MACOSX/{top}/._{part[0].name}.jpg", b"\x00\x05\x16\x07\x00\x02\x00\x00"))
        files[f"{top}.zip"] = pack(members)
        files[f"ISBI2016_ISIC_Part3_{word}_GroundTruth.csv"] = table([row.name, row.label] for row in part)
    return files


def _files_2017(rows: Sequence[Row], pictures: Pictures) -> dict[str, bytes]:
    files = {}
    header = ("image_id", "melanoma", "seborrheic_keratosis")
    for split, word in (("train", "Training"), ("validation", "Validation"), ("test", "Test_v2")):
        top, part = f"ISIC-2017_{word}_Data", _of(rows, split)
        people = [[row.name, "unknown" if place % 9 == 8 else row.age, row.sex] for place, row in enumerate(part)]
        members = _jpegs(part, pictures, top)
        members += [(f"{top}/{row.name}_superpixels.png", _superpixels(row.shot)) for row in part]
        members.append((f"{top}/{top}_metadata.csv", table([("image_id", "age_approximate", "sex"), *people])))
        files[f"{top}.zip"] = pack(sorted(members))
        labels = _one_hot(part, ("melanoma", "seborrheic_keratosis"))
        files[f"ISIC-2017_{word}_Part3_GroundTruth.csv"] = table([header, *labels])
    return files


def _superpixels(shot: Shot) -> bytes:
    """Return a picture of the numbers of squares of 40 pixels, low byte in red, as the challenge coded superpixels."""
    across = (shot.width + 39) // 40
    numbers = (np.arange(shot.height) // 40)[:, None] * across + (np.arange(shot.width) // 40)[None, :]
    return bitmap.png(np.dstack((numbers & 255, numbers >> 8, numbers * 0)).astype(np.uint8))


def _files_2018(rows: Sequence[Row], pictures: Pictures) -> dict[str, bytes]:
    files = {}
    for split, word in (("train", "Training"), ("validation", "Validation"), ("test", "Test")):
        part, top = _of(rows, split), f"ISIC2018_Task3_{word}"
        files[f"{top}_Input.zip"] = pack(_notices(f"{top}_Input") + _jpegs(part, pictures, f"{top}_Input"))
        labels = table([("image", *CLASSES_2018), *_one_hot(part, CLASSES_2018)], end="\n")
        name = f"{top}_GroundTruth"
        files[f"{name}.zip"] = pack([*_notices(name), (f"{name}/{name}.csv", labels)], deflate=True)
    groupings: list[Sequence[object]] = [("image", "lesion_id", "diagnosis_confirm_type")]
    people: list[Sequence[object]] = [
        ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")
    ]
    for row in _of(rows, "train"):
        assert row.label is not None
        method = "follow_up" if row.label == "NV" else "consensus" if row.label in ("DF", "VASC") else "histo"
        groupings.append((row.name, row.lesion, METHODS[method]))
        site = HAM_SITES.get(row.site, row.site)
        people.append((row.lesion, row.name, DX[row.label], method, float(row.age), row.sex, site, "vidir_modern"))
    files["ISIC2018_Task3_Training_LesionGroupings.csv"] = table(groupings, end="\n")
    files["HAM10000_metadata.csv"] = table(people, end="\n")
    return files


def _files_2019(rows: Sequence[Row], pictures: Pictures) -> dict[str, bytes]:
    train, test = _of(rows, "train"), _of(rows, "test")
    tops = ("ISIC_2019_Training_Input", "ISIC_2019_Test_Input")
    files = {
        f"{top}.zip": pack(_notices(top) + _jpegs(part, pictures, top))
        for top, part in zip(tops, (train, test), strict=True)
    }
    header = ("image", *CLASSES_2019)
    files["ISIC_2019_Training_GroundTruth.csv"] = table([header, *_one_hot(train, CLASSES_2019)])
    weighted = _one_hot(test, CLASSES_2019, 1.0, 0.0)
    files["ISIC_2019_Test_GroundTruth.csv"] = table([(*header, "score_weight", "validation_weight"), *weighted])
    files["ISIC_2019_Training_Metadata.csv"] = table(
        [
            ("image", "age_approx", "anatom_site_general", "lesion_id", "sex"),
            *([row.name, row.age, row.site, row.lesion, row.sex] for row in train),
        ]
    )
    files["ISIC_2019_Test_Metadata.csv"] = table(
        [
            ("image", "age_approx", "anatom_site_general", "sex"),
            *([row.name, None if place % 7 == 6 else row.age, row.site, row.sex] for place, row in enumerate(test)),
        ]
    )
    return files


def _files_2020(rows: Sequence[Row], pictures: Pictures) -> dict[str, bytes]:
    train, test = _of(rows, "train"), _of(rows, "test")
    first: list[Sequence[object]] = [
        (
            *("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"),
            *("diagnosis", "benign_malignant", "target"),
        )
    ]
    second = [(*first[0][:2], "lesion_id", *first[0][2:])]
    for row in train:
        bad = row.label == "melanoma"
        site = SITES_2020.get(row.site, row.site)
        end = (site, row.label, "malignant" if bad else "benign", int(bad))
        first.append((row.name, row.patient, row.sex, float(row.age), *end))
        second.append((row.name, row.patient, row.lesion, row.sex, row.age, *end))
    names = {row.shot: row.name for row in train if row.form == "jpeg"}
    pairs = [(names[row.shot], row.name) for row in train if row.trap == "listed pair"]
    return {
        "ISIC_2020_Training_JPEG.zip": pack(_jpegs(train, pictures, "train")),
        "ISIC_2020_Test_JPEG.zip": pack(_jpegs(test, pictures, "ISIC_2020_Test_Input")),
        "ISIC_2020_Training_GroundTruth.csv": table(first, end="\n"),
        "ISIC_2020_Training_GroundTruth_v2.csv": table(second),
        "ISIC_2020_Training_Duplicates.csv": table([("image_name_1", "image_name_2"), *pairs], final=False),
        "ISIC_2020_Test_Metadata.csv": table(
            [
                ("image", "patient", "age_approx", "anatom_site_general", "sex"),
                *([row.name, row.patient, row.age, SITES_2020.get(row.site, row.site), row.sex] for row in test),
            ],
            end="\n",
        ),
    }
