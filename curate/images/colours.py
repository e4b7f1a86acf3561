"""What the numbers of a picture mean where that is not sRGB: an ICC profile, or what a PNG says of itself; and sRGB."""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_ALIKE = 2  # levels: the profiles that are called sRGB round its curve each in its own way
_GAMMA = 1 / 2.2  # what PNG's gAMA says of sRGB (PNG, third edition, 11.3.2.2)
_GAMMA_ALIKE = 0.005  # 0.45 is written too; it moves no level by more than one
_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x and y of white, red, green, blue; BT.709
_PRIMARIES_ALIKE = 0.001
_BAND = 1 << 20  # pixels that are floating point at a time
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # ICC.1, E

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stated:
    """What a PNG's gAMA and cHRM say.

    Light is the sample to the power `exponent` (None: by the curve of sRGB); `matrix` (3, 3) takes it to light of sRGB.
    """

    exponent: float | None
    matrix: Matrix


Meaning = bytes | Stated | None
"""An ICC profile, or what a PNG states; None where the numbers are sRGB."""


def meaning(image: Image.Image) -> Meaning:
    """Return by what the colours of an opened picture are to be brought to sRGB; None where nothing is to be done.

    A profile is sRGB when its colours are, whatever it is called; one that is broken, or made for another colour model,
    is ignored as every viewer does. To be asked before the pixels are loaded: what stands behind them in a PNG does
    not count. Of a PNG's chunks iCCP counts before sRGB, and that before gAMA and cHRM; cICP is not read.
    """
    profile = image.info.get("icc_profile")
    if profile:
        mode = image.mode if image.mode == "CMYK" else Image.getmodebase(image.mode)
        return profile if _shows_otherwise(bytes(profile), mode) else None
    if image.format != "PNG" or "srgb" in image.info:
        return None
    gamma = float(image.info.get("gamma", 0))
    exponent = 1 / gamma if gamma else None
    matrix = _to_srgb(tuple(image.info.get("chromaticity", ())))
    if matrix is None:
        plain = exponent is None or abs(gamma - _GAMMA) <= _GAMMA_ALIKE
        return None if plain else Stated(exponent, np.eye(3))
    return Stated(exponent, matrix)


def as_srgb(image: Image.Image, means: Meaning) -> Image.Image:
    """Return the picture (L, RGB or CMYK) in sRGB, as RGB; the very same one where its numbers are sRGB already."""
    if means is None:
        return image
    if isinstance(means, bytes):
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(means))
            # What Little CMS would make quick for grey is a table with few steps where it is dark.
            flags = ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.NONE
            return ImageCms.profileToProfile(image, given, _SRGB, outputMode="RGB", flags=flags) or image
        except (ImageCms.PyCMSError, OSError, ValueError):  # its transform could be made, and not for this picture
            return image
    return Image.fromarray(_restated(np.asarray(image.convert("RGB")), means))


@functools.lru_cache(maxsize=4)  # the pictures of a source have one profile, or few; each can have megabytes
def _shows_otherwise(profile: bytes, mode: str) -> bool:
    """Whether a profile can be applied to pictures of this mode, and shows them otherwise than sRGB does."""
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        relative = ImageCms.Intent.RELATIVE_COLORIMETRIC  # what a profile makes of its own gamut, and no taste
        exact = ImageCms.Flags.NOOPTIMIZE
        transform = ImageCms.buildTransform(given, _SRGB, mode, "RGB", renderingIntent=relative, flags=exact)
        if mode not in ("L", "RGB"):
            return True
        sample = _sample().convert(mode)
        shown = ImageCms.applyTransform(sample, transform)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return False
    if shown is None:
        return False
    before, after = (np.asarray(each.convert("RGB")).astype(int) for each in (sample, shown))
    return int(np.abs(after - before).max()) > _ALIKE


@functools.lru_cache(maxsize=1)
def _sample() -> Image.Image:
    """Return every grey, and colours from the whole cube."""
    steps = np.linspace(0, 255, 9).round()
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    greys = np.repeat(np.arange(256)[:, None], 3, axis=1)
    return Image.fromarray(np.concatenate([cube, greys]).astype(np.uint8)[None])


def _restated(pixels: npt.NDArray[np.uint8], stated: Stated) -> npt.NDArray[np.uint8]:
    levels = np.arange(256) / 255
    curve = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)  # IEC 61966-2-1
    light = curve if stated.exponent is None else levels**stated.exponent
    table = light.astype(np.float32)
    made = np.empty_like(pixels)
    rows = max(1, _BAND // pixels.shape[1])
    for start in range(0, len(pixels), rows):
        linear = cv2.transform(table[pixels[start : start + rows]], stated.matrix).clip(0, 1)
        shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
        made[start : start + rows] = (shown * 255).round()
    return made


def _to_srgb(primaries: tuple[float, ...]) -> Matrix | None:
    """Return the matrix from linear light in these primaries to that in sRGB; None where they are sRGB's, or none."""
    if len(primaries) != 8 or np.abs(np.subtract(primaries, _PRIMARIES)).max() <= _PRIMARIES_ALIKE:
        return None
    if min(primaries[1::2]) <= 0:
        return None
    try:
        with np.errstate(all="ignore"):
            ours, theirs = _to_xyz(_PRIMARIES), _to_xyz(primaries)
            cones = (_BRADFORD @ ours).sum(axis=1) / (_BRADFORD @ theirs).sum(axis=1)  # of both whites: white stays so
            made: Matrix = np.linalg.inv(_BRADFORD @ ours) @ np.diag(cones) @ _BRADFORD @ theirs
    except np.linalg.LinAlgError:  # three primaries that span no colours
        return None
    return made if np.isfinite(made).all() else None


def _to_xyz(primaries: tuple[float, ...]) -> Matrix:
    x, y = np.reshape(primaries, (4, 2)).T
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    made: Matrix = xyz[:, 1:] * np.linalg.solve(xyz[:, 1:], xyz[:, 0])
    return made
