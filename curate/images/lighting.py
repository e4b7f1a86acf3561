"""How evenly a lens and its lamp light the skin: what lies in the soft shade towards the rim is told from the rest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.floating]

_FALL = 2.0  # CIE L* below the middle from which skin lies in the shade; about 3 to 7 degrees of the angle (ITA)
_LEAST = 100  # pixels: of fewer no fall of light can be told
_ROUNDS = 4


def evenly_lit(light: Floats, skin: Mask) -> Mask:
    """Return the part of the skin, bool (h, w), that is not in a shade which deepens from the middle to the rim.

    `light` is CIE L*, float (h, w), `skin` bool (h, w). Fits L* = a + bx + cy - dr^4 by least squares over the skin,
    r from the middle of the picture to its corners, and leaves out where the last term is above 2; then anew on what is
    left, until nothing changes. A slope from one side to the other is in the middle term and leaves nothing out: half
    of it is lighter than the skin, half darker. Empty where no more than 100 pixels are left.
    """
    height, width = light.shape
    y, x = np.mgrid[:height, :width]
    half = np.hypot(height, width) / 2
    x, y = (x - (width - 1) / 2) / half, (y - (height - 1) / 2) / half
    far = (x**2 + y**2) ** 2
    terms = np.stack([np.ones_like(far), x, y, far], axis=-1)
    even = skin
    for _ in range(_ROUNDS):
        if np.count_nonzero(even) < _LEAST:
            return np.zeros_like(skin)
        fall = -np.linalg.lstsq(terms[even], light[even].astype(np.float64), rcond=None)[0][3]
        left = skin & (fall * far <= _FALL)
        if np.array_equal(left, even):
            break
        even = left
    return even
