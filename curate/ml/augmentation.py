"""What another hand with another camera would have done to a picture: window, side, turn, light, colour; and what lies
over a lesion by chance: hairs, a ruler.

Each function takes one picture and `dice`, one whole number (int64): the same number does the same. `augment` is all of
them together.
"""

from __future__ import annotations

import math

from curate.ml.backend import Tensor, tf

LEAST_SIDE = 0.8  # of height and of width: what `view` leaves at least, since a lesion at the border counts too
SHRUNK = 1.5  # times the side that is wanted: what `view` shrinks a larger picture to, so that no pixel is passed over
MOST_LIGHT = 16.0  # levels of 255 by which `recolour` makes a picture lighter or darker
MOST_CONTRAST = 0.1  # share by which it moves the levels from or to the mean of their channel
MOST_TINT = 0.05  # share by which it multiplies a channel
HAIRS = 6  # strokes that `draw_hairs` draws at most
HAIR = 0.1  # share of the pictures that `augment` draws hairs on
RULER = 0.1  # and a ruler


def augment(pixels: Tensor, dice: Tensor, side: int, *, hair: float = HAIR, ruler: float = RULER) -> Tensor:
    """Return a picture as another hand would have taken it, uint8 [h, w, 3] to float32 [side, side, 3] in 0..255.

    A window of it at any angle, mirrored or not (`view`), recoloured a little (`recolour`); a share `hair` of the
    pictures with hairs over it, a share `ruler` with the marks of a ruler, whatever the lesion is, so that neither
    tells a class.
    """
    drawn = tf.random.stateless_uniform([2], _seed(dice, 3))
    image = recolour(view(pixels, dice, side), dice)
    if ruler > 0:
        image = tf.cond(drawn[0] < ruler, lambda: draw_ruler(image, dice), lambda: image)
    if hair > 0:
        bare = image
        image = tf.cond(drawn[1] < hair, lambda: draw_hairs(bare, dice), lambda: bare)
    return tf.ensure_shape(image, [side, side, 3])


