"""Hair removal: drawn hair goes, a lesion stays what it was, and shards say whether and how it was done."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import drawn_shards
import numpy as np
import pyarrow as pa
import pytest
from test_shards import _hashes, _pictures, _row, _schema

from curate import Workspace, encoded, freshness
from curate.images import codec, hair
from curate.labelmaps import LabelMaps
from curate.ml import shards
from curate.stages import shard
from curate.workers import worth

ON = "[shard]\nhair_removal = true\n"
_HAIRY = {0, 50, 101}


def lesion(category: int, seed: int, side: int = 256) -> codec.Pixels:
    """Return a drawn lesion without the grain of single pixels."""
    return np.asarray(cv2.GaussianBlur(drawn_shards.lesion(category, seed, side), (3, 3), 0), np.uint8)


def hairy(pixels: codec.Pixels, count: int = 6) -> codec.Pixels:
    """Draw bent dark hairs, one hundredth of the side wide, all across a picture."""
    side, drawn = pixels.shape[0], pixels.copy()
    for number in range(count):
        along = np.linspace(0, 1, 60)
        y = (0.1 + 0.8 * number / count + 0.15 * np.sin(2 * along + number)) * side
        points = np.stack([along * side, y], axis=1).round().astype(np.int32)
        cv2.polylines(drawn, [points], False, (35, 28, 24), max(2, side // 100), cv2.LINE_AA)
    return drawn


@pytest.mark.parametrize("side", [160, 256, 400, 640])
@pytest.mark.parametrize("category", [0, 1, 2])
def test_drawn_hair_goes(category: int, side: int) -> None:
    clean = lesion(category, 7, side)
    given = hairy(clean)
    bare = hair.without_hair(given)
    assert bare is not None
    assert (bare.shape, bare.dtype) == (given.shape, np.uint8)
    before, after = (np.abs(picture.astype(int) - clean).mean() for picture in (given, bare))
    # On a black lesion a hair is hardly darker than what lies under it, and stays there in part.
    assert after < before / (2 if category == 2 else 4)
    assert np.array_equal(bare, hair.without_hair(given.copy()))


def test_what_is_not_under_hair_keeps_its_pixels() -> None:
    given = hairy(lesion(0, 3))
    mask, bare = hair.hair(given), hair.without_hair(given)
    assert bare is not None
    assert 0.02 < mask.mean() < 0.3
    assert np.array_equal(bare[~mask], given[~mask])


@pytest.mark.parametrize("category", [0, 1, 2])
def test_a_lesion_without_hair_is_kept_byte_for_byte(category: int) -> None:
    for seed in range(6):
        pixels = lesion(category, seed)
        assert hair.without_hair(pixels) is None
        for kept in (codec.encode(pixels, "JPEG", 80), codec.encode(pixels, "PNG")):
            assert encoded.handed_on(kept, 256, 92, True) == encoded.Encoded(kept, False)
        large = codec.encode(lesion(category, seed, 512), "JPEG", 95)
        assert encoded.handed_on(large, 256, 92, True) == encoded.handed_on(large, 256, 92)


def test_a_net_a_vessel_and_a_border_are_no_hair() -> None:
    net, dice = lesion(0, 1), np.random.default_rng(5)
    for row in range(7):
        for column in range(6):
            middle = (90 + 16 * column + 8 * (row % 2), 105 + 14 * row)
            corners = [(middle[0] + 9 * np.cos(a), middle[1] + 9 * np.sin(a)) for a in np.pi / 3 * np.arange(6) + 0.5]
            mesh = (np.array(corners) + dice.uniform(-2, 2, (6, 2))).round().astype(np.int32)
            cv2.polylines(net, [mesh], True, (75, 45, 25), 2, cv2.LINE_AA)
    vessel = np.full((256, 256, 3), (215, 165, 140), np.uint8)
    cv2.line(vessel, (20, 40), (230, 200), (205, 90, 80), 3, cv2.LINE_AA)
    border = np.full((256, 256, 3), (215, 165, 140), np.uint8)
    border[:, 128:] = (60, 40, 35)
    for pixels in (net, vessel, border):
        assert not hair.hair(pixels).any()


def test_a_small_picture_is_left_as_it_is() -> None:
    assert hair.without_hair(hairy(lesion(0, 2, 127))) is None
    assert hair.without_hair(hairy(lesion(0, 2, 128))) is not None


def root_of(folder: Path, recipe: str, workers: int = 1) -> Workspace:
    """Make a corpus of 130 drawn pictures, three of them with hair: so many that two workers share them."""
    folder.mkdir(parents=True)
    (folder / "curate.toml").write_text(recipe, encoding="utf-8")
    workspace = Workspace(folder, workers=workers)
    rows: list[dict[str, Any]] = []
    for number in range(130):
        pixels = lesion(number % 3, number, 128)
        data = codec.encode(hairy(pixels) if number in _HAIRY else pixels, "JPEG", 90)
        rows.append(_row(workspace, f"drawn_{number}", data, number, 128, 128, None))
    with workspace.database(create=True) as database:
        database.replace("corpus", pa.Table.from_pylist(rows, schema=_schema()))
        for name, table in LabelMaps.read(workspace.label_maps, ["ph2"]).tables().items():
            database.replace(name, table)
        database.replace("mode", pa.table({"labels_only": [False]}))
        freshness.stamp(database, "split", None)
    return workspace


def made(workspace: Workspace) -> Path:
    return Path(shard.run(workspace).details["folder"])


def test_off_is_the_default_and_leaves_no_trace(tmp_path: Path) -> None:
    unsaid, off = made(root_of(tmp_path / "a", "")), made(root_of(tmp_path / "b", "[shard]\nhair_removal = false\n"))
    assert unsaid.name == off.name
    assert _hashes(unsaid) == _hashes(off)
    index = shards.read_index(unsaid)
    # Shards made before there was such a knob are found again: nothing of it goes into the key.
    assert set(index["recipe"]) == {"name", "short_side", "quality", "pictures_per_shard"}
    assert "hair" not in json.dumps(index)


def test_on_is_recorded_and_changes_only_what_has_hair(tmp_path: Path) -> None:
    off, on = made(root_of(tmp_path / "off", "")), made(root_of(tmp_path / "on", ON, workers=1))
    assert worth(2, 130) == 2  # fewer pictures would not be spread
    two = made(root_of(tmp_path / "two", ON, workers=2))
    assert off.name != on.name == two.name
    assert _hashes(on) == _hashes(two)
    index = shards.read_index(on)
    assert index["recipe"]["hair_removal"] is True
    assert index["hair_removal"] == {
        "method": hair.METHOD,
        "version": hair.VERSION,
        "least_share": hair.LEAST,
        "pictures": len(_HAIRY),
    }
    before, after = _pictures(off), _pictures(on)
    assert {name for name in before if after[name] != before[name]} == {f"ph2:drawn_{number}" for number in _HAIRY}
    for name in ("ATTRIBUTION.txt", "features.json"):
        assert (on / name).read_bytes() == (off / name).read_bytes()


@pytest.mark.real
def test_hair_that_runs_into_a_pigment_net_takes_none_of_it(real: Path) -> None:
    data = (real / "isic/images/uda1_original/ISIC_0000215.jpg").read_bytes()
    mask = hair.hair(codec.scale(codec.decode(data).pixels, 256))
    assert mask.any()
    assert not mask[:, : mask.shape[1] * 4 // 5].any()
