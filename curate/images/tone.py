"""Skin tone as the individual typology angle (ITA) of the skin around the lesion.

ITA = arctan2(L* - 50, b*) in degrees (Chardon et al. 1991), CIE Lab under D65. The two-argument arctangent, because
under bluish light b* falls below zero, where arctan((L* - 50) / b*) would call the lightest skin the darkest, and at
b* = 0 would have no value. A photograph has its own white balance and lighting, so this is weak evidence of a person's
skin tone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels
from curate.images.scene import Scene, scene

VERSION = 4  # raise it whenever the same picture would give another angle, share or confidence
NAME = "ita-median-lab-d65"
LEAST_CONFIDENCE = 0.25  # below it an angle has no class: a convention, since no truth says where to put it
METHOD = "ITA from the medians of L* and b* (CIE Lab, D65) of the skin around the lesion"


@dataclass(frozen=True)
class Bounds:
    """Published bounds of six classes: the class and the degrees it lies above, from light to dark, and who says so."""

    classes: tuple[tuple[str, float], ...]
    source: str

    def __str__(self) -> str:
        """Return them for eyes, with who published them, as they stand beside every table."""
        *named, (last, _) = ((name.replace("_", " "), above) for name, above in self.classes)
        classes = f"{', '.join(f'{name} above {above:g}°' for name, above in named)}, {last} below"
        return f"{classes} ({self.source}); unknown where the confidence is below {LEAST_CONFIDENCE:g}"


BOUNDS = {
    "del_bino_2006": Bounds(
        (
            ("very_light", 55.0),
            ("light", 41.0),
            ("intermediate", 28.0),
            ("tan", 10.0),
            ("brown", -30.0),
            ("dark", -np.inf),
        ),
        "Chardon et al. 1991, Int J Cosmet Sci 13:191-208, with brown and dark parted as by Del Bino et al. 2006, "
        "Pigment Cell Res 19:606-614",
    ),
    "kinyanjui_2020": Bounds(
        (
            ("very_light", 55.0),
            ("light", 41.0),
            ("intermediate", 28.0),
            ("light_tan", 19.0),
            ("dark_tan", 10.0),
            ("dark", -np.inf),
        ),
        "Kinyanjui et al. 2020, MICCAI, 320-329, as six types by Groh et al. 2021, CVPR Workshops, 1820-1828",
    ),
}
"""The bounds that a recipe can choose, by name."""

_LEAST_SHARE = 0.05  # of the picture
_LEAST_PIXELS = 400
_MOST_PIXELS = 10_000  # of them: a median of more is the same

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tone:
    """What the skin around a lesion looks like.

    `ita_deg` in degrees, None where too little skin is seen. `share` is the share of the picture's pixels that were
    used, 0..1. `confidence`, 0..1, falls with little skin, uneven skin, hues rare on skin, and the part of the place of
    skin that is without colour or in a soft shade. It says how much skin is seen, not how true its colour is: the light
    and the white balance, which err most, are not in it. `method` names the method and its version, and says where a
    mask told the lesion.
    """

    ita_deg: float | None
    share: float
    confidence: float
    method: str


def tone(pixels: Pixels, seen: Scene | None = None) -> Tone:
    """Estimate the tone of the skin in a picture, uint8 (h, w, 3); `seen` saves looking at the picture again."""
    seen = scene(pixels) if seen is None else seen
    method = f"{NAME}/{VERSION}{'+mask' if seen.masked else ''}"
    used = seen.pixels[seen.skin]
    share = float(seen.skin.mean())
    if share < _LEAST_SHARE or len(used) < _LEAST_PIXELS:
        return Tone(None, round(share, 4), 0.0, method)
    lab = to_lab(used[:: -(-len(used) // _MOST_PIXELS)])
    light, red, yellow = (float(value) for value in np.median(lab, axis=0))
    degrees = ita(light, yellow)
    uneven = float(np.median(np.abs(lab[:, 0] - light)))
    hue = float(np.degrees(np.arctan2(yellow, red)))
    likely = 1.0 if 20 <= hue <= 90 else 0.4
    told = share / (share + float(seen.untold.mean()))
    confidence = min(1.0, share / 0.3, told) * float(np.clip(1.3 - uneven / 10, 0.2, 1)) * likely
    return Tone(round(degrees, 3), round(share, 4), round(confidence, 3), method)


def ita(light: float, yellow: float) -> float:
    """Return the individual typology angle in degrees of CIE L* and b*.

    >>> round(ita(70, 15), 1)
    53.1
    """
    return float(np.degrees(np.arctan2(light - 50, yellow)))


def ita_class(degrees: float, bounds: Bounds = BOUNDS["del_bino_2006"]) -> str:
    """Name the class of an angle: the lightest whose bound it lies above."""
    return next(name for name, above in bounds.classes if degrees > above)


def to_lab(rgb: npt.NDArray[np.uint8]) -> Floats:
    """Convert sRGB, uint8 (..., 3), to CIE Lab under D65 (IEC 61966-2-1, CIE 15): float (..., 3)."""
    xyz = _LINEAR[rgb] @ _TO_XYZ.T / _WHITE
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


_LEVELS = np.arange(256) / 255
_LINEAR = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _TO_XYZ.sum(axis=1)  # sRGB white is D65, so white has a* = b* = 0 exactly
