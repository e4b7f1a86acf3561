"""Draws lesions: skin of every tone, and a lesion whose shape, colours and texture follow its kind.

The drawings teach nothing about medicine. They are made so that a small network can learn the three categories from
them, so that two lesions never look like copies of one, and so that two pictures of one lesion still differ.
Only sums, products, comparisons and square roots touch the pixels: the same words give the same bytes anywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from curate.demo.noise import Plane, axes, flip, generator, ramp, smooth
from curate.demo.skin import SKIN, Canvas, Colour, Pixels, add_ink, add_props, colour, finish, texture

Style = Literal["pigmented", "waxy", "vascular", "firm", "rough", "scaly", "chaotic", "eroded"]

STYLES: dict[str, Style] = {
    "actinic_keratosis": "scaly",
    "angiokeratoma": "vascular",
    "angiosarcoma": "eroded",
    "basal_cell_carcinoma": "eroded",
    "benign_keratosis": "waxy",
    "bowen_disease": "eroded",
    "dermatofibroma": "firm",
    "epidermal_cyst": "firm",
    "hemangioma": "vascular",
    "kaposi_sarcoma": "eroded",
    "keratoacanthoma": "eroded",
    "lentigo": "waxy",
    "melanocytic_nevus": "pigmented",
    "melanoma": "chaotic",
    "merkel_cell_carcinoma": "eroded",
    "neurofibroma": "firm",
    "pyogenic_granuloma": "vascular",
    "seborrheic_keratosis": "waxy",
    "squamous_cell_carcinoma": "eroded",
    "vascular_lesion": "vascular",
    "wart": "rough",
}
"""How each subtype that the demo draws looks; what is not named here is drawn as a pigmented mole."""


@dataclass(frozen=True)
class Look:
    """What makes one style: the colours are mixed over the lesion, the numbers are shares of its radius or of 1."""

    colours: tuple[Colour, ...]
    blend: float  # 0: the colours themselves, 1: only skin
    ragged: float  # how far the border wanders, in radii
    lopsided: float  # how far one half differs from the other
    edge: float  # width of the border's fade, in radii
    stretch: tuple[float, float]  # shorter axis over longer axis


LOOKS: dict[Style, Look] = {
    "pigmented": Look(((122, 78, 50), (140, 92, 60)), 0.12, 0.10, 0.0, 0.30, (0.72, 1.0)),
    "waxy": Look(((168, 126, 82), (120, 98, 78)), 0.10, 0.16, 0.0, 0.10, (0.66, 1.0)),
    "vascular": Look(((168, 36, 52), (128, 30, 74)), 0.08, 0.14, 0.0, 0.12, (0.75, 1.0)),
    "firm": Look(((206, 150, 128), (176, 120, 96)), 0.25, 0.06, 0.0, 0.45, (0.8, 1.0)),
    "rough": Look(((216, 186, 150), (190, 152, 122)), 0.20, 0.20, 0.0, 0.14, (0.7, 1.0)),
    "scaly": Look(((214, 104, 92), (224, 128, 104)), 0.22, 0.42, 0.2, 0.55, (0.5, 0.9)),
    "chaotic": Look(((44, 28, 26), (96, 54, 36), (84, 92, 118), (150, 66, 58)), 0.0, 0.62, 0.9, 0.10, (0.5, 0.8)),
    "eroded": Look(((214, 136, 132), (178, 74, 70), (104, 96, 116)), 0.04, 0.42, 0.5, 0.16, (0.55, 0.9)),
}


def draw(
    subtype: str,
    *,
    lesion: str,
    view: str,
    width: int,
    height: int,
    clinical: bool = False,
    skin: float | None = None,
) -> Pixels:
    """Return one photograph of one lesion; see `draw_outlined`.

    >>> draw("melanoma", lesion="a", view="1", width=40, height=30).shape
    (30, 40, 3)
    """
    return draw_outlined(subtype, lesion=lesion, view=view, width=width, height=height, clinical=clinical, skin=skin)[0]


def has_ink(lesion: str, view: str) -> bool:
    """Tell whether somebody wrote beside this lesion with a pen: on one photograph in eight, whatever it shows."""
    return bool(generator(f"ink/{lesion}/{view}").random() < 1 / 8)


def draw_outlined(
    subtype: str,
    *,
    lesion: str,
    view: str,
    width: int,
    height: int,
    clinical: bool = False,
    skin: float | None = None,
) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """Return uint8 (`height`, `width`, 3) sRGB, one photograph of one lesion, and bool (`height`, `width`), its mask.

    `lesion` names the lesion (its shape, colours and skin), `view` the photograph of it (place, scale, light, hair).
    `clinical` draws it smaller, with creases of the skin and now and then the edge of the body instead of a vignette.
    `skin` is the skin's tone from 0 (very light) to 1 (very dark); None lets the lesion's name choose.
    """
    own, seen = generator(f"lesion/{lesion}"), generator(f"view/{lesion}/{view}")
    style = STYLES.get(subtype, "pigmented")
    look = LOOKS[style]
    tone = own.random() ** 1.6 if skin is None else skin
    ground = colour(tone)
    canvas = texture(own, seen, ground, width, height, clinical)
    distance, noise = _distance(own, seen, look, width, height, clinical)
    cover = ramp((1.0 - distance) / np.float32(look.edge))
    body = _body(own, seen, style, look, ground, distance, noise, width, height)
    canvas += (body - canvas) * cover[:, :, None]
    _details(own, seen, style, canvas, distance, noise)
    add_props(seen, canvas, tone, clinical)
    if has_ink(lesion, view):
        add_ink(generator(f"pen/{lesion}/{view}"), canvas)
    return finish(seen, canvas, clinical), distance < 1


def _distance(
    own: np.random.Generator, seen: np.random.Generator, look: Look, width: int, height: int, clinical: bool
) -> tuple[Plane, Plane]:
    """Return how far each pixel is from the lesion's centre (1 on its border) and the noise that shapes it."""
    x, y = axes(width, height)
    radius = (0.16 + 0.17 * own.random()) * (0.8 + 0.45 * seen.random()) * (1.0 if clinical else 1.15)
    aspect = width / height
    cx = (seen.random() - 0.5) * (0.46 if clinical else 0.34) * aspect
    cy = (seen.random() - 0.5) * (0.46 if clinical else 0.34)
    turn = own.random() * math.pi + seen.random() * 0.9
    stretch = look.stretch[0] + own.random() * (look.stretch[1] - look.stretch[0])
    along, across = np.float32(math.cos(turn)), np.float32(math.sin(turn))
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    u = (dx * along + dy * across) / np.float32(radius)
    v = (dy * along - dx * across) / np.float32(radius * stretch)
    coarse = flip(seen, smooth(own, height, width, 5))
    noise = coarse * np.float32(0.7) + flip(seen, smooth(own, height, width, 13)) * np.float32(0.45)
    v = v * (1 + np.float32(look.lopsided * 0.5) * np.clip(u, -1, 1))
    distance: Plane = np.sqrt(u * u + v * v) + noise * np.float32(look.ragged)
    return distance, noise


