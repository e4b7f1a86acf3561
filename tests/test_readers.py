"""What curate exports is read by the libraries that its users use, unchanged: and all of them see the same pictures."""

from __future__ import annotations

import io
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import small_corpus
from PIL import Image

from curate import Workspace, pipeline
from curate.corpus_rows import CorpusRows
from curate.export.handover import run
from curate.export.pictures import COLUMNS
from curate.ml import shards

PAGE = Path(__file__).parent.parent / "docs" / "exports.md"
FORMS = ("tfrecord", "croissant", "parquet", "webdataset", "imagefolder")
UNKNOWN = {"fold", "tone_reported", "subtype_index"}  # of whole numbers; -1 in the shards, which have no null


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    root = tmp_path_factory.mktemp("root")
    (root / "curate.toml").write_text("[shard]\nshort_side = 96\npictures_per_shard = 2\n", encoding="utf-8")
    workspace = small_corpus.build(root)
    pipeline.run("shard", workspace)
    return workspace


@pytest.fixture(scope="module")
def exported(corpus: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("out")
    for form in FORMS:
        run(corpus, form, folder / form)
    return {form: folder / form for form in FORMS}


@pytest.fixture(scope="module")
def rows(corpus: Workspace) -> dict[str, dict[str, Any]]:
    ordered = CorpusRows.of(corpus).ordered("id")
    found = {row["id"]: {name: row[name] for name in COLUMNS} for row in ordered}
    for name in ("tone_reported", "age", "lesion_id"):
        known = {row[name] is None for row in found.values()}
        assert known == {True, False}, f"some {name} are known, and some are not"
    return found


def plain(value: Any) -> Any:
    """Return a value as plain Python has it: text for bytes, None for what is not a number."""
    value = value.item() if isinstance(value, np.generic) else value
    value = value.decode() if isinstance(value, bytes) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def same(found: dict[str, Any], row: dict[str, Any], *, close: bool = False) -> None:
    """Hold all that a library says of a picture against the row of the corpus; `close` where it has single floats."""
    assert {name: plain(found[name]) for name in COLUMNS} == {
        name: pytest.approx(row[name], rel=1e-6) if close and isinstance(row[name], float) else row[name]
        for name in COLUMNS
    }


def from_shard(example: dict[str, Any]) -> dict[str, Any]:
    """Return an example with None where the shards say that a value is unknown."""
    said = {name: plain(example[name]) for name in COLUMNS}
    return {name: None if value == "" or (name in UNKNOWN and value == -1) else value for name, value in said.items()}


def known(name: str, value: Any) -> Any:
    """Return a value of `metadata.csv`, None where it says that it is unknown."""
    return None if value == "unknown" or (name in UNKNOWN and value == -1) else value


def pixels_of(image: Image.Image) -> npt.NDArray[np.uint8]:
    return np.asarray(image.convert("RGB"))


@pytest.fixture(scope="module")
def pictures(exported: dict[str, Path]) -> dict[str, npt.NDArray[np.uint8]]:
    """The pixels of each picture, from the folder of files that anyone can open."""
    found = {}
    for split in ("train", "validation", "test"):
        listed = exported["imagefolder"] / split / "metadata.csv"
        for row in pd.read_csv(listed).to_dict("records") if listed.exists() else []:
            with Image.open(listed.parent / row["file_name"]) as image:
                found[row["id"]] = pixels_of(image)
    return found


@pytest.mark.tf
def test_tfds_and_tf_data_give_equal_examples(
    exported: dict[str, Path], rows: dict[str, dict[str, Any]], pictures: dict[str, npt.NDArray[np.uint8]]
) -> None:
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from curate.ml.dataset import parse

    builder = tfds.builder_from_directory(exported["tfrecord"])
    index = shards.read_index(exported["tfrecord"])
    assert {name: info.num_examples for name, info in builder.info.splits.items()} == {
        split: len([row for row in rows.values() if row["split"] == split]) for split in index["shards"]
    }
    assert builder.info.features["category_index"].names == index["labels"]["category_index"]
    # A label class would take -1 for its last name: unknown is no diagnosis.
    assert not hasattr(builder.info.features["subtype_index"], "names")
    assert any(row["subtype"] is None for row in rows.values())
    seen = set()
    for split, listed in index["shards"].items():
        files = [str(exported["tfrecord"] / shard["file"]) for shard in listed]
        ours = list(tf.data.TFRecordDataset(files).map(parse).as_numpy_iterator())
        order = tfds.ReadConfig(interleave_cycle_length=1)
        theirs = list(tfds.as_numpy(builder.as_dataset(split=split, read_config=order)))
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert set(one) == set(other)
            for name in COLUMNS:
                np.testing.assert_array_equal(one[name], other[name], err_msg=name)
            picture = one["id"].decode()
            np.testing.assert_array_equal(tf.io.decode_image(one["image"], channels=3).numpy(), other["image"])
            # Decoders of JPEG may differ by a level or two where chroma is enlarged.
            assert np.abs(other["image"].astype(int) - pictures[picture]).mean() < 1
            same(from_shard(one), rows[picture], close=True)
            seen.add(picture)
    assert seen == set(rows)


@pytest.mark.tf
def test_tfds_slices_splits(exported: dict[str, Path]) -> None:
    import tensorflow_datasets as tfds

    builder = tfds.builder_from_directory(exported["tfrecord"])
    order = tfds.ReadConfig(interleave_cycle_length=1)

    def ids(split: str) -> list[bytes]:
        return [each["id"] for each in tfds.as_numpy(builder.as_dataset(split=split, read_config=order))]

    whole = ids("train")
    assert len(whole) > 3
    assert len(builder.info.splits["train"].filenames) > 1, "slices cross the borders of shards"
    assert ids("train[1:3]") == whole[1:3]
    assert ids("train[:50%]") + ids("train[50%:]") == whole
    assert sorted(ids("train+test")) == sorted(whole + ids("test"))


def test_croissant_is_valid_and_loads_its_records(
    exported: dict[str, Path], rows: dict[str, dict[str, Any]], pictures: dict[str, npt.NDArray[np.uint8]]
) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="pip install '.[test]' brings it")
    dataset = mlcroissant.Dataset(exported["croissant"] / "metadata.json")
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert not issues.warnings
    assert dataset.metadata.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
    found = {}
    for record in dataset.records("pictures"):
        said = {name.removeprefix("pictures/"): value for name, value in record.items()}
        picture = said["id"].decode()
        same(said, rows[picture])
        np.testing.assert_array_equal(pixels_of(said["image"]), pictures[picture])
        found[picture] = said
    assert set(found) == set(rows)
    claimed = {plain(record["records/id"]): plain(record["records/reason"]) for record in dataset.records("records")}
    assert {picture for picture, reason in claimed.items() if reason is None} == set(rows)
    assert any(claimed.values())
    assert {plain(record["splits/name"]) for record in dataset.records("splits")} == {"train", "validation", "test"}


