"""Bytes to pixels: every colour model ends as upright 8-bit sRGB, and what is not whole is said to be not whole."""

from __future__ import annotations

import io
from pathlib import Path

import colour_kinds
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from curate.errors import UnreadablePicture
from curate.images import codec, header
from curate.records import Box


def drawn(height: int = 48, width: int = 64) -> codec.Pixels:
    y, x = np.mgrid[:height, :width]
    return np.stack([200 - x, 140 + y, 90 + (x + y) // 2], axis=-1).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel(kind: str) -> None:
    picture = codec.decode(saved(Image.fromarray(drawn()), kind))
    assert np.array_equal(picture.pixels, drawn())
    assert (picture.width, picture.height, picture.format, picture.mode) == (64, 48, kind, "RGB")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(drawn()), "PNG", exif=exif)
    turned = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p[::-1].swapaxes(0, 1),
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p[:, ::-1].swapaxes(0, 1),
    }[orientation](drawn())
    picture = codec.decode(data)
    assert np.array_equal(picture.pixels, turned)
    assert (picture.height, picture.width) == turned.shape[:2]


def test_other_colour_models() -> None:
    grey = drawn()[..., 0]
    same = np.repeat(grey[:, :, None], 3, axis=2)
    assert np.array_equal(codec.decode(saved(Image.fromarray(grey), "PNG")).pixels, same)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert np.array_equal(codec.decode(saved(deep, "PNG")).pixels, same)
    palette = Image.fromarray(drawn()).quantize(16)
    assert np.array_equal(codec.decode(saved(palette, "PNG")).pixels, np.asarray(palette.convert("RGB")))
    bits = Image.fromarray(grey > 150)
    assert set(np.unique(codec.decode(saved(bits, "BMP")).pixels)) == {0, 255}
    cmyk = Image.fromarray(drawn()).convert("CMYK")
    assert abs(codec.decode(saved(cmyk, "JPEG", quality=95)).pixels.astype(int) - drawn()).mean() < 3


def test_transparency_lies_on_white() -> None:
    seen = np.dstack([drawn(), np.full((48, 64), 255, np.uint8)])
    seen[:, 32:, 3] = 0
    pixels = codec.decode(saved(Image.fromarray(seen), "PNG")).pixels
    assert np.array_equal(pixels[:, :32], drawn()[:, :32])
    assert (pixels[:, 32:] == 255).all()


def test_a_colour_profile_is_applied_and_a_broken_one_ignored() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(codec.decode(saved(Image.fromarray(drawn()), "PNG", icc_profile=lab)).pixels, drawn())
    broken = saved(Image.fromarray(drawn()), "PNG", icc_profile=b"no profile at all" * 20)
    assert np.array_equal(codec.decode(broken).pixels, drawn())


def test_a_wide_gamut_is_brought_to_srgb() -> None:
    shown = colour_kinds.fields()
    wide = colour_kinds.to_adobe(shown)
    assert np.abs(wide.astype(int) - shown).max() > 20  # taken for sRGB it would show other colours
    found = codec.decode(saved(Image.fromarray(wide), "PNG", icc_profile=colour_kinds.adobe_rgb())).pixels
    assert np.abs(found.astype(int) - shown).max() <= 2


def test_a_profile_is_srgb_when_its_colours_are_whatever_it_is_called() -> None:
    every = np.arange(256, dtype=np.uint8)[:, None, None] * np.ones((1, 4, 3), np.uint8)
    for shown in (drawn(), every):
        for profile in (colour_kinds.srgb_by_another_name(), ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))):
            told = profile if isinstance(profile, bytes) else profile.tobytes()
            data = saved(Image.fromarray(shown), "PNG", icc_profile=told)
            assert np.array_equal(codec.decode(data).pixels, shown)
            assert header.is_plain(data)
    data = saved(Image.fromarray(drawn()), "PNG", icc_profile=colour_kinds.swapped())
    assert np.abs(codec.decode(data).pixels.astype(int) - drawn()[..., [1, 0, 2]]).max() <= 1
    assert not header.is_plain(data)


@pytest.mark.parametrize(
    ("gamma", "primaries"),
    [
        (0.45455, ()),
        (0.45, ()),
        (None, (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)),
        (0.45455, (0.31269, 0.32899, 0.63999, 0.33001, 0.3, 0.6, 0.15, 0.05999)),
        (0.0, ()),
        (0.45455, (0.3127, 0.0, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)),  # no colours at all
        (0.45455, (0.3127, 0.329, 0.3, 0.6, 0.3, 0.6, 0.3, 0.6)),
    ],
)
def test_what_a_png_says_of_srgb_changes_nothing(gamma: float | None, primaries: tuple[float, ...]) -> None:
    data = colour_kinds.png_that_says(drawn(), gamma, primaries)
    assert np.array_equal(codec.decode(data).pixels, drawn())
    assert header.is_plain(data)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 40_000), st.lists(st.floats(0, 40_000) | st.floats(0, 1), min_size=8, max_size=8))
