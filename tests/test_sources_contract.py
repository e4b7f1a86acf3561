"""What every source is held to; a new one is found by its manifest, without a line here."""

from __future__ import annotations

import csv
import fnmatch
import importlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curate import manifest
from curate.files import Files
from curate.records import Case, Claim, ListedPair, Record, Sheet

ROOT = Path(__file__).parents[1]
MAPS = ROOT / "label_maps"
MAP_COLUMNS = ["source_label", "subtype", "category", "note"]
FIXTURES = ROOT / "tests" / "fixtures"
MANIFESTS = manifest.read_all(ROOT / "manifests")

_SHARED = Path(os.environ.get("CURATE_SHARED", ROOT.parent / "shared"))
REAL = _SHARED / "data" if (_SHARED / "data").is_dir() else _SHARED

by_source = pytest.mark.parametrize("source", sorted(MANIFESTS))
_parsed: dict[tuple[str, Path], tuple[Files, list[Claim]]] = {}


def parser(source: str) -> Callable[[Files], Iterator[Claim]]:
    parse: Callable[[Files], Iterator[Claim]] = importlib.import_module(
        f"curate.sources.{MANIFESTS[source].parser}"
    ).parse
    return parse


def parsed(source: str, folder: Path) -> tuple[Files, list[Claim]]:
    """Parse a folder once per run of the tests."""
    if (source, folder) not in _parsed:
        files = Files.of_folder(folder)
        _parsed[source, folder] = files, list(parser(source)(files))
    return _parsed[source, folder]


def real_folder(source: str) -> Path:
    """Return the folder of real files that holds a file of this source; skip the test where there is none."""
    globs = [glob for file in MANIFESTS[source].files for glob in (file.name, *file.also_named, *file.members)]
    for folder in sorted(REAL.iterdir()) if REAL.is_dir() else ():
        names = {path.name for path in folder.rglob("*")} if folder.is_dir() else set()
        if any(fnmatch.filter(names, glob) for glob in globs):
            return folder
    pytest.skip(f"no real file of {source} beside the project")


