"""Equal pixels are found in whatever file they are, and no picture without a partner is decoded whole for it."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np
import pytest
from PIL import Image
from test_nearness import lesion
from test_one_lesion import PICTURE, built, holding, table

from curate import pipeline
from curate.errors import CorpusError
from curate.files import Location
from curate.images import codec, fingerprint, identity, scene
from curate.pairs import Sight
from curate.pictures_alike import alike
from curate.recipe import DedupRecipe
from curate.report import Advance
from curate.same_pixels import hashed
from curate.stages import dedup, inspect
from curate.workers import spread
from curate.workspace import Workspace

TALL, WIDE = 1027, 1041  # no multiple of a JPEG's blocks, and decoded at half of it


@cache
def patterns() -> dict[str, codec.Pixels]:
    """Return pictures on which hashes are noise, or pixels at a fraction are not the means of all."""
    y, x = np.mgrid[:TALL, :WIDE]
    noise = np.random.default_rng(0)
    grey = {
        "plain": np.full((TALL, WIDE), 140),
        "black": np.zeros((TALL, WIDE)),
        "gradient": x * 255 / WIDE,
        "board": ((x * 4 // WIDE) + (y * 4 // TALL)) % 2 * 255,
        "stripes": x // 3 % 2 * 255,
        "dots": np.where(noise.random((TALL, WIDE)) < 0.03, 0, 255),
        "noise": noise.integers(0, 2, (TALL, WIDE)) * 255,
    }
    made = {name: np.dstack([values] * 3).astype(np.uint8) for name, values in grey.items()}
    red, white, green, black = np.array([(255, 0, 0), (255, 255, 255), (0, 255, 0), (0, 0, 0)], np.uint8)
    made["red lines"] = np.where((x % 2 == 0)[..., None], red, white)
    made["half green"] = np.where(((x % 2 == 0) & (x < WIDE // 2))[..., None], green, black)
    return made


def rewrapped(data: bytes) -> bytes:
    """Return a JPEG with a comment more, or a PNG with a chunk."""
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xfe\x00\x06mine" + data[2:]
    return data[:-12] + b"\0\0\0\0tEXt\xbf\x9a\xe2\x05" + data[-12:]


def saved(pixels: codec.Pixels, form: str) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, compress_level=1)
    return out.getvalue()


def forms(pixels: codec.Pixels, quality: int) -> list[bytes]:
    """Return a JPEG of a picture, and other files with the pixels that it shows."""
    jpeg = codec.encode(pixels, "JPEG", quality)
    shown = codec.decode(jpeg).pixels
    return [jpeg, rewrapped(jpeg), saved(shown, "PNG"), saved(shown, "BMP")]


@pytest.mark.parametrize("quality", [10, 92])
@pytest.mark.parametrize("name", patterns())
def test_no_scale_hides_a_partner(name: str, quality: int) -> None:
    data = codec.encode(patterns()[name], "JPEG", quality)
    whole, small = codec.decode(data).pixels, codec.decode(data, min_side=scene.DECODED).pixels
    assert small.shape[0] < whole.shape[0]
    values = identity.unpacked([fingerprint.fingerprint(pixels).means for pixels in (whole, small)])
    assert identity.may_be_equal(np.array([[WIDE, TALL]] * 2), values, np.array([True, False])).all()


def test_who_may_be_equal_is_who_is_near_in_the_same_size() -> None:
    noise = np.random.default_rng(1)
    centres = noise.integers(0, 60_000, (30, 67))
    far = noise.integers(1, 2000, (200, 1))
    values = (centres[noise.integers(0, 30, 200)] + far * noise.uniform(-1, 1, (200, 67))).clip(0, 65280).astype(int)
    values[:20] = values[0]
    values[60:120] = noise.integers(0, 60_000, (60, 67))
    sizes = noise.integers(1, 3, (200, 2))
    levels = (values[:, None] - values[None]) / 256
    cells, colours = levels[..., :64], levels[..., 64:]
    away = cells.var(axis=2) / 3.5**2 + (colours**2).mean(axis=2) / 8**2
    near = (away <= 1) & (sizes[:, None] == sizes[None]).all(axis=2) & ~np.eye(200, dtype=bool)
    found = identity.may_be_equal(sizes, values.astype(np.uint16), np.zeros(200, np.bool_))
    assert found[near.any(axis=1)].all(), "none is missed"
    assert not found[60:120].any()
    assert near.any(axis=1).sum() > 40
    lossless = np.arange(200) % 3 == 0
    away = cells.var(axis=2) / 14**2 + (colours**2).mean(axis=2) / 48**2
    near |= (away <= 1) & (sizes[:, None] == sizes[None]).all(axis=2) & (lossless[:, None] != lossless)
    more = identity.may_be_equal(sizes, values.astype(np.uint16), lossless)
    assert more[near.any(axis=1)].all(), "a JPEG and a file without loss may seem farther apart"
    assert more[found].all()
    two = np.full((2, 67), 30_000, np.uint16)
    two[1, ::2] += 20 * 256
    assert identity.may_be_equal(sizes[[0, 0]], two, np.array([True, False])).all()
    for all_lossless in (False, True):
        assert not identity.may_be_equal(sizes[[0, 0]], two, np.full(2, all_lossless)).any()
    none = np.empty((0, 2), np.int64)
    assert identity.may_be_equal(none, identity.unpacked([]), np.empty(0, np.bool_)).tolist() == []


def test_pixels_are_known_by_shape_and_bytes_but_not_by_their_layout_in_memory() -> None:
    pixels = lesion(2, 40, 60)
    known = identity.pixels_sha256(pixels)
    assert identity.pixels_sha256(np.asfortranarray(pixels)) == known
    assert identity.pixels_sha256(pixels.reshape(60, 40, 3)) != known
    changed = pixels.copy()
    changed[0, 0, 0] ^= 1
    assert identity.pixels_sha256(changed) != known


def edges(here: Workspace) -> set[tuple[str, str]]:
    rows = table(here, "edges")
    return {(str(row["first"]), str(row["second"])) for row in rows if row["kind"] == "same pixels"}


def equal(held: dict[str, list[bytes]]) -> set[tuple[str, str]]:
    """Return the pairs of pictures whose pixels are equal, by decoding all."""
    shown = {
        f"{name}:{place}.jpg": codec.decode(data).pixels.tobytes()
        for name, files in held.items()
        for place, data in enumerate(files, 1)
    }
    return {pair for pair in combinations(sorted(shown), 2) if shown[pair[0]] == shown[pair[1]]}


def pictures(files: list[bytes]) -> list[PICTURE]:
    return [{"data": data} for data in files]


@pytest.fixture
def held() -> dict[str, list[bytes]]:
    """Each second picture's copies lie in another source; some look alike and are not equal."""
    east, west = [], []
    for name, pixels in patterns().items():
        jpeg, *others = forms(pixels, 10 if name in ("dots", "board") else 92)
        (east if len(name) % 2 else west).append(jpeg)
        east += others[:1]
        west += others[1:]
    for seed in (1, 2):
        jpeg, *others = forms(lesion(seed, TALL, WIDE), 90)
        east += [jpeg, *others[:2]]
        west += others[2:]
        other = codec.decode(jpeg).pixels
        other[7, 9, 1] ^= 1
        west += [saved(other, "PNG"), codec.encode(lesion(seed, TALL, WIDE), "JPEG", 91)]
    east += [codec.encode(lesion(seed, TALL, WIDE + 8), "JPEG", 90) for seed in (5, 6)]
    return {"east": east, "west": west}


