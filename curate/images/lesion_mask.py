"""The mask of a lesion as a source draws it: a picture that is light where the lesion is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.errors import UnreadablePicture
from curate.images.codec import Pixels

_APART = (
    0.02  # by which the proportions of a mask may differ from its picture's, since both were scaled to whole pixels
)


def lesion_mask(pixels: Pixels, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Return the mask, bool (h, w), from its decoded pixels, uint8 (h, w, 3), for a picture of that (height, width).

    Raises UnreadablePicture for a mask of other proportions, and for one that is light all over or nowhere.
    """
    (height, width), (tall, wide) = pixels.shape[:2], shape[:2]
    if abs((width / height) / (wide / tall) - 1) > _APART:
        raise UnreadablePicture(
            "the mask is not of this picture",
            expected=f"the proportions of {wide} x {tall}",
            found=f"{width} x {height}",
        )
    mask = np.asarray(pixels[..., 0] > 127, dtype=np.bool_)
    if mask.all() or not mask.any():
        raise UnreadablePicture(
            "the mask tells no lesion from skin", expected="both light and dark", found="one of them only"
        )
    return mask
