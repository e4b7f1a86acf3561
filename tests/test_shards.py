"""Shards: the same bytes whatever the order and the workers, what is kept and what is encoded, and what goes wrong."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import random
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import colour_kinds
import drawn_shards
import numpy as np
import pyarrow as pa
import pytest
import small_corpus
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from curate import encoded, freshness, pipeline
from curate.corpus_rows import CorpusRows
from curate.errors import CorpusError, UsageError
from curate.files import Location
from curate.images import codec, header
from curate.labelmaps import LabelMaps
from curate.ml import pieces, shards
from curate.ml.pieces import Order, Pieces
from curate.shardset import LabelNames, ShardSet
from curate.stages import shard
from curate.vocabulary import ARTEFACTS, SPLITS
from curate.workspace import Workspace

_SHEET = np.random.default_rng(3).integers(0, 256, (120, 200, 3), dtype=np.uint8)
_BOXES = {"sheet/1": (10, 5, 90, 100), "sheet/2": (105, 5, 80, 110)}


def _jpeg(pixels: codec.Pixels, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90, **options)
    return out.getvalue()


def _files() -> dict[str, bytes]:
    """Return the pictures of a small hand-made corpus: some kept as they are, some encoded anew."""
    turned = Image.Exif()
    turned[0x0112] = 6
    files = {f"plain_{n}": _jpeg(drawn_shards.lesion(n % 3, n)) for n in range(12)}
    files["png"] = codec.encode(drawn_shards.lesion(1, 40), "PNG")
    files["large"] = _jpeg(np.kron(drawn_shards.lesion(2, 41), np.ones((4, 6, 1), np.uint8)))
    files["turned"] = _jpeg(drawn_shards.lesion(0, 42)[:, :64], exif=turned)
    grey = io.BytesIO()
    Image.fromarray(drawn_shards.lesion(0, 43)).convert("L").save(grey, "PNG")
    files["grey"] = grey.getvalue()
    return files


def _workspace(root: Path, *, names: list[str] | None = None, workers: int = 1, recipe: str = "") -> Workspace:
    """Make a root whose corpus table holds the hand-made pictures and two tiles of one sheet, rows shuffled."""
    root.mkdir(parents=True)
    (root / "curate.toml").write_text(recipe, encoding="utf-8")
    workspace = Workspace(root, workers=workers)
    rows = []
    for place, (name, data) in enumerate(_files().items()):
        if names is None or name in names:
            picture = codec.decode(data)
            rows.append(_row(workspace, name, data, place, picture.width, picture.height, None))
    sheet = codec.encode(_SHEET, "PNG")
    for place, (name, box) in enumerate(_BOXES.items()):
        if names is None or name in names:
            rows.append(_row(workspace, name, sheet, place, box[2], box[3], box))
    random.Random(str(root)).shuffle(rows)
    with workspace.database(create=True) as database:
        database.replace("corpus", pa.Table.from_pylist(rows, schema=_schema()))
        for name, table in LabelMaps.read(workspace.label_maps, ["ph2"]).tables().items():
            database.replace(name, table)
        database.replace("mode", pa.table({"labels_only": [False]}))
        freshness.stamp(database, "split", None)
    return workspace


def _row(
    workspace: Workspace, name: str, data: bytes, place: int, width: int, height: int, box: tuple[int, ...] | None
) -> dict[str, Any]:
    sha256 = workspace.store.adopt_bytes(data)
    row: dict[str, Any] = drawn_shards.row(("train", "validation", "test")[place % 3], place % 3, place)
    row |= {"id": f"ph2:{name}", "source": "ph2", "sha256": sha256, "width": width, "height": height}
    row |= dict(zip(("box_left", "box_top", "box_width", "box_height"), box or (None,) * 4, strict=True))
    return row | {"location": Location(sha256).text()}


def _schema() -> pa.Schema:
    fields = []
    sample = drawn_shards.row("train", 0, 0)
    for name in sample:
        number = name in ("width", "height", "category_index", "subtype_index", "fold", "tone_reported")
        kind = pa.int64() if number else pa.float64() if name in ("age", "tone_ita_deg", *ARTEFACTS) else pa.string()
        fields.append(pa.field(name, kind))
    boxes = [pa.field(f"box_{word}", pa.int32()) for word in ("left", "top", "width", "height")]
    return pa.schema([*fields, *boxes, pa.field("location", pa.string())])


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _pictures(folder: Path) -> dict[str, bytes]:
    """Return the stored picture of each id, found by reading the frames without any library."""
    found = {}
    for path in sorted(folder.glob("*.tfrecord-*")):
        data = path.read_bytes()
        start = 0
        while start < len(data):
            length = int.from_bytes(data[start : start + 8], "little")
            example = data[start + 12 : start + 12 + length]
            found[_bytes(example, b"id").decode()] = _bytes(example, b"image")
            start += length + 16
    return found


def _bytes(example: bytes, name: bytes) -> bytes:
    """Return the one value of a bytes feature: key, then Feature > BytesList > value, each with its length."""
    at = example.index(b"\x0a" + bytes([len(name)]) + name + b"\x12") + 2 + len(name)
    for _ in range(3):
        length, at = _varint(example, at + 1)
    return example[at : at + length]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def test_same_bytes_with_any_workers_order_and_folder(tmp_path: Path) -> None:
    one = shard.run(_workspace(tmp_path / "a", workers=1))
    two = shard.run(_workspace(tmp_path / "deeper" / "b", workers=2))
    assert one.details["key"] == two.details["key"]
    assert one.made == len(_files()) + len(_BOXES)
    assert _hashes(Path(one.details["folder"])) == _hashes(Path(two.details["folder"]))


def test_a_second_run_makes_nothing(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    first = shard.run(workspace)
    before = {path: path.stat().st_mtime_ns for path in Path(first.details["folder"]).rglob("*")}
    second = shard.run(workspace)
    assert (second.made, second.there) == (0, first.made)
    assert {path: path.stat().st_mtime_ns for path in Path(first.details["folder"]).rglob("*")} == before
    assert shards.latest(workspace.cache / "shards") == Path(first.details["folder"])


def test_what_is_kept_and_what_is_encoded(tmp_path: Path) -> None:
    report = shard.run(_workspace(tmp_path / "root"))
    stored = _pictures(Path(report.details["folder"]))
    files = _files()
    assert len(stored) == report.made
    for name in ("png", *(f"plain_{n}" for n in range(12))):
        assert stored[f"ph2:{name}"] == files[name]
    for name, (left, top, width, height) in _BOXES.items():
        tile = codec.decode(stored[f"ph2:{name}"])
        assert tile.format == "PNG"
        assert np.array_equal(tile.pixels, _SHEET[top : top + height, left : left + width])
    large = codec.decode(stored["ph2:large"])
    assert (large.format, large.width, large.height) == ("JPEG", 384, 256)
    assert codec.decode(stored["ph2:turned"]).pixels.shape == (64, 96, 3)
    assert all(header.is_plain(data) for data in stored.values())


@pytest.mark.parametrize("recipe", ["", "[shard]\nshort_side = 32\n"])
def test_every_kind_of_picture_has_its_colours_in_the_shard(tmp_path: Path, recipe: str) -> None:
    kinds = colour_kinds.kinds()
    workspace = _workspace(tmp_path / "root", names=[], recipe=recipe)
    rows = []
    for place, (name, (data, shown)) in enumerate(kinds.items()):
        rows.append(_row(workspace, name, data, place, shown.shape[1], shown.shape[0], None))
    with workspace.database() as database:
        database.replace("corpus", pa.Table.from_pylist(rows, schema=_schema()))
    stored = _pictures(Path(shard.run(workspace).details["folder"]))
    side = workspace.recipe.shard.short_side
    for name, (data, shown) in kinds.items():
        held = stored[f"ph2:{name}"]
        assert held != data
        with Image.open(io.BytesIO(held)) as image:  # as one who knows nothing of orientation and profiles sees it
            assert not {"icc_profile", "gamma", "chromaticity", "exif"} & set(image.info)
            assert (image.format, image.mode) == ("PNG" if side > shown.shape[0] else "JPEG", "RGB")
            pixels = np.asarray(image).astype(int)
        wanted = codec.scale(shown, side)
        assert pixels.shape == wanted.shape, name
        quarter = pixels.shape[0] // 4  # the middle of each field, away from what JPEG does at its edges
        for y, x in ((1, 1), (1, 3), (3, 1), (3, 3)):
            assert np.abs(pixels[quarter * y, quarter * x] - wanted[quarter * y, quarter * x]).max() <= 3, (name, y, x)
        if side > shown.shape[0]:
            assert np.array_equal(pixels, codec.decode(data).pixels), f"{name} lost by being encoded"


def test_what_is_larger_is_scaled_once_from_all_its_pixels() -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (512, 384, 3), dtype=np.uint8)
    for kind in ("JPEG", "PNG"):
        data = codec.encode(pixels, kind)
        seen = codec.decode(data).pixels.astype(np.float64)
        mean = seen.reshape(64, 8, 48, 8, 3).mean(axis=(1, 3))
        made = encoded.handed_on(data, 48, 92).data
        assert made == codec.encode(codec.scale(codec.decode(data).pixels, 48), "JPEG", 92)
        assert np.abs(codec.scale(codec.decode(data).pixels, 48) - mean).max() <= 0.5
        assert codec.decode(made).pixels.shape == (64, 48, 3)


def test_a_tile_is_no_larger_than_the_recipe_says(tmp_path: Path) -> None:
    report = shard.run(_workspace(tmp_path / "root", names=list(_BOXES), recipe="[shard]\nshort_side = 45\n"))
    stored = _pictures(Path(report.details["folder"]))
    for name, (left, top, width, height) in _BOXES.items():
        tile = codec.decode(stored[f"ph2:{name}"])
        assert (tile.format, min(tile.width, tile.height)) == ("PNG", 45)
        whole = _SHEET[top : top + height, left : left + width]
        assert np.array_equal(tile.pixels, codec.scale(whole, 45))


def test_no_word_beside_the_pixels_is_handed_on(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Patient Jane Doe"  # ImageDescription
    exif.get_ifd(0x8825)[1] = "N"  # GPSLatitudeRef
    small = drawn_shards.lesion(1, 44)
    silent = _jpeg(small)
    telling = _jpeg(small, exif=exif, comment=b"Jane Doe, ward 3", icc_profile=colour_kinds.srgb_by_another_name())
    assert b"Jane Doe" in telling
    assert encoded.handed_on(telling, 256, 92).data == silent
    large = _jpeg(np.kron(small, np.ones((4, 4, 1), np.uint8)), exif=exif, comment=b"Jane Doe")
    for data in (telling, large):
        with Image.open(io.BytesIO(encoded.handed_on(data, 256, 92).data)) as image:
            assert not set(image.info) - {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_file_that_is_not_built_right_is_encoded_anew() -> None:
    sound = _jpeg(drawn_shards.lesion(1, 45))
    odd = sound[:2] + b"\xff\x00" + sound[2:]  # no segment: decoders pass over it
    made = encoded.handed_on(odd, 256, 92).data
    assert made == codec.encode(codec.decode(sound).pixels, "PNG")


def test_a_picture_added_changes_its_shard_alone(tmp_path: Path) -> None:
    recipe = "[shard]\npictures_per_shard = 2\n"
    everything = [*_files(), *_BOXES]
    fewer = Path(shard.run(_workspace(tmp_path / "a", names=everything[:-1], recipe=recipe)).details["folder"])
    more = Path(shard.run(_workspace(tmp_path / "b", names=everything, recipe=recipe)).details["folder"])
    assert fewer != more
    old, new = _hashes(fewer), _hashes(more)
    assert len([name for name in new if ".tfrecord-" in name and old.get(name) != new[name]]) == 1


def test_the_files_beside_the_shards(tmp_path: Path) -> None:
    folder = Path(shard.run(_workspace(tmp_path / "root")).details["folder"])
    index = shards.read_index(folder)
    subtypes = dict(zip(index["labels"]["subtype_index"], index["category_of_subtype"], strict=True))
    categories = index["labels"]["category_index"]
    assert categories[subtypes["melanoma"]] == "malignant"
    assert categories[subtypes["melanocytic_nevus"]] == "benign"
    for split, listed in index["shards"].items():
        assert sum(each["pictures"] for each in listed) == index["splits"][split]["pictures"]
        for each in listed:
            data = (folder / each["file"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (each["bytes"], each["sha256"])
    info = json.loads((folder / "dataset_info.json").read_text())
    assert [split["name"] for split in info["splits"]] == ["train", "validation", "test"]
    assert (folder / "category_index.labels.txt").read_text().split() == list(drawn_shards.CATEGORIES)
    assert len((folder / "subtype_index.labels.txt").read_text().split()) == 52
    credit = (folder / "ATTRIBUTION.txt").read_text()
    assert index["credits"][0]["attribution"] in credit
    assert all(citation in credit for citation in index["credits"][0]["citation"])
    license_file = next((folder / "licenses").iterdir())
    assert index["credits"][0]["license"] in license_file.read_text()
    assert {path.name for path in folder.parent.iterdir()} == {folder.name, "current"}


@pytest.mark.parametrize("how", ["gone", "other bytes"])
def test_a_picture_that_changed_since_inspect(tmp_path: Path, how: str) -> None:
    workspace = _workspace(tmp_path / "root")
    path = workspace.store.path(hashlib.sha256(_files()["plain_3"]).hexdigest())
    path.chmod(0o644)
    path.unlink()
    if how == "other bytes":
        path.write_bytes(_files()["plain_4"])
    with pytest.raises(CorpusError, match="ph2:plain_3") as told:
        shard.run(workspace)
    assert "curate verify" in str(told.value)
    assert not [each for each in (workspace.cache / "shards").iterdir() if each.name != "current"]


def test_no_room_leaves_nothing_behind(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    (workspace.cache / "shards").write_text("a file where a folder should be")
    with pytest.raises(CorpusError, match="could not be written"):
        shard.run(workspace)


def test_no_corpus_labels_only_and_a_bad_name(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no corpus"):
        shard.run(Workspace(tmp_path / "empty"))
    workspace = _workspace(tmp_path / "labels")
    with workspace.database() as database:
        rows = [row | {"location": None} for row in database.table("corpus").to_pylist()]
        database.replace("corpus", pa.Table.from_pylist(rows, schema=_schema()))
    with pytest.raises(CorpusError, match="labels alone"):
        shard.run(workspace)
    with pytest.raises(UsageError, match="cannot be called"):
        shard.run(_workspace(tmp_path / "name", recipe='[shard]\nname = "My-Set"\n'))


def test_a_corpus_older_than_what_it_stands_on(tmp_path: Path) -> None:
    workspace = _workspace(tmp_path / "root")
    with workspace.database() as database:
        freshness.stamp(database, "label", None)
        freshness.stamp(database, "split", "label")
    assert shard.run(workspace).made
    with workspace.database() as database:
        freshness.stamp(database, "label", None)
    with pytest.raises(CorpusError, match="split has not run since") as told:
        shard.run(workspace)
    assert told.value.hint == "curate build"


@pytest.mark.parametrize("text", ["{", "[]", "", f'{{"format": {shards.FORMAT}}}'])
def test_a_damaged_index(tmp_path: Path, text: str) -> None:
    folder = drawn_shards.make(tmp_path / "shards", {"train": 1})
    (folder / "index.json").write_text(text)
    with pytest.raises(CorpusError, match="the index of the shards is damaged") as told:
        shards.read_index(folder)
    assert told.value.where == str(folder / "index.json")
    assert "curate shard" in str(told.value.hint)


def test_a_shard_cut_short(tmp_path: Path) -> None:
    folder = drawn_shards.make(tmp_path / "shards", {"train": 2})
    path = shards.files_of(folder, "train")[0]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CorpusError, match="a shard is damaged") as told:
        shards.files_of(folder, "train")
    assert told.value.where == str(path)
    assert "curate verify" in str(told.value.hint)


@pytest.mark.tf
def test_a_flipped_bit_in_a_shard_is_named(tmp_path: Path) -> None:
    from curate.ml import dataset

    folder = drawn_shards.make(tmp_path / "shards", {"train": 2})
    path = shards.files_of(folder, "train")[0]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorpusError, match="a shard is damaged") as told:
        dataset.labels_of(folder, "train", "category")
    assert told.value.where == str(path)


def test_a_picture_is_handed_on_as_the_shards_hold_it(tmp_path: Path) -> None:
    stored = _pictures(Path(shard.run(_workspace(tmp_path / "root")).details["folder"]))
    for name, data in _files().items():
        assert encoded.handed_on(data, 256, 92).data == stored[f"ph2:{name}"]


@pytest.mark.tf
def test_predict_and_evaluate_give_one_answer(tmp_path: Path) -> None:
    from curate.ml import evaluation, runs
    from curate.ml.backend import keras
    from curate.stages.predict import predict_pictures

    folder = Path(shard.run(_workspace(tmp_path / "root", recipe="[shard]\nshort_side = 64\n")).details["folder"])
    recipe = shards.read_index(folder)["recipe"]
    run = tmp_path / "run"
    run.mkdir()
    layers = [keras.layers.Rescaling(1 / 64), keras.layers.Flatten(), keras.layers.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((48, 48, 3)), *layers])
    model.save(run / "model.keras")
    about = {"format": runs.FORMAT, "target": "category", "side": 48, "shards": folder.name}
    runs.write_json(
        run / "recipe.json", about | {"pictures": {word: recipe[word] for word in ("short_side", "quality")}}
    )
    (run / "labels.txt").write_text("benign\nprecancerous\nmalignant\n")
    scored = {}
    for split in SPLITS:
        found = evaluation.answers(evaluation.keras_answer(model), folder, split, target="category", side=48)
        scored |= dict(zip(found.ids, found.probabilities, strict=True))
    for name, data in _files().items():
        (tmp_path / name).write_bytes(data)
        row = predict_pictures(run, [tmp_path / name])[0]
        assert list(row["probabilities"].values()) == pytest.approx(list(scored[f"ph2:{name}"]), abs=1e-5)


def test_an_index_of_another_version(tmp_path: Path) -> None:
    folder = drawn_shards.make(tmp_path / "shards", {"train": 1})
    index = json.loads((folder / "index.json").read_text()) | {"format": 0}
    (folder / "index.json").write_text(json.dumps(index))
    with pytest.raises(CorpusError, match="another version"):
        shards.read_index(folder)
    shutil.rmtree(folder)
    with pytest.raises(CorpusError, match="curate build"):
        shards.read_index(folder)


def test_count_and_place() -> None:
    assert [shards.count_of(pictures, 10) for pictures in (0, 1, 10, 11, 20, 21, 40, 41)] == [1, 1, 1, 2, 2, 4, 4, 8]
    assert shards.place("a:1") != shards.place("a:2")
    assert shards.file_name("curate", "train", 3, 16) == "curate-train.tfrecord-00003-of-00016"


@given(st.lists(st.text("abc:", min_size=1, max_size=6), unique=True, max_size=60), st.integers(1, 20))
def test_shards_are_dealt_by_the_leading_bits(ids: list[str], per_shard: int) -> None:
    rows: list[dict[str, Any]] = sorted(({"id": name} for name in ids), key=lambda row: shards.place(row["id"]))
    found = [(number, count, list(members)) for number, count, members in shards.dealt(rows, len(rows), per_shard)]
    count = shards.count_of(len(ids), per_shard)
    assert [(number, of) for number, of, _ in found] == [(number, count) for number in range(count)]
    assert [row for _, _, members in found for row in members] == rows
    for number, _, members in found:
        assert all(int.from_bytes(shards.place(row["id"])) * count >> 256 == number for row in members)


def test_rows_in_another_order_are_refused() -> None:
    rows: list[dict[str, Any]] = sorted(({"id": str(number)} for number in range(9)), key=lambda row: row["id"])
    with pytest.raises(ValueError, match="order of the shards"):
        _ = [list(members) for _, _, members in shards.dealt(rows, len(rows), 2)]


def test_the_database_knows_the_order_of_the_shards(tmp_path: Path) -> None:
    rows = CorpusRows.of(small_corpus.build(tmp_path))
    for split in rows.tally().splits:
        ids = [row["id"] for row in rows.ordered("place", split=split)]
        assert ids == sorted(ids, key=shards.place)
        assert ids
    assert [row["id"] for row in rows.ordered("id")] == sorted(row["id"] for row in rows.ordered("file"))


def test_a_corpus_that_changes_meanwhile_is_not_mixed(tmp_path: Path) -> None:
    workspace = small_corpus.build(tmp_path)
    rows = CorpusRows.of(workspace)
    assert rows.tally().pictures
    (tmp_path / "curate.toml").write_text("[split]\nsalt = 'another'\n", encoding="utf-8")
    pipeline.run("split", Workspace(tmp_path))
    with pytest.raises(CorpusError, match="anew"):
        list(rows.ordered("id"))


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """What is held of each picture is some bytes: not its row, which takes some thousand, and not its picture.

    Of Python's memory: what DuckDB holds to sort rows is bounded by its own limit.
    """
    peaks = []
    for pictures in (2_500, 5_500):
        root = tmp_path / str(pictures)
        workspace = small_corpus.build(root)
        with workspace.database() as database:
            database._execute(
                "insert into corpus by name select c.* replace (c.id || '/' || n as id) "
                f"from corpus c cross join range({pictures // database.count('corpus')}) t(n)"
            )
            names = LabelNames.read(database)
        tracemalloc.start()
        rows = CorpusRows.of(workspace)
        tally = rows.tally()
        made = ShardSet.of(rows, tally, names)
        with Pieces(root / "pieces") as held:
            ordered = rows.ordered("file")
            while batch := [(row["id"], row["id"].encode() * 20) for row in itertools.islice(ordered, 50)]:
                held.add(pieces.lay(held.folder, batch))
            for split, count in tally.splits.items():
                ordered = rows.ordered("place", split=split)
                for number, of, members in shards.dealt(ordered, count, 512):
                    path = root / shards.file_name(made.key, split, number, of)
                    pieces.fill(Order.of(path, held, members))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 3_000 * 300


def test_pieces_give_back_what_was_laid_down(tmp_path: Path) -> None:
    with Pieces(tmp_path / "pieces") as held:
        for first in range(0, 500, 3):  # more of them than stay open
            names = [str(number) for number in range(first, first + 3)]
            held.add(pieces.lay(held.folder, [(name, name.encode() * int(name)) for name in names]))
        (held.folder / "half").write_bytes(b"of a worker that was lost")
        assert all(held.get(str(number)) == str(number).encode() * number for number in reversed(range(500)))
    assert not (tmp_path / "pieces").exists()


def test_pieces_say_what_they_were_not_given(tmp_path: Path) -> None:
    with Pieces(tmp_path / "pieces") as held:
        with pytest.raises(KeyError):
            held.get("a")
        held.add(pieces.lay(held.folder, [("a", b"1")]))
        with pytest.raises(KeyError):
            held.get("b")
        held.add(pieces.lay(held.folder, [("b", b"22"), ("c", b"")]))
        assert (held.get("b"), held.get("c")) == (b"22", b"")
        held.add(pieces.lay(held.folder, [("a", b"1")]))
        with pytest.raises(KeyError):
            held.get("a")


def test_a_worker_lost_in_mid_shard_leaves_nothing_beside_the_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(row: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(shards, "encode", lost)
    with Pieces(tmp_path / "pieces") as held:
        held.add(pieces.lay(held.folder, [("a", b"12345")]))
        with pytest.raises(KeyboardInterrupt):
            pieces.fill(Order.of(tmp_path / "shard", held, [{"id": "a"}]))
        assert len(list(held.folder.iterdir())) == 2, "the piece, and what was begun"
    assert list(tmp_path.iterdir()) == []


def test_a_piece_cut_short_is_no_picture(tmp_path: Path) -> None:
    with Pieces(tmp_path / "pieces") as held:
        held.add(pieces.lay(held.folder, [("a", b"12345")]))
        (path,) = held.folder.iterdir()
        path.write_bytes(b"123")
        with pytest.raises(OSError, match="ends after 3 bytes"):
            held.get("a")


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ({"mode": "RGB", "format": "JPEG"}, True),
        ({"mode": "RGB", "format": "PNG"}, True),
        ({"mode": "L", "format": "JPEG"}, False),
        ({"mode": "CMYK", "format": "JPEG"}, False),
        ({"mode": "RGBA", "format": "PNG"}, False),
        ({"mode": "P", "format": "PNG"}, False),
        ({"mode": "RGB", "format": "BMP"}, False),
    ],
)
def test_plain_pictures(options: dict[str, str], plain: bool) -> None:
    out = io.BytesIO()
    Image.fromarray(drawn_shards.lesion(0, 1)).convert(options["mode"]).save(out, options["format"])
    assert header.is_plain(out.getvalue()) is plain


def test_no_picture_is_not_plain() -> None:
    assert not header.is_plain(b"")
    assert not header.is_plain(b"\x89PNG\r\n\x1a\n")


@pytest.mark.tf
def test_tf_data_reads_every_picture(tmp_path: Path) -> None:
    from curate.ml import dataset

    folder = Path(shard.run(_workspace(tmp_path / "root")).details["folder"])
    ids = []
    for split in ("train", "validation", "test"):
        for each in dataset.read(folder, split, target="category", side=48).as_numpy_iterator():
            assert each["pixels"].shape == (48, 48, 3)
            ids.append(each["id"].decode())
    assert sorted(ids) == sorted(_pictures(folder))