def test_equal_pixels_are_found_in_whatever_files_they_are(tmp_path: Path, held: dict[str, list[bytes]]) -> None:
    here = holding(tmp_path, {name: pictures(files) for name, files in held.items()})
    built(here)
    assert edges(here) == equal(held)
    assert len(edges(here)) > 50
    known = {row["sha256"] for row in table(here, "pixels")}
    for alone in held["east"][-2:]:
        assert hashlib.sha256(alone).hexdigest() not in known, "it has no partner"
    assert hashlib.sha256(held["east"][0]).hexdigest() in known
    again = dedup.run(here)
    assert again.details["decoded_whole"] == 0


def test_a_large_picture_is_not_decoded_whole(tmp_path: Path) -> None:
    large = codec.encode(np.tile(lesion(1, 300, 400), (10, 10, 1)), "JPEG")
    here = holding(tmp_path, {"east": pictures([large, codec.encode(lesion(2), "PNG")])})
    built(here)
    whole, small = sorted(table(here, "fingerprints"), key=lambda row: -int(row["width"]))
    assert (whole["width"], whole["height"]) == (4000, 3000)
    assert [row["sha256"] for row in table(here, "pixels")] == [small["sha256"]]
    assert dedup.run(here).details["decoded_whole"] == 0
    assert len(table(here, "appearance")) == 2
    assert {len(row["places"]) > 0 for row in table(here, "features")} == {True}


def test_same_bytes_alone_need_no_second_look(tmp_path: Path) -> None:
    data = codec.encode(lesion(1, TALL, WIDE), "JPEG")
    here = holding(tmp_path, {"east": pictures([data]), "west": pictures([data])})
    built(here)
    assert table(here, "pixels") == []
    assert edges(here) == {("east:1.jpg", "west:1.jpg")}


