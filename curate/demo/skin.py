"""Skin without a lesion: its tone and texture, and what lies on or around it: hair, a ruler, dark corners, light."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.demo.noise import axes, ramp, smooth

Pixels = npt.NDArray[np.uint8]
Canvas = npt.NDArray[np.float32]
"""(height, width, 3) of sRGB values that may go beyond 0..255 until the picture is finished."""
Colour = tuple[float, float, float]

# Skin as sRGB, from very light to very dark; a picture lies between two neighbours.
SKIN: tuple[Colour, ...] = (
    (234, 198, 174),
    (224, 182, 155),
    (211, 163, 132),
    (182, 132, 100),
    (140, 96, 70),
    (96, 64, 48),
)


PEN: Colour = (70, 50, 150)
"""The violet of a surgeon's pen, as sRGB."""


def colour(tone: float) -> Colour:
    """Return the sRGB of skin of that tone, from 0 (very light) to 1 (very dark)."""
    place = min(max(tone, 0.0), 1.0) * (len(SKIN) - 1)
    low = min(int(place), len(SKIN) - 2)
    share = place - low
    red, green, blue = (a + (b - a) * share for a, b in zip(SKIN[low], SKIN[low + 1], strict=True))
    return red, green, blue


def texture(
    own: np.random.Generator, seen: np.random.Generator, ground: Colour, width: int, height: int, clinical: bool
) -> Canvas:
    """Return skin of the colour `ground`: `own` makes what all views of a lesion share, `seen` what they do not."""
    mottle = smooth(own, height, width, 4) * 15 + smooth(seen, height, width, 6) * 8
    mottle += smooth(own, height, width, max(8, height // 9)) * (6 if clinical else 4)
    redness = smooth(seen, height, width, 3) * 7
    canvas = np.empty((height, width, 3), np.float32)
    for channel, share in enumerate((0.8, 1.0, 1.0)):
        canvas[:, :, channel] = np.float32(ground[channel]) + mottle * np.float32(share)
    canvas[:, :, 0] += redness
    if clinical:
        x, y = axes(width, height)
        slope = seen.random() * 2 - 1
        crease = np.abs((x * np.float32(slope) + y * 9 + smooth(seen, height, width, 5)) % 1 - np.float32(0.5))
        canvas -= (np.maximum(np.float32(0.08) - crease, 0) * 110)[:, :, None]
    return canvas


def add_props(seen: np.random.Generator, canvas: Canvas, tone: float, clinical: bool) -> None:
    """Hair, a ruler, the dark corners of a dermatoscope or the edge of the body: on some pictures."""
    height, width = canvas.shape[:2]
    if seen.random() < 0.35:
        for _ in range(int(seen.integers(3, 5 + height // 25))):
            _hair(seen, canvas, 26 + 30 * (1 - tone))
    if seen.random() < 0.12:
        _ruler(canvas, int(seen.integers(0, 2)))
    if clinical and seen.random() < 0.08:
        x, y = axes(width, height)
        beyond = x * np.float32(seen.random() - 0.5) + y - np.float32(0.3 + 0.12 * seen.random())
        canvas += (np.asarray((34, 40, 58), np.float32) - canvas) * ramp(beyond * 60)[:, :, None]
    if not clinical and seen.random() < 0.3:
        x, y = axes(width, height)
        reach = np.float32(0.58 + 0.2 * seen.random())
        canvas *= (1 - ramp((np.sqrt(x * x + y * y) - reach) * 12))[:, :, None]


def add_ink(pen: np.random.Generator, canvas: Canvas) -> None:
    """Draw three to five strokes of a violet pen along the edges, as surgeons mark what they will cut."""
    height, width = canvas.shape[:2]
    x, y = axes(width, height)
    thick, edge = np.float32(0.012), np.float32(width / height)
    for _ in range(int(pen.integers(3, 6))):
        middle, away = np.float32((pen.random() - 0.5) * 0.6), np.float32(0.40 + 0.05 * pen.random())
        away *= -1 if pen.random() < 0.5 else 1
        along, beside = (x, y - away) if pen.random() < 0.5 else (y, x - away * edge)
        beyond = np.maximum(np.abs(along - middle) - np.float32(0.09), 0)
        stroke = ramp((thick - np.maximum(np.abs(beside), beyond)) / thick * 2)
        canvas += (np.asarray(PEN, np.float32) - canvas) * stroke[:, :, None]


def _hair(seen: np.random.Generator, canvas: Canvas, shade: float) -> None:
    height, width = canvas.shape[:2]
    x0, y0, x1, y1, bend = (seen.random() for _ in range(5))
    steps = np.linspace(0, 1, 2 * (width + height) // 3, dtype=np.float32)
    bow = steps * (1 - steps) * np.float32((bend - 0.5) * 1.2)
    columns = ((np.float32(x0) + np.float32(x1 - x0) * steps + bow) * width).astype(np.int64)
    rows = ((np.float32(y0) + np.float32(y1 - y0) * steps - bow) * height).astype(np.int64)
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    thick = 2 if height >= 250 else 1
    for shift in range(thick):
        canvas[np.minimum(rows[inside] + shift, height - 1), columns[inside]] = np.asarray(
            (shade, shade * 0.8, shade * 0.7), np.float32
        )


def _ruler(canvas: Canvas, place: int) -> None:
    height, width = canvas.shape[:2]
    deep = max(6, height // 14)
    band = canvas[:deep] if place else canvas[height - deep :]
    band[:] = np.asarray((226, 228, 224), np.float32)
    pitch = max(4, width // 40)
    for number, x in enumerate(range(2, width, pitch)):
        long = deep if number % 5 == 0 else deep // 2
        tick = band[:long] if place else band[deep - long :]
        tick[:, x : x + 1] = 30


def finish(seen: np.random.Generator, canvas: Canvas, clinical: bool) -> Pixels:
    """Light the picture from one side, tint it, add the camera's noise; return it as uint8."""
    height, width = canvas.shape[:2]
    x, y = axes(width, height)
    lean_x, lean_y = seen.random() - 0.5, seen.random() - 0.5
    light = np.float32(0.92 + 0.16 * seen.random()) + (x * np.float32(lean_x) + y * np.float32(lean_y)) * np.float32(
        0.5 if clinical else 0.36
    )
    canvas *= light[:, :, None]
    tint = np.asarray([1 + (seen.random() - 0.5) * 0.08 for _ in range(3)], np.float32)
    canvas *= tint
    canvas += seen.integers(-4, 5, (height, width, 1), dtype=np.int8)
    return np.clip(canvas, 0, 255).astype(np.uint8)
