"""What another hand with another camera would have done to a picture: window, side, turn, light and colour.

Each function takes one picture and `dice`, one whole number (int64): the same number does the same. Such numbers are
had from `tf.data.Dataset.random(seed=..., rerandomize_each_iteration=True)`, to be zipped with the pictures.
"""

from __future__ import annotations

from curate.ml.backend import Tensor, tf

LEAST_SIDE = 0.8  # of height and of width: what `crop` leaves at least, since a lesion at the border counts too
MOST_LIGHT = 16.0  # levels of 255 by which `augment` makes a picture lighter or darker
MOST_CONTRAST = 0.1  # share by which it moves the levels from or to the mean of their channel
MOST_TINT = 0.05  # share by which it multiplies a channel


def crop(pixels: Tensor, dice: Tensor, least: float = LEAST_SIDE) -> Tensor:
    """Return a window of a picture, uint8 or float32 [h, w, 3] to the same dtype [h', w', 3].

    Height and width are drawn apart from each other, each from `least` (a share, above 0, at most 1) to the whole, so
    that the ratio of the sides varies too; then the place. Raises ValueError for a `least` that is no such share.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least must be above 0 and at most 1, not {least}")
    whole = tf.cast(tf.shape(pixels)[:2], tf.float32)
    drawn = tf.random.stateless_uniform([2, 2], _seed(dice, 1))
    sides = tf.maximum(1.0, tf.round(whole * (least + (1 - least) * drawn[0])))
    start = tf.floor((whole - sides + 1) * drawn[1])
    begin, size = (tf.concat([tf.cast(each, tf.int32), [last]], 0) for each, last in ((start, 0), (sides, 3)))
    return tf.ensure_shape(tf.slice(pixels, begin, size), [None, None, 3])


def augment(pixels: Tensor, dice: Tensor) -> Tensor:
    """Return a square picture on another of its eight sides (turns by a quarter, mirrored or not) and recoloured a
    little, uint8 or float32 [side, side, 3] in 0..255 to float32 [side, side, 3] in 0..255.

    Light is moved by up to `MOST_LIGHT` levels, contrast by up to `MOST_CONTRAST`, each channel by up to `MOST_TINT`.
    """
    drawn = tf.random.stateless_uniform([8], _seed(dice, 0))
    mirrored = tf.raw_ops.Reverse(tensor=pixels, dims=tf.concat([drawn[:2] < 0.5, [False]], 0))
    turned = tf.cond(drawn[2] < 0.5, lambda: tf.transpose(mirrored, [1, 0, 2]), lambda: mirrored)
    image = tf.cast(turned, tf.float32)
    light = MOST_LIGHT * (2 * drawn[3] - 1)
    contrast = 1 + MOST_CONTRAST * (2 * drawn[4] - 1)
    tint = 1 + MOST_TINT * (2 * drawn[5:] - 1)
    shift = tf.reduce_mean(image, [0, 1]) * (1 - contrast) + light
    # ((x - mean) * contrast + mean + light) * tint, row by row, since three values spread over pixels are slow
    width = tf.shape(image)[1]
    rows = tf.reshape(image, [-1, 3 * width]) * tf.tile(contrast * tint, [width]) + tf.tile(shift * tint, [width])
    return tf.ensure_shape(tf.reshape(tf.clip_by_value(rows, 0.0, 255.0), tf.shape(image)), image.shape)


def _seed(dice: Tensor, use: int) -> Tensor:
    """Return a seed of its own for each use of one throw."""
    return tf.stack([tf.cast(dice, tf.int64), tf.constant(use, tf.int64)])
