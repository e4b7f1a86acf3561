"""A steward's own pictures come in by a manifest, a CSV and a folder, as docs/own-pictures.md says, word for word."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import ROOT
from drawn_sheets import picture

from curate import pipeline
from curate.audit.ledger import ledger
from curate.errors import CurateError, FetchError, LabelMapError, ParseError
from curate.files import Files
from curate.images import codec
from curate.records import Record
from curate.sources import table
from curate.stages import fetch
from curate.workspace import Workspace

TEXT = (ROOT / "docs" / "own-pictures.md").read_text(encoding="utf-8")
CSV, MAP = re.findall(r"```csv\n(.*?)```", TEXT, re.S)
(MANIFEST,) = re.findall(r"```toml\n(.*?)```", TEXT, re.S)
Clinic = Callable[..., Path]


def drawn(seed: int) -> bytes:
    return codec.encode(picture(160, 200, seed), "JPEG")


def detailed() -> codec.Pixels:
    """A picture with as much to recognise as skin has: marks of all sizes, everywhere."""
    noise = np.random.default_rng(5)
    pixels = np.full((260, 380, 3), (214, 170, 140), np.float32)
    for size in (3, 7, 15, 31):
        marks = cv2.GaussianBlur(noise.normal(0, 60 * size**0.5, (260, 380)).astype(np.float32), (0, 0), size / 2)
        pixels += marks[:, :, None]
    return pixels.clip(0, 255).astype(np.uint8)


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """The folder of the page: every patient has a 1.jpg."""
    folder = tmp_path / "clinic"
    for seed, name in enumerate(("P001/1.jpg", "P001/2.jpg", "P002/1.jpg")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(drawn(seed))
    (folder / "lesions.csv").write_text(CSV, encoding="utf-8")
    return folder


def steward(root: Path, manifest: str = MANIFEST, label_map: str | None = MAP) -> Workspace:
    (root / "manifests").mkdir(parents=True, exist_ok=True)
    (root / "manifests" / "clinic.toml").write_text(manifest, encoding="utf-8")
    if label_map is not None:
        (root / "label_maps").mkdir(exist_ok=True)
        (root / "label_maps" / "clinic.csv").write_text(label_map, encoding="utf-8")
    return Workspace(root, workers=1)


def built(here: Workspace) -> list[dict[str, object]]:
    for report in pipeline.build(here, until="split"):
        assert not report.problems, report.problems
        notes = [note for note in report.notes if not note.startswith("this corpus is")]  # other than before
        assert report.stage == "fetch" or not notes, notes
    with here.database(read_only=True) as database:
        rows: list[dict[str, object]] = database.table("corpus").to_pylist()
    return rows


def test_the_page_holds_word_for_word(clinic: Path, root: Path) -> None:
    here = steward(root)
    assert set(here.manifests) > {"clinic", "isic_2019", "ph2"}, "beside the published sources, not in their place"
    assert fetch.run(here, ["clinic"], from_=[clinic]).notes == [
        "clinic: unpinned, trusted on first use: lesions.csv",
        "clinic: 3 unpacked files stand for pictures.zip",
    ]
    rows = {row["id"]: row for row in built(here)}
    assert sorted(rows) == ["clinic:P001/1.jpg", "clinic:P001/2.jpg", "clinic:P002/1.jpg"]
    second = rows["clinic:P001/2.jpg"]
    assert second["subtype"] == "basal_cell_carcinoma"
    assert second["category"] == "malignant"
    assert second["license"] == "LicenseRef-clinic-internal"
    assert (second["site"], second["sex"], second["age"]) == ("head_neck", "female", 41)
    assert second["diagnosis_method"] == "histopathology"
    assert rows["clinic:P001/1.jpg"]["diagnosis_method"] == "clinical"
    assert rows["clinic:P001/1.jpg"]["family"] == second["family"] != rows["clinic:P002/1.jpg"]["family"]
    assert rows["clinic:P002/1.jpg"]["lesion_id"] != rows["clinic:P001/1.jpg"]["lesion_id"]
    assert rows["clinic:P002/1.jpg"]["age"] is None
    assert not any("expected" in note for note in ledger(here)["notes"])


def test_what_was_placed_in_the_root_is_taken_by_itself(clinic: Path, root: Path) -> None:
    here = steward(root)
    asked = fetch.run(here, ["clinic"])
    assert asked.exit_code == 3
    assert str(root / "placed" / "clinic") in asked.problems[0]
    (root / "placed").mkdir()
    clinic.rename(root / "placed" / "clinic")
    assert here.remembered() == ["clinic"]
    assert len(built(here)) == 3
    again = fetch.run(here, ["clinic"])
    assert (again.exit_code, again.made, again.there) == (0, 0, 4)


def test_packed_pictures_and_names_without_an_ending(clinic: Path, root: Path) -> None:
    with zipfile.ZipFile(clinic / "pictures.zip", "w") as archive:
        for path in sorted(clinic.rglob("*.jpg")):
            archive.write(path, path.relative_to(clinic))
            path.unlink()
    (clinic / "lesions.csv").write_text(CSV.replace("/1.jpg", "/1"), encoding="utf-8")
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert {row["id"] for row in built(here)} == {"clinic:P001/1", "clinic:P001/2.jpg", "clinic:P002/1"}


def test_a_copy_of_a_published_picture_is_found(clinic: Path, root: Path) -> None:
    (clinic / "P002" / "1.jpg").write_bytes((clinic / "P001" / "1.jpg").read_bytes())
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert len(built(here)) == 2
    assert ledger(here)["total"]["left_out"] == {"duplicate": 1}


def test_a_turned_part_is_a_copy_where_places_are_compared(clinic: Path, root: Path) -> None:
    photograph = detailed()
    (clinic / "P001" / "1.jpg").write_bytes(codec.encode(photograph, "JPEG"))
    (clinic / "P002" / "1.jpg").write_bytes(codec.encode(np.rot90(photograph[20:220, 30:330]).copy(), "JPEG"))
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert len(built(here)) == 2
    with here.database(read_only=True) as database:
        (edge,) = database.table("edges").to_pylist()
    assert edge["kind"] == "near"
    assert re.search(r"places agree, turned by -?90 degrees", edge["evidence"]), edge["evidence"]
    assert len(built(here)) == 2, "and again, without looking again"
    (root / "curate.toml").write_text("[dedup]\nby_places = false\n", encoding="utf-8")
    assert len(built(Workspace(root, workers=1))) == 3, "switched off"


def test_a_picture_that_no_row_names_is_left_out_with_that_reason(clinic: Path, root: Path) -> None:
    (clinic / "P003").mkdir()
    (clinic / "P003" / "9.jpg").write_bytes(drawn(9))
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert len(built(here)) == 3
    assert ledger(here)["total"]["left_out"] == {"no label": 1}
    assert any("4 records" in note and "3 expected" in note for note in ledger(here)["notes"])


def test_labels_that_nobody_mapped_are_named_with_the_lines_to_add(clinic: Path, root: Path) -> None:
    here = steward(root, label_map=None)
    fetch.run(here, ["clinic"], from_=[clinic])
    with pytest.raises(LabelMapError, match="2 labels occur that no map knows") as caught:
        built(here)
    assert "naevus" in str(caught.value)
    assert "label_maps" in str(caught.value)


# --- what the table may not say ----------------------------------------------------------------------------------


def parsed(folder: Path, csv: str, **columns: tuple[str, ...]) -> list[Record]:
    (folder / "lesions.csv").write_text(csv, encoding="utf-8")
    claims = list(table.parse(Files.of_folder(folder), columns))
    assert all(isinstance(claim, Record) for claim in claims)
    return claims  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("csv", "what"),
    [
        ("image,label\n1.jpg,naevus\n", "two files fit the image '1.jpg'"),
        ("label\nnaevus\n", "the column 'image' is missing"),
        ("image,label\nP001/1.jpg,a\nP001/1.jpg,b\n", "P001/1.jpg is there twice"),
        ("image,split\nP001/1.jpg,holdout\n", "there is no split 'holdout'"),
        ("image,modality\nP001/1.jpg,x-ray\n", "there is no modality 'x-ray'"),
        ("image,isic_id\nP001/1.jpg,ISIC_12\n", "that is no ISIC name"),
        ("image,label\n,naevus\n", "a row names no image"),
        ("", "the file is empty"),
    ],
)
def test_a_table_that_cannot_be_meant(clinic: Path, csv: str, what: str) -> None:
    with pytest.raises(ParseError, match=re.escape(what)) as caught:
        parsed(clinic, csv)
    assert caught.value.where
    assert caught.value.hint


def test_columns_that_nobody_has(clinic: Path) -> None:
    with pytest.raises(ParseError, match="the column 'diagnose' is missing"):
        parsed(clinic, CSV, image=("file",), label=("diagnose",))


def test_a_path_is_told_apart_as_far_down_as_is_needed(clinic: Path) -> None:
    for name in ("P002/1.jpg", "./P002/1", "P002\\1.jpg", "clinic/P002/1.jpg", "archive/2024/P002/1.jpg"):
        claims = parsed(clinic, f"image\n{name}\n")
        assert claims[0].file == "P002/1.jpg"
        assert len(claims) == 3, "and the two that no row names"
    assert parsed(clinic, "image\n2\n")[0].file == "P001/2.jpg"
    assert parsed(clinic, "image\nP003/1.jpg\n")[0].file is None
    (clinic / "1.jpg").write_bytes(drawn(7))
    assert [claim.file for claim in parsed(clinic, "image\nP001/1.jpg\n1.jpg\n")[:2]] == ["P001/1.jpg", "1.jpg"]


def test_two_rows_never_share_a_picture(clinic: Path, tmp_path: Path, root: Path) -> None:
    (clinic / "lesions.csv").rename(tmp_path / "lesions.csv")
    (tmp_path / "csv").mkdir()
    (tmp_path / "lesions.csv").rename(tmp_path / "csv" / "lesions.csv")
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[tmp_path / "csv", clinic / "P001"])
    with pytest.raises(ParseError, match=r"'P001/1.jpg' and 'P002/1.jpg' fit one file"):
        built(here)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert len(built(here)) == 3


def test_a_picture_never_takes_the_place_of_another(clinic: Path, root: Path) -> None:
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic / "P001"])
    with pytest.raises(FetchError, match=r"another picture of clinic is here under the path 1.jpg"):
        fetch.run(here, ["clinic"], from_=[clinic / "P002"])
    (clinic / "P001" / "1.jpg").write_bytes(drawn(8))
    assert fetch.run(here, ["clinic"], from_=[clinic / "P001"]).made == 1, "a folder that is known may have changed"


def test_cameras_write_endings_in_capitals(clinic: Path, root: Path) -> None:
    (clinic / "P001" / "1.jpg").rename(clinic / "P001" / "1.JPG")
    (clinic / "lesions.csv").write_text(CSV.replace("P001/1.jpg", "P001/1"), encoding="utf-8")
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    assert len(built(here)) == 3


def test_other_columns_are_kept_and_ids_of_isic_are_bare(clinic: Path) -> None:
    csv = "image,isic_id,split,mask,camera,patient_id\nP001/1.jpg,ISIC_0000001.JPG,Val,P001/2.jpg,phone,\n"
    first, *others = parsed(clinic, csv, lesion_id=("patient_id", "camera"))
    assert first.isic_id == "ISIC_0000001"
    assert first.published_split == "validation"
    assert first.mask == "P001/2.jpg"
    assert first.claims == {"camera": "phone"} or "camera" not in first.claims
    assert first.lesion_id is None, "half an id is none"
    assert [record.file for record in others] == ["P002/1.jpg"], "a mask is no picture of its own"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('parser = "table"', 'parser = "ph2"'),
        ('image = "file"', "image = 3"),
        ('image = "file"', "image = []"),
        ('["patient", "lesion"]', '["patient", 3]'),
        ('image = "file"', 'picture = "file"'),
        ('parser = "table"', 'parser = "tabel"'),
        ("released = 2025", ""),
    ],
)
def test_a_manifest_that_cannot_be_meant(root: Path, old: str, new: str) -> None:
    assert old in MANIFEST
    with pytest.raises(CurateError) as caught:
        _ = steward(root, MANIFEST.replace(old, new)).manifests
    assert "clinic.toml" in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize("parser", ["tabel", "my.table", "", "table;", "../table"])
def test_a_parser_that_there_is_not(root: Path, parser: str) -> None:
    bare = re.sub(r"\[columns\].*?\n\n", "", MANIFEST, flags=re.S).replace('parser = "table"', f'parser = "{parser}"')
    with pytest.raises(CurateError, match=re.escape(f"there is no parser {parser!r}")) as caught:
        _ = steward(root, bare).manifests
    assert "clinic.toml" in str(caught.value)


def test_two_unpacked_files_of_one_name_are_both_taken(clinic: Path, root: Path) -> None:
    here = steward(root)
    fetch.run(here, ["clinic"], from_=[clinic])
    files = here.files("clinic")
    assert files is not None
    assert list(files) == ["P001/1.jpg", "P001/2.jpg", "P002/1.jpg", "lesions.csv"]
    assert np.array_equal(codec.decode(files.read("P002/1.jpg")).pixels, codec.decode(drawn(2)).pixels)
