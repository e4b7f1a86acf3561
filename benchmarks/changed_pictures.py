"""What programs and people do to a picture before it turns up a second time: each change, and two or three together.

Each change takes uint8 (h, w, 3) and a generator, and gives uint8. Draws are seeded by the name of the original and of
the change, so that the same original always gets the same copies.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
Change = Callable[[Pixels, np.random.Generator], Pixels]


def seeded(*words: str) -> np.random.Generator:
    """Return the generator of these words."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256("\n".join(words).encode()).digest()[:8], "big"))


def _smaller(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    share = min(1.0, 128 / max(height, width))
    size = (max(1, round(width * share)), max(1, round(height * share)))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _half(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    return np.asarray(Image.fromarray(pixels).resize((max(64, width // 2), max(64, height // 2))))


def _jpeg(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=30)
    return np.asarray(Image.open(data).convert("RGB"))


def _clipped(values: npt.NDArray[np.float64]) -> Pixels:
    return values.round().clip(0, 255).astype(np.uint8)


def _brightness(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return _clipped(pixels * draw.choice([0.6, 0.75, 1.2, 1.3]))


def _contrast(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    mean = pixels.mean()
    return _clipped((pixels - mean) * draw.choice([0.6, 0.75, 1.3, 1.5]) + mean)


def _cast(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return _clipped(pixels * draw.uniform(0.75, 1.2, 3))


def _aspect(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    # 4:3 made square, and square made 4:3, are what data sets do.
    size = (height, height) if width > height else (width, round(width * 3 / 4))
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def _cut(pixels: Pixels, share: float, draw: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    side = math.sqrt(share)
    tall, wide = round(height * side), round(width * side)
    top, left = int(draw.integers(0, height - tall + 1)), int(draw.integers(0, width - wide + 1))
    return pixels[top : top + tall, left : left + wide]


def _crop_tenth(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return _cut(pixels, 0.81, draw)


def _crop_half(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return _cut(pixels, 0.5, draw)


def _turned(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    angle = float(draw.uniform(5, 355))
    height, width = pixels.shape[:2]
    spin = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), angle, 1.0)
    wide = round(height * abs(spin[0, 1]) + width * abs(spin[0, 0]))
    tall = round(height * abs(spin[0, 0]) + width * abs(spin[0, 1]))
    spin[:, 2] += ((wide - width) / 2, (tall - height) / 2)
    return np.asarray(cv2.warpAffine(pixels, spin, (wide, tall), flags=cv2.INTER_CUBIC), np.uint8)


def _quarter(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, int(draw.integers(1, 4))))


def _mirrored(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1] if draw.integers(2) else pixels[::-1])


def _bordered(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    wide = max(2, round(min(pixels.shape[:2]) * 0.12))
    grey = int(draw.choice([0, 128, 255]))
    return np.pad(pixels, ((wide, wide), (wide, wide), (0, 0)), constant_values=grey)


def _vignette(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    away = np.hypot(x - width / 2, y - height / 2)
    edge = min(height, width) / 2
    return _clipped(pixels * ((edge - away) / (edge * 0.06) + 0.5).clip(0, 1)[..., None])


def _ruler(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    out = pixels.copy()
    height, width = out.shape[:2]
    tall = max(8, height // 8)
    out[height - tall :] = 235
    step = max(3, width // 40)
    for number, x in enumerate(range(step, width, step)):
        out[height - tall : height - tall + (tall * (3 if number % 5 else 5)) // 8, x : x + max(1, width // 400)] = 20
    return out


def _text(pixels: Pixels, draw: np.random.Generator) -> Pixels:
    out = pixels.copy()
    height, width = out.shape[:2]
    size, thick = width / 400, max(1, width // 250)
    white = (255, 255, 255)
    words = f"case {int(draw.integers(1000)):03d}"
    cv2.putText(out, words, (width // 12, height // 6), cv2.FONT_HERSHEY_SIMPLEX, size * 1.3, white, thick, cv2.LINE_AA)
    cv2.putText(out, "(c) clinic", (width // 3, height * 5 // 6), cv2.FONT_HERSHEY_SIMPLEX, size, (20, 20, 20), thick)
    return out


CHANGES: dict[str, Change] = {
    "resized, long side 128": _smaller,
    "resized, half": _half,
    "JPEG quality 30": _jpeg,
    "brightness": _brightness,
    "contrast": _contrast,
    "colour cast": _cast,
    "aspect": _aspect,
    "crop to 81 % of the area": _crop_tenth,
    "crop to 50 % of the area": _crop_half,
    "rotation by any angle": _turned,
    "rotation by 90, 180, 270": _quarter,
    "mirror": _mirrored,
    "border": _bordered,
    "round vignette": _vignette,
    "ruler laid over": _ruler,
    "text laid over": _text,
}

# Geometry first and what a program does on saving last, as it happens.
_ORDER = ["mirror", "crop to 50 % of the area", "crop to 81 % of the area", "rotation by any angle",
          "rotation by 90, 180, 270", "aspect", "round vignette", "border", "brightness", "contrast", "colour cast",
          "resized, half", "resized, long side 128", "ruler laid over", "text laid over",
          "JPEG quality 30"]  # fmt: skip
_ALIKE = [{"resized, long side 128", "resized, half"}, {"crop to 81 % of the area", "crop to 50 % of the area"},
          {"rotation by any angle", "rotation by 90, 180, 270"}]  # fmt: skip

TOGETHER = {"two changes": 2, "three changes": 3}


def copies(name: str, pixels: Pixels, times: int = 2) -> Iterator[tuple[str, str, Pixels]]:
    """Yield (kind, what was done, copy): one of each change, and `times` draws of two and of three changes."""
    for kind, change in CHANGES.items():
        yield kind, kind, change(pixels, seeded(name, kind))
    for kind, count in TOGETHER.items():
        for number in range(times):
            draw = seeded(name, kind, str(number))
            while True:
                chosen = [_ORDER[place] for place in sorted(draw.choice(len(_ORDER), count, replace=False))]
                if all(len(pair & set(chosen)) < 2 for pair in _ALIKE):
                    break
            made = pixels
            for word in chosen:
                made = CHANGES[word](made, draw)
            yield kind, " + ".join(chosen), made
