"""The manifests that ship, and what a manifest may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from curate import manifest
from curate.errors import ManifestError

FOLDER = Path(__file__).parents[1] / "manifests"
SOURCES = [
    "asan",
    "hallym",
    "isic_2016",
    "isic_2017",
    "isic_2018",
    "isic_2019",
    "isic_2020",
    "pad_ufes_20",
    "ph2",
    "severance",
]
CURRENT, FORMER = "https://isic-archive.s3.amazonaws.com/challenges/", "https://isic-challenge-data.s3.amazonaws.com/"


def test_all_ten_are_there() -> None:
    assert list(manifest.read_all(FOLDER)) == SOURCES


@pytest.mark.parametrize("name", SOURCES)
def test_each_is_complete(name: str, tmp_path: Path) -> None:
    read = manifest.read(FOLDER / f"{name}.toml")
    assert read.namespace == ("isic" if name.startswith("isic_") else name)
    assert read.attribution
    assert read.citation
    assert read.license in {"CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0"} or read.license.startswith("LicenseRef-")
    assert read.expected["records"] >= read.expected["pictures"] > 0
    parts = [read.expected[part] for part in ("train", "validation", "test") if part in read.expected]
    assert not parts or sum(parts) == read.expected["records"]
    for file in read.files:
        if name.startswith("isic_") and "dataverse" not in file.urls[0]:
            year = str(read.released)
            assert file.urls == (f"{CURRENT}{year}/{file.name}", f"{FORMER}{year}/{file.name}")
        assert file.members or file.role in {"labels", "documents"}
    assert bool(read.instructions) == (read.access == "manual")
    again = tmp_path / f"{name}.toml"
    again.write_text(manifest.dump(read), encoding="utf-8")
    assert manifest.read(again) == read


def test_the_traps_of_the_sources() -> None:
    read = manifest.read_all(FOLDER)
    metadata = read["isic_2018"].file("HAM10000_metadata.csv")
    assert metadata is not None
    assert (metadata.bytes, metadata.also_named[0]) == (690218, "HAM10000_metadata")
    assert metadata.urls[0].endswith("?format=original")
    one_zip = read["pad_ufes_20"].file("zr7vgbcyr2-1.zip")
    assert one_zip is not None
    assert one_zip.optional
    assert not one_zip.pinned
    assert set(one_zip.provides) == {"metadata.csv", "imgs_part_1.zip", "imgs_part_2.zip", "imgs_part_3.zip"}
    masks = {name for name, source in read.items() for file in source.files if file.role == "masks"}
    assert masks == {"isic_2016", "isic_2017", "isic_2018"}
    assert all(file.optional for source in read.values() for file in source.files if file.role == "masks")


GOOD = """
name = "tiny"
title = "Tiny"
parser = "table"
namespace = "tiny"
released = 2024
modality = "clinical"
license = "CC0-1.0"
license_url = "https://example.org/licence"
redistribution = "yes"
attribution = "Tiny"
citation = ["Tiny 2024"]
homepage = "https://example.org"
access = "open"

[expected]
records = 3

[[files]]
name = "labels.csv"
role = "labels"
urls = ["https://example.org/labels.csv"]
"""


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("released = 2024", "released = 2024\nyear = 3", "unknown key"),
        ("released = 2024", 'released = "2024"', "wrong kind"),
        ("released = 2024", "", "missing"),
        ("records = 3", 'records = "3"', "wrong kind"),
        ("records = 3", "records = true", "wrong kind"),
        ('role = "labels"', 'role = "label"', "no such choice"),
        ('role = "labels"', 'role = "labels"\nsha256 = "ab12"', "no sha256"),
        ('role = "labels"', 'role = "labels"\nmd5 = "' + "G" * 32 + '"', "no md5"),
        ('name = "labels.csv"', 'name = "a/labels.csv"', "no plain file name"),
        ('name = "labels.csv"', 'name = ".."', "no plain file name"),
        ('name = "labels.csv"', "name = 'a\\labels.csv'", "no plain file name"),
        ('urls = ["https://example.org/labels.csv"]', "", "no address"),
        ('urls = ["https://example.org/labels.csv"]', 'urls = ["file:///etc/passwd"]', "no web address"),
        ('urls = ["https://example.org/labels.csv"]', 'urls = "https://example.org"', "wrong kind"),
        ('role = "labels"', 'role = "labels"\nprovides = ["other.csv"]', "provides"),
        ('access = "open"', 'access = "manual"', "needs instructions"),
        ('name = "tiny"', 'name = "huge"', "differ"),
        ("[expected]", "[expected", "not TOML"),
        (
            "[[files]]",
            '[[files]]\nname = "labels.csv"\nrole = "labels"\nurls = ["http://x"]\n[[files]]',
            "stands twice",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert manifest.read(path).expected == {"records": 3}
    path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ManifestError, match=what) as caught:
        manifest.read(path)
    assert "tiny.toml" in str(caught.value)


def test_a_folder_without_manifests(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no manifests"):
        manifest.read_all(tmp_path)
