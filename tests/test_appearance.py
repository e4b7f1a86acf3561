"""Skin tone and artefacts: exact on drawn patches of known colour, unknown where no skin is seen."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args, get_type_hints

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UnreadablePicture
from curate.images import codec
from curate.images.artefacts import NAMES, THRESHOLDS, artefacts
from curate.images.lesion_mask import lesion_mask
from curate.images.levels import middle
from curate.images.scene import scene
from curate.images.tone import BOUNDS, NAME, VERSION, ita, ita_class, to_lab, tone
from curate.recipe import ToneRecipe

# sRGB and its CIE Lab under D65, as colour tables print them.
KNOWN = {
    (255, 255, 255): (100.0, 0.0, 0.0),
    (0, 0, 0): (0.0, 0.0, 0.0),
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (119, 119, 119): (50.03, 0.0, 0.0),
}
SKINS = [(244, 226, 206), (232, 200, 172), (214, 170, 140), (190, 140, 105), (141, 92, 62), (72, 46, 36)]


def skin(colour: tuple[int, int, int], side: int = 256) -> codec.Pixels:
    return np.full((side, side * 4 // 3, 3), colour, np.uint8)


def with_lesion(pixels: codec.Pixels) -> codec.Pixels:
    height, width = pixels.shape[:2]
    spot = cv2.ellipse(
        pixels.copy(), (width // 2, height // 2), (width // 5, height // 5), 20, 0, 360, (60, 35, 32), -1
    )
    return np.asarray(spot, np.uint8)


def angle(colour: tuple[int, int, int]) -> float:
    light, _, yellow = to_lab(np.array(colour, np.uint8))
    return ita(float(light), float(yellow))


@pytest.mark.parametrize("colour", KNOWN)
def test_lab_is_that_of_the_tables(colour: tuple[int, int, int]) -> None:
    assert to_lab(np.array(colour, np.uint8)) == pytest.approx(KNOWN[colour], abs=0.03)


@pytest.mark.parametrize(
    ("degrees", "name"),
    [
        (90, "very_light"),
        (55.1, "very_light"),
        (55, "light"),
        (41, "intermediate"),
        (28, "tan"),
        (10, "brown"),
        (-30, "dark"),
        (-89, "dark"),
    ],
)
def test_classes_by_their_bounds(degrees: float, name: str) -> None:
    assert ita_class(degrees) == name


def test_bluish_light_does_not_turn_light_skin_dark() -> None:
    assert ita(75, 1) == pytest.approx(87.7, abs=0.1)
    assert ita(75, -1) == pytest.approx(92.3, abs=0.1)


@pytest.mark.parametrize("colour", SKINS)
def test_tone_is_exact_on_patches_with_whatever_lies_on_them(colour: tuple[int, int, int]) -> None:
    patch = with_lesion(skin(colour))
    height, width = patch.shape[:2]
    hairy = patch.copy()
    for start in range(10, width, 45):
        cv2.line(hairy, (start, 0), (start + 30, height), (20, 15, 12), 2)
    shiny = patch.copy()
    cv2.circle(shiny, (60, 60), 12, (255, 255, 255), -1)
    lens = patch.copy()
    y, x = np.ogrid[:height, :width]
    lens[((x - width / 2) / (width / 2)) ** 2 + ((y - height / 2) / (height / 2)) ** 2 > 1.1] = 0
    band = np.pad(patch, ((30, 30), (0, 0), (0, 0)))
    inked = cv2.ellipse(patch.copy(), (width // 2, height // 2), (110, 90), 0, 0, 360, (70, 40, 130), 3)
    ruled = cv2.line(patch.copy(), (60, 235), (280, 235), (60, 45, 40), 1)
    for mark in range(60, 281, 10):
        cv2.line(ruled, (mark, 228), (mark, 235), (60, 45, 40), 1)
    plain = (skin(colour), patch, skin(colour, 60), cv2.resize(patch, (1600, 1200)))
    for drawn in (*plain, hairy, shiny, lens, band, inked, ruled):
        found = tone(np.asarray(drawn, np.uint8))
        assert found.ita_deg == pytest.approx(angle(colour), abs=0.01)
        assert 0 < found.confidence <= 1
        assert 0.05 <= found.share <= 1


def test_a_mask_tells_lesion_from_skin() -> None:
    left, right = (232, 200, 172), (141, 92, 62)
    pixels = skin(left)
    pixels[:, pixels.shape[1] // 2 :] = right
    mask = np.zeros(pixels.shape[:2], np.bool_)
    mask[:, pixels.shape[1] // 2 :] = True
    for lesion, around in ((mask, left), (~mask, right)):
        found = tone(pixels, scene(pixels, lesion))
        assert found.ita_deg == pytest.approx(angle(around), abs=0.01)
        assert found.method == f"{NAME}/{VERSION}+mask"
    assert tone(pixels).method == f"{NAME}/{VERSION}"


def test_what_lies_outside_a_mask_is_not_skin_for_that() -> None:
    colour = (214, 170, 140)
    pixels = with_lesion(skin(colour))
    cv2.rectangle(pixels, (0, 0), (70, 255), (20, 90, 200), -1)
    small = np.zeros(pixels.shape[:2], np.bool_)
    small[120:130, 160:170] = True
    assert tone(pixels, scene(pixels, small)).ita_deg == pytest.approx(angle(colour), abs=0.01)


def test_a_mask_of_another_picture_is_refused() -> None:
    half = np.zeros((60, 80, 3), np.uint8)
    half[:30] = 255
    assert lesion_mask(half, (600, 801)).sum() == 30 * 80
    for pixels, shape in ((half, (600, 600)), (np.zeros_like(half), (60, 80)), (np.full_like(half, 255), (60, 80))):
        with pytest.raises(UnreadablePicture, match="mask"):
            lesion_mask(pixels, shape)


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_six_classes_from_light_to_dark_and_say_whose_they_are(name: str) -> None:
    classes = BOUNDS[name].classes
    above = [degrees for _, degrees in classes]
    assert len({word for word, _ in classes}) == 6
    assert above == sorted(above, reverse=True)
    assert above[-1] == -np.inf
    assert BOUNDS[name].source in str(BOUNDS[name])
    assert ita_class(-179, BOUNDS[name]) == "dark"


def test_a_recipe_can_choose_all_bounds_and_no_others() -> None:
    assert set(get_args(get_type_hints(ToneRecipe)["bounds"])) == set(BOUNDS)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=99).filter(lambda drawn: len(drawn) % 2 == 1))
def test_the_middle_by_counting_is_the_median(drawn: list[int]) -> None:
    assert middle(np.array(drawn, np.uint8)) == np.median(drawn)


@pytest.mark.parametrize("drawn", [(0, 0, 0), (20, 90, 200), (0, 160, 60)])
def test_where_no_skin_is_seen_tone_is_unknown(drawn: tuple[int, int, int]) -> None:
    found = tone(skin(drawn))
    assert (found.ita_deg, found.confidence) == (None, 0.0)


def test_a_picture_too_small_is_unknown() -> None:
    assert tone(np.full((8, 8, 3), 200, np.uint8)).ita_deg is None
    assert tone(np.full((1, 1, 3), 200, np.uint8)).ita_deg is None


@settings(deadline=None)  # the first call loads what the later ones find loaded
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 255), st.integers(0, 255))
def test_any_picture_gives_numbers_between_0_and_1(height: int, width: int, low: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(min(low, 254), 255, (height, width, 3), np.uint8)
    found = artefacts(pixels)
    assert tuple(found) == NAMES
    assert all(0 <= value <= 1 for value in found.values())


def textured(seed: int = 3) -> codec.Pixels:
    noise = np.random.default_rng(seed).normal(0, 7, (256, 340, 1))
    return (with_lesion(skin((214, 170, 140)))[:, :340] + noise).clip(0, 255).astype(np.uint8)


def changed(kind: str) -> codec.Pixels:
    pixels = textured()
    height, width = pixels.shape[:2]
    if kind == "vignette":
        y, x = np.ogrid[:height, :width]
        pixels[((x - width / 2) / (width / 2)) ** 2 + ((y - height / 2) / (height / 2)) ** 2 > 1.1] = 5
    elif kind == "hair":
        for start in range(10, width, 30):
            cv2.line(pixels, (start, 0), (start + 30, height), (30, 20, 15), 2)
    elif kind == "highlight":
        for place in range(40, 240, 40):
            cv2.circle(pixels, (place, 60), 12, (255, 255, 255), -1)
    elif kind == "border":
        pixels = np.pad(pixels, ((40, 40), (0, 0), (0, 0)), constant_values=2)
    elif kind == "blur":
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 4), np.uint8)
    elif kind == "ruler":
        cv2.line(pixels, (60, 220), (260, 220), (70, 55, 50), 1)
        for mark in range(60, 261, 10):
            cv2.line(pixels, (mark, 214), (mark, 220), (70, 55, 50), 1)
    elif kind == "ink":
        cv2.ellipse(pixels, (170, 128), (130, 100), 0, 0, 360, (70, 40, 130), 3)
    elif kind == "text":
        cv2.putText(pixels, "12.05.2019", (170, 250), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20, 20, 20), 1)
    elif kind == "exposure":
        pixels = (pixels * 0.15).astype(np.uint8)
    return pixels


@pytest.mark.parametrize("kind", NAMES)
def test_each_artefact_is_seen_where_it_is_and_not_where_it_is_not(kind: str) -> None:
    clean, spoiled = artefacts(textured()), artefacts(changed(kind))
    assert all(clean[name] < THRESHOLDS[name] for name in NAMES), clean
    assert spoiled[kind] >= THRESHOLDS[kind], spoiled


def test_one_look_serves_both() -> None:
    pixels = textured()
    seen = scene(pixels)
    assert tone(pixels, seen) == tone(pixels)
    assert artefacts(pixels, seen) == artefacts(pixels)


TRUTH = Path(__file__).parent.parent / "benchmarks" / "artefacts_seen.csv"


def test_what_was_seen_is_yes_no_or_not_known() -> None:
    with TRUTH.open(encoding="utf-8", newline="") as file:
        seen = list(csv.DictReader(file))
    assert len(seen) >= 60
    assert len({(row["file"], row["tile"]) for row in seen}) == len(seen)
    assert {row[name] for row in seen for name in NAMES} == {"", "0", "1"}
    assert {row["file"].partition("/")[0] for row in seen} == {"isic", "pad_ufes_20", "ph2", "severance", "asan"}


@pytest.mark.real
def test_the_pictures_that_were_looked_at_are_told_apart(real: Path) -> None:
    """An artefact stands higher, in seven of ten pairs of pictures, on the one on which it was seen by eye."""
    with TRUTH.open(encoding="utf-8", newline="") as file:
        seen = [row for row in csv.DictReader(file) if not row["tile"]]
    measured = [artefacts(codec.decode((real / row["file"]).read_bytes(), min_side=256).pixels) for row in seen]
    for name in ("ruler", "vignette", "hair", "highlight", "text", "blur"):
        with_it, without = (
            np.array([found[name] for found, row in zip(measured, seen, strict=True) if row[name] == said])
            for said in ("1", "0")
        )
        assert np.mean(with_it[:, None] > without) + np.mean(with_it[:, None] == without) / 2 > 0.7, name


@pytest.mark.real
def test_lesion_and_skin_against_the_masks_of_ph2(real: Path) -> None:
    overlaps, mistaken = [], []
    for mask_file in sorted((real / "ph2").rglob("*_lesion.bmp")):
        name = mask_file.name.removesuffix("_lesion.bmp")
        picture = mask_file.parent.parent / f"{name}_Dermoscopic_Image" / f"{name}.bmp"
        seen = scene(codec.decode(picture.read_bytes()).pixels)
        size = seen.grey.shape[::-1]
        mask = cv2.resize(codec.decode(mask_file.read_bytes()).pixels[..., 0], size, interpolation=cv2.INTER_AREA) > 127
        overlaps.append((seen.lesion & mask).sum() / (seen.lesion | mask).sum())
        mistaken.append((seen.skin & mask).sum() / max(1, seen.skin.sum()))
    assert len(overlaps) == 6
    assert np.mean(overlaps) > 0.8
    assert min(overlaps) > 0.7
    assert np.mean(mistaken) < 0.02


@pytest.mark.real
def test_tone_of_pad_is_near_what_people_reported(real: Path) -> None:
    reported = {row["img_id"]: row["fitspatrick"] for row in csv.DictReader((real / "pad_ufes_20/metadata.csv").open())}
    order = ["very_light", "light", "intermediate", "tan", "brown", "dark"]
    apart = []
    for path in sorted((real / "pad_ufes_20/images").iterdir()):
        found = tone(codec.decode(path.read_bytes(), min_side=256).pixels)
        if reported.get(path.name) and found.ita_deg is not None:
            apart.append(abs(int(float(reported[path.name])) - 1 - order.index(ita_class(found.ita_deg))))
    assert len(apart) >= 10
    # White balance makes single photographs weak evidence; as a whole they must not be off by more than two classes.
    assert np.mean(apart) < 2