def view(pixels: Tensor, dice: Tensor, side: int, least: float = LEAST_SIDE) -> Tensor:
    """Return a window of a picture, turned by any angle, mirrored or not: uint8 or float32 [h, w, 3] to float32
    [side, side, 3] in 0..255.

    Height and width of the window are drawn apart from each other, each from `least` (a share, above 0, at most 1) to
    the whole, so that the ratio of the sides varies too; then the place; then the angle, of all. What a turned window
    shows beyond the picture is the picture mirrored at its border: no black corner, which would tell that it was
    turned. All is one bilinear look-up, after the mean over area where the picture is more than twice the side.
    Raises ValueError for a `least` that is no such share.
    """
    if not 0 < least <= 1:
        raise ValueError(f"least must be above 0 and at most 1, not {least}")
    given = tf.shape(pixels)[:2]
    most = tf.cast(math.ceil(SHRUNK * side), tf.int32)
    small = tf.cond(
        tf.reduce_max(given) > 2 * side,
        lambda: tf.image.resize(pixels, tf.minimum(given, most), method="area"),
        lambda: tf.cast(pixels, tf.float32),
    )
    drawn = tf.random.stateless_uniform([7], _seed(dice, 0))
    whole = tf.cast(given, tf.float32)
    window = whole * (least + (1 - least) * drawn[:2])
    middle = (whole - window) * drawn[2:4] + window / 2
    angle = 2 * math.pi * drawn[4]
    cos, sin = tf.cos(angle), tf.sin(angle)
    steps = window / side * tf.where(drawn[5:7] < 0.5, -1.0, 1.0)  # pixels of the picture in one of the outcome
    scale = tf.cast(tf.shape(small)[:2], tf.float32) / whole
    # from (x, y) in the outcome to (x, y) in `small`, both counted from the middles of pixels
    a, b = scale[1] * cos * steps[1], -scale[1] * sin * steps[0]
    d, e = scale[0] * sin * steps[1], scale[0] * cos * steps[0]
    half = side / 2 - 0.5
    c = scale[1] * middle[1] - 0.5 - (a + b) * half
    f = scale[0] * middle[0] - 0.5 - (d + e) * half
    turned = tf.raw_ops.ImageProjectiveTransformV3(
        images=small[tf.newaxis],
        transforms=tf.stack([a, b, c, d, e, f, 0.0, 0.0])[tf.newaxis],
        output_shape=[side, side],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    return tf.ensure_shape(turned[0], [side, side, 3])


def recolour(pixels: Tensor, dice: Tensor) -> Tensor:
    """Return a picture in other light: uint8 or float32 [h, w, 3] in 0..255 to float32 [h, w, 3] in 0..255.

    Light is moved by up to `MOST_LIGHT` levels, contrast by up to `MOST_CONTRAST`, each channel by up to `MOST_TINT`.
    """
    drawn = tf.random.stateless_uniform([5], _seed(dice, 1))
    image = tf.cast(pixels, tf.float32)
    light = MOST_LIGHT * (2 * drawn[0] - 1)
    contrast = 1 + MOST_CONTRAST * (2 * drawn[1] - 1)
    tint = 1 + MOST_TINT * (2 * drawn[2:] - 1)
    shift = tf.reduce_mean(image, [0, 1]) * (1 - contrast) + light
    # ((x - mean) * contrast + mean + light) * tint, row by row, since three values spread over pixels are slow
    width = tf.shape(image)[1]
    rows = tf.reshape(image, [-1, 3 * width]) * tf.tile(contrast * tint, [width]) + tf.tile(shift * tint, [width])
    return tf.ensure_shape(tf.reshape(tf.clip_by_value(rows, 0.0, 255.0), tf.shape(image)), image.shape)


def draw_hairs(pixels: Tensor, dice: Tensor) -> Tensor:
    """Return a picture with 1 to `HAIRS` dark hairs over it: float32 [side, side, 3] to the same.

    Each is an arc at any angle, from nearly straight to bent, as wide as a hair is where the picture shows a lesion:
    0.4 to 1.2 hundredths of the side; none is darker than black.
    """
    side = tf.shape(pixels)[0]
    drawn = tf.random.stateless_uniform([8, HAIRS, 1, 1], _seed(dice, 4))
    along, across = _axes(side, 2 * math.pi * drawn[0], drawn[1] - 0.5, drawn[2] - 0.5)
    bend = 1.5 * (drawn[3] - 0.5)
    off = tf.abs(across - bend * along**2) / tf.sqrt(1 + (2 * bend * along) ** 2)
    width = 0.004 + 0.008 * drawn[4]
    there = tf.clip_by_value((width / 2 - off) * tf.cast(side, tf.float32) + 0.5, 0.0, 1.0)
    ends = tf.cast(tf.abs(along) < 0.2 + 0.5 * drawn[5], tf.float32)
    many = tf.cast(tf.range(HAIRS) <= tf.cast(HAIRS * drawn[6, 0, 0, 0], tf.int32), tf.float32)[:, None, None]
    cover = tf.reduce_max(there * ends * many * (0.6 + 0.4 * drawn[7]), 0)[..., tf.newaxis]
    return pixels * (1 - cover) + cover * tf.constant([38.0, 28.0, 22.0])


def draw_ruler(pixels: Tensor, dice: Tensor) -> Tensor:
    """Return a picture with the marks of a ruler along one of its edges: float32 [side, side, 3] to the same.

    The marks stand 0.04 to 0.1 of the side apart, every fifth one longer, at a small slant, dark or (one of four) pale.
    """
    side = tf.shape(pixels)[0]
    drawn = tf.random.stateless_uniform([6], _seed(dice, 5))
    quarter = tf.floor(4 * drawn[0]) * math.pi / 2
    along, across = _axes(side, quarter + 0.2 * (drawn[1] - 0.5), 0.0, 0.0)
    apart = 0.04 + 0.06 * drawn[2]
    place = along / apart + 5 * drawn[3]
    number = tf.round(place)
    long = tf.equal(tf.math.floormod(number, 5.0), 0.0)
    edge = 0.5 - 0.08 * drawn[4]  # where the marks begin, from the middle of the picture
    length = tf.where(long, 0.11, 0.06)
    share = tf.cast(side, tf.float32)
    off = tf.abs(place - number) * apart
    cover = tf.clip_by_value((0.004 - off) * share + 0.5, 0.0, 1.0)
    cover *= tf.cast((across < edge) & (across > edge - length), tf.float32) * 0.85
    level = tf.where(drawn[5] < 0.75, 35.0, 235.0)
    return pixels * (1 - cover[..., tf.newaxis]) + cover[..., tf.newaxis] * level


def _axes(side: Tensor, angle: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return how far along and across a line at `angle` through (x, y) each pixel lies, in sides of the picture."""
    steps = (tf.cast(tf.range(side), tf.float32) + 0.5) / tf.cast(side, tf.float32) - 0.5
    right, down = steps[tf.newaxis, :] - x, steps[:, tf.newaxis] - y
    return tf.cos(angle) * right + tf.sin(angle) * down, tf.cos(angle) * down - tf.sin(angle) * right


def _seed(dice: Tensor, use: int) -> Tensor:
    """Return a seed of its own for each use of one throw."""
    return tf.stack([tf.cast(dice, tf.int64), tf.constant(use, tf.int64)])
