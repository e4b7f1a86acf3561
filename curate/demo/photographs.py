"""Photographs of drawn lesions, encoded in the forms in which sources hand them out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from curate.demo import bitmap
from curate.demo.lesion import draw
from curate.demo.skin import Pixels
from curate.images import codec

Form = Literal["jpeg", "half", "saved again", "cut short", "png", "png with alpha"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One photograph: what it shows, which lesion, which view of it, and how large, in pixels."""

    subtype: str
    lesion: str
    view: str
    width: int
    height: int
    clinical: bool = False
    skin: float | None = None

    @property
    def name(self) -> str:
        """The photograph's name: copies of it have the same."""
        return f"{self.lesion}/{self.view}"

    def side(self, form: Form) -> int:
        """Return the shorter side of the photograph in that form, in pixels."""
        side = min(self.width, self.height)
        return side // 2 if form == "half" else side

    def draw(self) -> Pixels:
        """Return the photograph, uint8 (height, width, 3) sRGB."""
        return draw(
            self.subtype,
            lesion=self.lesion,
            view=self.view,
            width=self.width,
            height=self.height,
            clinical=self.clinical,
            skin=self.skin,
        )


def develop(wanted: Mapping[Shot, Sequence[Form]]) -> dict[tuple[Shot, Form], bytes]:
    """Return each shot in each form wanted; every shot is drawn once, on all cores, and the order changes nothing."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        made = pool.map(_develop, wanted, wanted.values())
        return {(shot, form): data for shot, forms in zip(wanted, made, strict=True) for form, data in forms.items()}


def halve(pixels: Pixels) -> Pixels:
    """Return the picture at half its size: each pixel the mean of four; an odd last row or column is left away."""
    even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2].astype(np.uint16)
    four = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((four + 2) // 4).astype(np.uint8)


def _develop(shot: Shot, forms: Sequence[Form]) -> dict[Form, bytes]:
    pixels = shot.draw()
    return {form: _encode(pixels, form) for form in forms}


def _encode(pixels: Pixels, form: Form) -> bytes:
    if form == "png":
        return bitmap.png(pixels)
    if form == "png with alpha":
        return bitmap.png(bitmap.opaque(pixels))
    if form == "half":
        return codec.encode(halve(pixels), "JPEG", 90)
    if form == "saved again":
        return codec.encode(pixels, "JPEG", 78)
    whole = codec.encode(pixels, "JPEG", 90)
    return whole[: len(whole) * 2 // 3] if form == "cut short" else whole