def test_nobody_is_looked_at_again_where_neither_pixels_nor_likeness_count(tmp_path: Path) -> None:
    (tmp_path / "curate.toml").write_text("[dedup]\nsame_pixels = false\nnear = false\n", encoding="utf-8")
    here = holding(tmp_path, {"east": pictures(forms(lesion(1, TALL, WIDE), 90)[:2])})
    built(here)
    assert table(here, "pixels") == []
    assert edges(here) == set()


def test_a_second_look_cut_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.same_pixels._ROWS_AT_ONCE", 32)
    jpeg = [codec.encode(np.full((1024, 1024, 3), 100 + number, np.uint8), "JPEG") for number in range(20)]
    here = holding(tmp_path / "here", {"east": pictures(jpeg), "west": pictures([rewrapped(data) for data in jpeg])})
    pipeline.run("parse", here)
    inspect.run(here)

    @contextmanager
    def stops(title: str, total: int | None, unit: str) -> Iterator[Advance]:
        done = 0

        def moved(amount: int) -> None:
            nonlocal done
            done += amount
            if title == "dedup: pixels" and done > 32:
                raise InterruptedError("stopped")

        yield Advance(moved)

    with pytest.raises(InterruptedError):
        dedup.run(Workspace(here.root, workers=1, progress=stops))
    assert len(table(here, "pixels")) == 32
    assert dedup.run(here).details["decoded_whole"] == 8
    assert edges(here) == {(f"east:{number}.jpg", f"west:{number}.jpg") for number in range(1, 21)}


def test_as_many_workers_as_one_likes_see_the_same(tmp_path: Path) -> None:
    sights = []
    for number in range(4):
        data = codec.encode(lesion(number, TALL, WIDE), "JPEG")
        sha256 = hashlib.sha256(data).hexdigest()
        (tmp_path / sha256).write_bytes(data)
        sights.append(Sight(sha256, 0, sha256, tmp_path / sha256, None))
    one, two = (list(spread(hashed, [sights[:2], sights[2:]], workers=workers)) for workers in (1, 2))
    assert one == two
    expected = [identity.pixels_sha256(codec.decode(one.object_path.read_bytes()).pixels) for one in sights]
    assert [row["pixels_sha256"] for rows in one for row in rows] == expected


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_that_changed_since_it_was_inspected_is_named(tmp_path: Path, gone: bool) -> None:
    jpeg = forms(lesion(1, TALL, WIDE), 90)[:2]
    here = holding(tmp_path, {"east": pictures(jpeg[:1]), "west": pictures(jpeg[1:])})
    pipeline.run("parse", here)
    inspect.run(here)
    (location,) = {row["location"] for row in table(here, "pictures") if row["id"] == "west:1.jpg"}
    path = here.store.path(Location.parse(str(location)).object)
    path.chmod(0o644)
    if gone:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"mine", b"ours"))
    with pytest.raises(CorpusError) as told:
        dedup.run(here)
    assert told.value.where == location
    assert "curate verify" in str(told.value.hint)


def test_a_corpus_of_before_is_looked_at_anew(tmp_path: Path) -> None:
    here = holding(tmp_path, {"east": pictures(forms(lesion(1, TALL, WIDE), 90))})
    built(here)
    now = edges(here)
    assert len(now) == 6
    with duckdb.connect(str(here.database_path)) as database:
        database.execute("drop table pixels")
        database.execute("alter table fingerprints drop column means")
        database.execute("alter table fingerprints add column pixels_sha256 varchar")
        database.execute("update fingerprints set version = 2, pixels_sha256 = sha256")
    with pytest.raises(CorpusError, match="inspect has not run since"):
        dedup.run(here)
    built(here)
    assert edges(here) == now


def test_any_folder_is_told_equal_pixels_too(tmp_path: Path) -> None:
    names = ("1.jpg", "2.jpg", "3.png", "4.bmp")
    for name, data in zip(names, forms(patterns()["gradient"], 92), strict=True):
        (tmp_path / name).write_bytes(data)
    (tmp_path / "5.jpg").write_bytes((tmp_path / "1.jpg").read_bytes())
    (tmp_path / "6.jpg").write_bytes(codec.encode(lesion(1, TALL, WIDE), "JPEG"))
    found = alike(tmp_path, DedupRecipe(), workers=1)["pairs"]
    told = {(row["first"], row["second"]): row["kind"] for row in found}
    assert told == dict.fromkeys(combinations([*names, "5.jpg"], 2), "same pixels") | {("1.jpg", "5.jpg"): "same bytes"}