def column(name: str, word: str) -> list[str]:
    """Return one column of a label map, verbatim."""
    with (MAPS / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return [row[word] for row in csv.DictReader(lines)]


def hold(source: str, folder: Path) -> None:
    """Hold what a source says of a folder to the contract."""
    files, claims = parsed(source, folder)
    assert claims, "a source says something"
    assert list(parser(source)(Files.of_folder(folder))) == claims, "twice the same"

    for kind, names in {
        Record: [claim.image_id for claim in claims if isinstance(claim, Record)],
        Sheet: [claim.name for claim in claims if isinstance(claim, Sheet)],
        Case: [str(claim.number) for claim in claims if isinstance(claim, Case)],
    }.items():
        assert [name for name, count in Counter(names).items() if count > 1] == [], kind

    known = set(column(source, "source_label"))
    vocabularies = {
        "site": set(column("sites", "source_value")),
        "sex": set(column("sexes", "source_value")),
        "diagnosis_method": set(column("diagnosis_methods", "source_value")),
    }
    listed = {claim.image_id for claim in claims if isinstance(claim, Record)}
    for claim in claims:
        if isinstance(claim, ListedPair):
            assert {claim.first, claim.second} <= listed
            continue
        assert claim.source_label is None or claim.source_label in known, "mapped, or out of scope on purpose"
        assert claim.modality == MANIFESTS[source].modality
        for path in (getattr(claim, "file", None), getattr(claim, "mask", None)):
            assert path is None or path in files
        for word, values in vocabularies.items():
            value = getattr(claim, word, None)
            assert value is None or value.lower() in values, f"{word} {value!r}"
        for text in (*claim.claims, *claim.claims.values()):
            assert text == text.strip() != ""
        if isinstance(claim, Record) and MANIFESTS[source].namespace == "isic":
            assert claim.isic_id is not None
            assert claim.image_id.removesuffix("_downsampled") == claim.isic_id


def test_there_are_the_ten_sources() -> None:
    first_ten = "isic_2016 isic_2017 isic_2018 isic_2019 isic_2020 asan hallym severance ph2 pad_ufes_20"
    assert set(first_ten.split()) <= set(MANIFESTS)


@by_source
def test_licence_citation_and_credit_are_there(source: str) -> None:
    facts = MANIFESTS[source]
    assert facts.license
    assert facts.license_url
    assert facts.citation
    assert facts.attribution
    assert facts.homepage
    assert facts.files


@by_source
def test_fixture(source: str) -> None:
    hold(source, FIXTURES / source)
    claims = parsed(source, FIXTURES / source)[1]
    assert any(getattr(claim, "file", None) for claim in claims), "some picture is there"


@by_source
def test_map_keeps_the_rules(source: str) -> None:
    with (MAPS / f"{source}.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert list(rows[0]) in (MAP_COLUMNS, [*MAP_COLUMNS, "diagnosis_method"])
    labels = [row["source_label"] for row in rows]
    assert len(set(labels)) == len(labels)
    categories = dict(zip(column("taxonomy", "subtype"), column("taxonomy", "category"), strict=True))
    for row in rows:
        assert row["source_label"]
        if row["subtype"]:
            assert row["category"] in ("", categories[row["subtype"]])
        elif row["category"]:
            assert row["category"] in categories.values()
        else:
            assert row["note"], "out of scope on purpose says why"


@pytest.mark.real
@by_source
def test_real_files(source: str) -> None:
    folder = real_folder(source)
    hold(source, folder)
    claims = parsed(source, folder)[1]
    records = [claim for claim in claims if isinstance(claim, Record)]
    expected = MANIFESTS[source].expected
    if records:
        assert len(records) == expected["records"]
        for split in ("train", "validation", "test"):
            assert sum(record.published_split == split for record in records) == expected.get(split, 0)
        for word, ids in {
            "lesions": {record.lesion_id for record in records} - {None},
            "patients": {record.patient_id for record in records} - {None},
        }.items():
            assert len(ids) == expected.get(word, len(ids))
    assert sum(isinstance(claim, Case) for claim in claims) == expected.get("cases", 0)
    said = {claim.source_label for claim in claims if isinstance(claim, Record | Case)} - {None}
    if said:
        # Nothing in a map is idle where all labels are here; AKIEC and its like stay in the map though undecided.
        assert said == set(column(source, "source_label"))


def labels(source: str, split: str | None = None) -> Counter[str | None]:
    """Count the labels of a source's records (of one published split)."""
    claims = parsed(source, real_folder(source))[1]
    return Counter(
        claim.source_label
        for claim in claims
        if isinstance(claim, Case) or (isinstance(claim, Record) and split in (None, claim.published_split))
    )


def row(text: str) -> dict[str, int]:
    """Read "MEL 52 NEV 244" into a dict."""
    words = text.split()
    return {label: int(count) for label, count in zip(words[::2], words[1::2], strict=True)}


@pytest.mark.real
@pytest.mark.parametrize(
    ("source", "split", "published"),
    [
        ("isic_2016", "train", "benign 727 malignant 173"),
        ("isic_2016", "test", "0.0 304 1.0 75"),
        ("isic_2017", "train", "melanoma 374 seborrheic_keratosis 254 neither 1372"),
        ("isic_2018", "train", "MEL 1113 NV 6705 BCC 514 AKIEC 327 BKL 1099 DF 115 VASC 142"),
        ("isic_2019", "train", "MEL 4522 NV 12875 BCC 3323 AK 867 BKL 2624 DF 239 VASC 253 SCC 628"),
        ("pad_ufes_20", None, "ACK 730 BCC 845 MEL 52 NEV 244 SCC 192 SEK 235"),
        ("ph2", None, "0 80 1 80 2 40"),
    ],
)
def test_published_class_counts(source: str, split: str | None, published: str) -> None:
    assert labels(source, split) == row(published)


@pytest.mark.real
def test_published_counts_of_2020_and_severance() -> None:
    year = labels("isic_2020", "train")
    assert (year["melanoma"], year.total()) == (584, 33_126)
    cases = labels("severance")
    assert (cases.total(), len(cases)) == (10_426, 43)
    subtype_of = dict(zip(column("severance", "source_label"), column("severance", "subtype"), strict=True))
    category_of = dict(zip(column("taxonomy", "subtype"), column("taxonomy", "category"), strict=True))
    malignant = sum(n for label, n in cases.items() if category_of[subtype_of[str(label)]] == "malignant")
    assert malignant == 1_222


@pytest.mark.real
def test_published_totals_of_isic() -> None:
    training = [
        claim
        for source in sorted(MANIFESTS)
        if MANIFESTS[source].namespace == "isic"
        for claim in parsed(source, real_folder(source))[1]
        if isinstance(claim, Record) and claim.published_split == "train"
    ]
    assert len(training) == 71_372
    assert len({record.image_id for record in training}) == 59_818
    assert len({record.isic_id for record in training}) == 58_498


@pytest.mark.real
def test_pictures_and_masks_of_the_small_sources() -> None:
    for source, pictures, masks in (("ph2", 6, 6), ("pad_ufes_20", 34, 0)):
        claims = parsed(source, real_folder(source))[1]
        records = [claim for claim in claims if isinstance(claim, Record)]
        assert sum(record.file is not None for record in records) == pictures
        assert sum(record.mask is not None for record in records) == masks


@pytest.mark.real
def test_akiec_is_decided_by_2019() -> None:
    """HAM10000 writes akiec for two diseases; the next year's label of the same picture tells them apart."""
    with (MAPS / "ambiguous.csv").open(encoding="utf-8", newline="") as lines:
        decided = {
            (row["source"], row["source_label"], row["decided_by"], row["decided_label"]): row["subtype"]
            for row in csv.DictReader(lines)
        }
    later = {
        claim.isic_id: claim.source_label
        for claim in parsed("isic_2019", real_folder("isic_2019"))[1]
        if isinstance(claim, Record)
    }
    found: Counter[tuple[str | None, str]] = Counter()
    for claim in parsed("isic_2018", real_folder("isic_2018"))[1]:
        if isinstance(claim, Record) and claim.source_label == "AKIEC":
            subtype = decided["isic_2018", "AKIEC", "isic_2019", str(later[claim.isic_id])]
            found[claim.published_split, subtype] += 1
    assert found == {
        ("train", "actinic_keratosis"): 130,
        ("train", "bowen_disease"): 197,
        ("validation", "bowen_disease"): 8,
        ("test", "actinic_keratosis"): 19,
        ("test", "bowen_disease"): 24,
    }
