"""Hashes propose, the second look confirms: exact pairs, and real copies told from real look-alikes."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from curate.images import codec, fingerprint

AGREES = 0.88


def agreement(first: codec.Pixels, second: codec.Pixels) -> float:
    return fingerprint.agreement(fingerprint.small(first), fingerprint.small(second))


def lesion(seed: int, height: int = 300, width: int = 400) -> codec.Pixels:
    noise = np.random.default_rng(seed)
    rough = cv2.resize(noise.normal(0, 1, (24, 32)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:height, :width]
    spot = np.exp(-(((x - width / 2) / (width / 4)) ** 2 + ((y - height / 2) / (height / 4)) ** 2))
    pixels = np.array([215, 175, 150]) - (spot * 110)[..., None] + (rough * 12)[..., None]
    return pixels.clip(0, 255).astype(np.uint8)


def test_hashes_are_those_of_imagehash() -> None:
    pixels = lesion(1)
    found = fingerprint.fingerprint(pixels)
    phash, dhash = (int(str(method(Image.fromarray(pixels))), 16) for method in (imagehash.phash, imagehash.dhash))
    assert max((found.phash ^ phash).bit_count(), (found.dhash ^ dhash).bit_count()) <= 2
    small = cv2.resize(pixels, (40, 30), interpolation=cv2.INTER_AREA)
    assert fingerprint.fingerprint(small).phash == int(str(imagehash.phash(Image.fromarray(small))), 16)
    assert found.detail > 10
    assert fingerprint.fingerprint(np.full((50, 50, 3), 90, np.uint8)).detail == 0


@pytest.mark.real
def test_hashes_of_real_pictures_decoded_small_are_those_of_imagehash(real: Path) -> None:
    apart = []
    for path in sorted((real / "isic" / "images").glob("*/*.jpg"))[::3]:
        data = path.read_bytes()
        found = fingerprint.fingerprint(codec.decode(data, min_side=256).pixels)
        image = Image.open(path)
        apart.append((found.phash ^ int(str(imagehash.phash(image)), 16)).bit_count())
        apart.append((found.dhash ^ int(str(imagehash.dhash(image)), 16)).bit_count())
    assert len(apart) > 100
    assert np.quantile(apart, 0.98) <= 2
    assert max(apart) <= 4


@pytest.mark.parametrize("seed", range(5))
def test_one_photograph_agrees_with_its_copies_and_with_no_other(seed: int) -> None:
    pixels = lesion(seed)
    copies = {
        "the same": pixels,
        "smaller": codec.scale(pixels, 100),
        "square": cv2.resize(pixels, (256, 256), interpolation=cv2.INTER_AREA),
        "JPEG 60": codec.decode(codec.encode(pixels, "JPEG", 60)).pixels,
        "darker": (pixels * 0.8).astype(np.uint8),
        "contrast": (pixels.astype(float) * 1.2 - 30).clip(0, 255).astype(np.uint8),
        "colour": (pixels * np.array([1, 0.9, 1.05])).clip(0, 255).astype(np.uint8),
    }
    for name, copy in copies.items():
        assert agreement(pixels, copy) > 0.95, name
        assert agreement(copy, pixels) == pytest.approx(agreement(pixels, copy))
    assert agreement(pixels, pixels) == pytest.approx(1)
    assert agreement(pixels, lesion(seed + 100)) < 0.8
    assert agreement(pixels, pixels[::-1]) < 0.8
    assert agreement(pixels, 255 - pixels) < 0


def test_nothing_to_compare_agrees_with_nothing() -> None:
    plain = np.full((80, 80, 3), 120, np.uint8)
    assert agreement(plain, plain) == 0
    assert agreement(plain, lesion(1)) == 0


@pytest.mark.real
def test_real_copies_are_confirmed_and_real_look_alikes_are_not(real: Path) -> None:
    folder = real / "isic"

    @cache
    def seen(name: str) -> codec.Pixels:
        return codec.scale(codec.decode((folder / name).read_bytes(), min_side=256).pixels, 256)

    rows = list(csv.DictReader((folder / "duplicates/observed_image_pairs.csv").open()))
    one, other = [], []
    for row in rows:
        verdict = row["verdict_by_eye_or_construction"]
        score = agreement(seen(row["file_a"]), seen(row["file_b"]))
        if verdict.startswith("same photograph"):
            one.append(score)
        elif verdict.startswith("different"):
            other.append(score)
    assert (len(one), len(other)) == (119, 3)
    assert min(one) > AGREES > 0.87 > max(other)
    assert sum(score > 0.92 for score in one) >= 118