def test_webdataset_reads_its_archives(
    exported: dict[str, Path], rows: dict[str, dict[str, Any]], pictures: dict[str, npt.NDArray[np.uint8]]
) -> None:
    webdataset = pytest.importorskip("webdataset", reason="pip install '.[test]' brings it")
    found = set()
    for split in ("train", "validation", "test"):
        urls = sorted(map(str, exported["webdataset"].glob(f"*-{split}-*.tar")))
        if not urls:
            continue
        dataset = webdataset.WebDataset(urls, shardshuffle=False)
        for image, said in dataset.decode("pil").to_tuple("jpg;png", "json"):
            same(said, rows[said["id"]])
            assert said["split"] == split
            np.testing.assert_array_equal(pixels_of(image), pictures[said["id"]])
            found.add(said["id"])
    assert found == set(rows)


def test_hugging_face_datasets_loads_the_folder(
    exported: dict[str, Path],
    rows: dict[str, dict[str, Any]],
    pictures: dict[str, npt.NDArray[np.uint8]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    monkeypatch.setitem(os.environ, "HF_HOME", str(tmp_path))
    datasets = pytest.importorskip("datasets", reason="pip install '.[test]' brings it")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(exported["imagefolder"]), cache_dir=str(tmp_path))
    found = set()
    for split, members in loaded.items():
        assert members.features["image"].dtype == "PIL.Image.Image"
        for said in members:
            assert said["split"] == split
            row = rows[said["id"]]
            assert "source_label" not in said  # a source's own word may be a number, or NA
            same({name: known(name, said.get(name, row[name])) for name in COLUMNS}, row)
            np.testing.assert_array_equal(pixels_of(said["image"]), pictures[said["id"]])
            found.add(said["id"])
    assert found == set(rows)


def test_a_column_of_the_folder_has_one_type_in_any_stretch(exported: dict[str, Path]) -> None:
    # What `datasets` reads in pieces, and file by file.
    types = {
        tuple(piece.dtypes.astype(str).items())
        for path in sorted(exported["imagefolder"].rglob("metadata.csv"))
        for piece in pd.read_csv(path, chunksize=1)
    }
    assert len(types) == 1


@pytest.mark.tf
def test_what_the_page_shows_can_be_typed(exported: dict[str, Path], tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 6
    ran = subprocess.run(
        [sys.executable, "-c", "\n".join(f"{block}\nprint('---')" for block in blocks)],
        cwd=exported["tfrecord"].parent,
        env=os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    *answers, end = ran.stdout.split("---\n")
    assert all(answer.strip() for answer in answers)
    assert end == ""


def test_pandas_and_duckdb_read_the_records(exported: dict[str, Path], rows: dict[str, dict[str, Any]]) -> None:
    path = exported["parquet"] / "records.parquet"
    frame = pd.read_parquet(path)
    told = duckdb.sql(f"from '{path}' order by id").to_arrow_table().to_pylist()
    assert frame["id"].tolist() == [row["id"] for row in told]
    kept = {row["id"]: row for row in told if row["in_corpus"]}
    assert set(kept) == set(rows)
    for picture, row in rows.items():
        assert {name: kept[picture][name] for name in row} == row
    assert all(row["reason"] for row in told if not row["in_corpus"])
    assert frame.loc[frame["in_corpus"], "reason"].isna().all()


def test_a_picture_is_the_same_whoever_decodes_it(
    exported: dict[str, Path], pictures: dict[str, npt.NDArray[np.uint8]]
) -> None:
    table = pd.read_parquet(exported["croissant"] / "pictures.parquet")
    assert set(table["id"]) == set(pictures)
    for row in table.itertuples():
        with Image.open(io.BytesIO(row.image)) as image:
            np.testing.assert_array_equal(pixels_of(image), pictures[row.id])
            assert min(image.size) <= 96