def _body(
    own: np.random.Generator,
    seen: np.random.Generator,
    style: Style,
    look: Look,
    ground: Colour,
    distance: Plane,
    noise: Plane,
    width: int,
    height: int,
) -> Canvas:
    order = [int(number) for number in own.permutation(len(look.colours))]
    shade = 0.85 + 0.3 * own.random()
    # On dark skin everything pigmented is darker; scars, scales and blood vessels are less so.
    dark = 0.55 + 0.45 * sum(ground) / sum(SKIN[0])
    chosen = [tuple(part * shade * dark for part in look.colours[number]) for number in order]
    body = np.empty((height, width, 3), np.float32)
    body[:] = np.asarray(chosen[0], np.float32)
    for number, other in enumerate(chosen[1:]):
        field = flip(seen, smooth(own, height, width, 4 + 3 * number)) * np.float32(1.8 if len(chosen) > 2 else 0.9)
        share = ramp(field * (3 if style in ("chaotic", "eroded") else 1) + np.float32(0.35))
        body += (np.asarray(other, np.float32) - body) * share[:, :, None]
    if style == "firm":
        body += (ramp((np.float32(0.55) - distance) * 3) * 34)[:, :, None]
    if look.blend:
        body += (np.asarray(ground, np.float32) - body) * np.float32(look.blend)
    body += (noise * 9)[:, :, None]
    return body