def test_whatever_a_png_says_white_stays_white(gamma: float, primaries: list[float]) -> None:
    white = np.full((3, 5, 3), 255, np.uint8)
    found = codec.decode(colour_kinds.png_that_says(white, gamma, tuple(primaries))).pixels
    assert found.shape == white.shape
    if max(primaries) <= 1 and min(primaries) > 0.05 and np.linalg.cond(_ends(primaries)) < 100:
        assert (found >= 254).all()


def _ends(primaries: list[float]) -> np.ndarray:
    return np.vstack([np.reshape(primaries[2:], (3, 2)).T, np.ones(3)])


def test_a_large_picture_is_brought_to_srgb_band_by_band() -> None:
    light = np.tile(colour_kinds.linear(drawn()), (40, 30, 1))
    whole = codec.decode(colour_kinds.png_that_says(light, 1.0)).pixels
    one = codec.decode(colour_kinds.png_that_says(colour_kinds.linear(drawn()), 1.0)).pixels
    assert np.array_equal(whole, np.tile(one, (40, 30, 1)))
    assert np.abs(one.astype(int) - drawn()).max() <= 3


def test_a_jpeg_may_come_smaller_but_never_below_the_side_asked_for() -> None:
    data = codec.encode(drawn(600, 800), "JPEG", 90)
    for side, got in ((600, 600), (301, 600), (300, 300), (150, 150), (76, 150), (75, 75), (10, 75)):
        picture = codec.decode(data, min_side=side)
        assert min(picture.pixels.shape[:2]) == got
        assert (picture.width, picture.height) == (800, 600)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_min_side_holds_for_any_size(height: int, width: int, side: int) -> None:
    data = codec.encode(np.zeros((height, width, 3), np.uint8), "JPEG", 80)
    pixels = codec.decode(data, min_side=side).pixels
    assert min(pixels.shape[:2]) >= min(side, height, width)


@pytest.mark.parametrize(
    "data", [b"", b"PK\x03\x04 no picture", b"<!DOCTYPE html><html>", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadablePicture):
        codec.decode(data)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP"]), st.floats(0, 0.98))
def test_a_picture_cut_short_is_refused(kind: str, share: float) -> None:
    data = saved(Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 50, 3), np.uint8)), kind)
    with pytest.raises(UnreadablePicture):
        codec.decode(data[: int(len(data) * share)])


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "BMP", "TIFF", "GIF", "PPM"]), st.data())
def test_broken_bytes_raise_nothing_else(kind: str, data: st.DataObject) -> None:
    whole = bytearray(saved(Image.fromarray(drawn(16, 16)), kind))
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    try:
        picture = codec.decode(bytes(whole))
    except UnreadablePicture:
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape[2] == 3


def test_two_hundred_megapixels_are_too_many() -> None:
    huge = saved(Image.new("1", (20_000, 10_001)), "PNG")
    with pytest.raises(UnreadablePicture, match="too large"):
        codec.decode(huge)


def test_scale_crop_encode() -> None:
    assert codec.scale(drawn(), 24).shape == (24, 32, 3)
    assert codec.scale(drawn(), 100) is not None
    assert codec.scale(drawn(), 100).shape == (48, 64, 3)
    assert np.array_equal(codec.scale(np.full((90, 30, 3), 77, np.uint8), 10), np.full((30, 10, 3), 77))
    assert np.array_equal(codec.crop(drawn(), Box(3, 4, 5, 6)), drawn()[4:10, 3:8])
    for box in (Box(-1, 0, 5, 5), Box(60, 0, 5, 5), Box(0, 45, 5, 5), Box(0, 0, 0, 5)):
        with pytest.raises(ValueError, match="does not lie within"):
            codec.crop(drawn(), box)
    assert np.array_equal(codec.decode(codec.encode(drawn(), "PNG")).pixels, drawn())
    assert codec.encode(drawn(), "JPEG", 92) == codec.encode(drawn().copy(), "JPEG", 92)


@pytest.mark.real
def test_real_files_decode(real: Path) -> None:
    odd = codec.decode(
        (real / "isic/images/isic_archive_testdata/image_with_exif_including_orientation.jpg").read_bytes()
    )
    assert odd.pixels.shape[:2] == (odd.height, odd.width)
    mask = next((real / "ph2").rglob("*_lesion.bmp"))
    assert set(np.unique(codec.decode(mask.read_bytes()).pixels)) <= {0, 255}
