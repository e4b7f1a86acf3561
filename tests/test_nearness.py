"""A picture is known again by its places after every change, and no other picture is taken for it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from curate.images import codec, features, neighbours
from curate.images.alignment import align
from curate.images.overlap import overlap, score, shown
from curate.recipe import DedupRecipe

RECIPE = DedupRecipe()
Change = Callable[[codec.Pixels], codec.Pixels]


def lesion(seed: int, height: int = 300, width: int = 400) -> codec.Pixels:
    noise = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    spot = np.exp(-(((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 4)) ** 2))
    grey = -spot * 90
    for cells, depth in ((12, 9), (30, 14), (60, 12)):
        rough = noise.normal(0, 1, (cells, cells * 4 // 3)).astype(np.float32)
        grey += cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC) * depth * (0.3 + spot)
    return (np.array([215, 175, 150]) + grey[..., None]).clip(0, 255).astype(np.uint8)


def turned(pixels: codec.Pixels, angle: float) -> codec.Pixels:
    height, width = pixels.shape[:2]
    spin = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 0.8)
    return np.asarray(cv2.warpAffine(pixels, spin, (width, height)), np.uint8)


def vignette(pixels: codec.Pixels) -> codec.Pixels:
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    inside = np.hypot(x - width / 2, y - height / 2) < min(height, width) / 2
    return np.asarray(pixels * inside[..., None], np.uint8)


def ruler(pixels: codec.Pixels) -> codec.Pixels:
    out = pixels.copy()
    out[-36:] = 235
    for x in range(8, out.shape[1], 10):
        out[-36:-20, x : x + 2] = 20
    return out


def text(pixels: codec.Pixels) -> codec.Pixels:
    out = pixels.copy()
    cv2.putText(out, "case 017", (30, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (255, 255, 255), 2)
    return out


CHANGES: dict[str, Change] = {
    "resized to 128": lambda pixels: np.asarray(cv2.resize(pixels, (128, 96), interpolation=cv2.INTER_AREA), np.uint8),
    "JPEG quality 30": lambda pixels: codec.decode(codec.encode(pixels, "JPEG", 30)).pixels,
    "brightness": lambda pixels: (pixels * 0.7).astype(np.uint8),
    "contrast": lambda pixels: (pixels * 1.3 - 50).clip(0, 255).astype(np.uint8),
    "colour cast": lambda pixels: (pixels * np.array([1.1, 0.85, 0.95])).clip(0, 255).astype(np.uint8),
    "aspect": lambda pixels: np.asarray(cv2.resize(pixels, (300, 300)), np.uint8),
    "crop to half": lambda pixels: pixels[40:252, 60:343],
    "rotation": lambda pixels: turned(pixels, 37),
    "quarter": lambda pixels: np.ascontiguousarray(np.rot90(pixels)),
    "mirror": lambda pixels: np.ascontiguousarray(pixels[:, ::-1]),
    "border": lambda pixels: np.pad(pixels, ((40, 40), (40, 40), (0, 0)), constant_values=255),
    "vignette": vignette,
    "ruler": ruler,
    "text": text,
    "mirror, rotation, JPEG": lambda pixels: (
        codec.decode(codec.encode(turned(np.ascontiguousarray(pixels[::-1]), 200), "JPEG", 40)).pixels
    ),
}


def one_picture(first: codec.Pixels, second: codec.Pixels) -> bool:
    here, there = (features.unpacked(features.features(pixels)) for pixels in (first, second))
    for mirror in (False, True):
        found = align(here, there, mirror)
        if found is not None and found.inliers >= RECIPE.near_places:
            agreement, share = overlap(shown(features.shown(first)), shown(features.shown(second)), found)
            if score(agreement, found.inliers, share) >= RECIPE.near_overlap:
                return True
    return False


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_known_from_either_side(change: str) -> None:
    for seed in range(3):
        pixels = lesion(seed)
        copy = CHANGES[change](pixels)
        assert one_picture(pixels, copy)
        assert one_picture(copy, pixels)


def test_no_two_lesions_are_one_even_under_the_same_ruler() -> None:
    for seed in range(6):
        for change in (lambda pixels: pixels, ruler, text, vignette):
            assert not one_picture(change(lesion(seed)), change(lesion(seed + 50)))


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_picture_has_the_descriptors_with_signs_turned(axis: int) -> None:
    pixels = lesion(4, 192, 192)
    here = features.unpacked(features.features(pixels))
    there = features.unpacked(features.features(np.ascontiguousarray(np.flip(pixels, axis))))
    assert (features.mirrored(features.mirrored(here.waves)) == here.waves).all()
    # Where the same place was found, it has the same descriptor but for a step of rounding in the detector.
    away = np.abs(features.mirrored(here.waves).astype(int)[:, None] - there.waves.astype(int)[None]).max(axis=2)
    unturned = np.abs(here.waves.astype(int)[:, None] - there.waves.astype(int)[None]).max(axis=2)
    assert (away.min(axis=1) <= 6).mean() > 0.4
    assert (unturned.min(axis=1) <= 6).mean() < 0.1


def test_the_alignment_says_what_was_done() -> None:
    pixels = lesion(7)
    known = features.unpacked(features.features(pixels))
    quarter = align(known, features.unpacked(features.features(np.ascontiguousarray(np.rot90(pixels)))), False)
    mirror = align(known, features.unpacked(features.features(np.ascontiguousarray(pixels[:, ::-1]))), True)
    half = align(known, features.unpacked(features.features(pixels[75:225, 100:300])), False)
    assert quarter is not None
    assert mirror is not None
    assert half is not None
    assert (quarter.mirrored, mirror.mirrored, half.mirrored) == (False, True, False)
    assert abs(quarter.turned_deg) == pytest.approx(90, abs=2)
    assert quarter.grown == pytest.approx(1, abs=0.05)
    assert half.grown == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize("value", [0, 120, 255])
def test_plain_pictures_have_no_places(value: int) -> None:
    assert features.features(np.full((200, 300, 3), value, np.uint8)) == b""


def test_a_tiny_picture_has_no_places() -> None:
    """Enlarged to the size at which places are sought, any two of 12 x 9 pixels agree in how they were enlarged."""
    assert features.features(lesion(1, 9, 12)) == b""
    assert features.features(lesion(1, 48, 63)) == b""
    assert features.features(lesion(1, 48, 64)) != b""


def test_low_detail_never_chains() -> None:
    noise = np.random.default_rng(3)
    plain = [np.full((240, 320, 3), 150, np.float32) + noise.normal(0, 1.5, (240, 320, 1)) for _ in range(12)]
    pictures = [picture.clip(0, 255).astype(np.uint8) for picture in plain]
    pictures += [vignette(picture) for picture in pictures]
    packed = [features.features(picture) for picture in pictures]
    for _, ends in neighbours.Asked(packed).neighbours():
        for i, j, _ in ends:
            # A picture and its own vignette may be told; two different ones never.
            assert i % 12 == j % 12 or not one_picture(pictures[i], pictures[j])


def pairs(packed: list[bytes], asking: list[bytes] | None = None) -> set[tuple[int, int]]:
    return {(i, j) for _, ends in neighbours.Asked(packed).neighbours(asking) for i, j, _ in ends}


def test_copies_are_candidates_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    originals = [features.features(lesion(seed)) for seed in range(30)]
    copies = [features.features(CHANGES["mirror, rotation, JPEG"](lesion(seed))) for seed in range(30)]
    packed = originals + copies
    found = pairs(packed)
    assert {(number, number + 30) for number in range(30)} <= found
    assert all(i < j for i, j in found)
    assert pairs(packed) == found
    assert {(number, number) for number in range(30)} <= pairs(originals, copies) & pairs(copies, originals)
    # The size of a batch changes nothing, and a picture without places is passed over.
    monkeypatch.setattr(neighbours, "_AT_ONCE", 7)
    assert pairs(packed) == found
    assert pairs([*packed, b""]) == found
    assert pairs([]) == pairs([b"", b""]) == pairs([], packed) == pairs(packed, []) == pairs(packed, [b""]) == set()


def test_features_are_small_and_the_same_each_time() -> None:
    pixels = lesion(9)
    once = features.features(pixels)
    assert once == features.features(np.asfortranarray(pixels))
    assert 1000 < len(once) <= 96 * 36