def _details(
    own: np.random.Generator,
    seen: np.random.Generator,
    style: Style,
    canvas: Canvas,
    distance: Plane,
    noise: Plane,
) -> None:
    height, width = distance.shape
    fine = smooth(own, height, width, max(6, height // 6))
    if style == "pigmented":
        # The net of a mole: thin dark lines between lighter holes, fading to the border.
        net = np.maximum(np.float32(0.12) - np.abs(fine), 0) * ramp((1 - distance) * 2)
        canvas -= (net * 260)[:, :, None]
    elif style == "waxy":
        _spots(own, canvas, distance, 0.85, 14, 0.045, (58.0, 52.0, 40.0))
        canvas -= (ramp(fine * 4 - 1) * ramp((1 - distance) * 6) * 26)[:, :, None]
    elif style == "vascular":
        canvas[:, :, 0] += ramp(fine * 5) * ramp((1 - distance) * 5) * 46
    elif style == "rough":
        _spots(own, canvas, distance, 0.9, 18, 0.022, (-100.0, -90.0, -80.0))
        canvas += (fine * ramp((1 - distance) * 5) * 30)[:, :, None]
    elif style == "scaly":
        # Flakes of pale scale over a red patch.
        flake = ramp(fine * 5 - np.float32(1.1)) * ramp((np.float32(1.1) - distance) * 3)
        canvas += flake[:, :, None] * np.asarray((62, 84, 66), np.float32)
    elif style == "chaotic":
        _spots(own, canvas, distance, 1.2, 16, 0.03, (-70.0, -58.0, -44.0))
        veil = ramp(flip(seen, smooth(own, height, width, 4)) * 5 - np.float32(1.2)) * ramp((1 - distance) * 5)
        canvas += veil[:, :, None] * np.asarray((26, 44, 66), np.float32)
    elif style == "eroded":
        centre = ramp((np.float32(0.5) - distance + noise * np.float32(0.3)) * 4)
        canvas += centre[:, :, None] * np.asarray((-66, -70, -58), np.float32)
        _spots(own, canvas, distance, 0.95, 9, 0.05, (-84.0, -52.0, -22.0))
        vessel = np.maximum(np.float32(0.05) - np.abs(fine), 0) * ramp((np.float32(1.25) - distance) * 4)
        canvas += vessel[:, :, None] * np.asarray((200, -1100, -950), np.float32)


def _spots(
    own: np.random.Generator,
    canvas: Canvas,
    distance: Plane,
    reach: float,
    count: int,
    size: float,
    change: Colour,
) -> None:
    """Add round spots inside the lesion: each touches only the square around it."""
    height, width = distance.shape
    change_by = np.asarray(change, np.float32)
    for _ in range(count * 3):
        x, y = int(own.random() * width), int(own.random() * height)
        radius = max(1.5, size * height * (0.5 + own.random()))
        if distance[y, x] > reach:
            continue
        side = int(radius) + 1
        top, left = max(0, y - side), max(0, x - side)
        rows = np.arange(top, min(height, y + side + 1), dtype=np.float32)[:, None] - np.float32(y)
        columns = np.arange(left, min(width, x + side + 1), dtype=np.float32)[None, :] - np.float32(x)
        inside: Plane = (1 - (rows * rows + columns * columns) / np.float32(radius * radius)).astype(np.float32)
        spot = ramp(inside * 2)
        canvas[top : y + side + 1, left : x + side + 1] += spot[:, :, None] * change_by
