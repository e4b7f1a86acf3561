"""A small model that learns from larger ones: their softened answers beside the label (Hinton, arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from curate.ml.backend import Model, Tensor, keras, tf
from curate.ml.losses import LabelLoss


class TaughtLoss(keras.losses.Loss):  # type: ignore[misc]
    """The loss of a student beside its teachers: labels, int [b], with logits [b, 1 + teachers, outputs], own first.

    (1 - alpha) x `own` + alpha x temperature^2 x KL divergence from the mean of the teachers' logits at that
    temperature. With `right`, a function as `losses.answered_right` gives it, only the teachers count that answer a
    picture right; where none does, the loss of that picture is `own` alone (an oracle chooses who teaches).
    """

    def __init__(
        self,
        own: LabelLoss,
        *,
        alpha: float,
        temperature: float,
        right: Callable[[Tensor, Tensor], Tensor] | None = None,
    ) -> None:
        """Keep what does not change."""
        super().__init__(name="taught_loss")
        self._own, self._alpha, self._temperature, self._right = own, alpha, temperature, right

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, float32 [b]."""
        given = tf.cast(y_pred, tf.float32)
        student, teachers = given[:, 0], tf.unstack(given[:, 1:], axis=1)
        if self._right is None:
            counts = [tf.ones_like(student[:, 0]) for _ in teachers]
        else:
            counts = [self._right(y_true, teacher) for teacher in teachers]
        together = tf.add_n(counts)
        word = (
            tf.add_n([teacher * count[:, tf.newaxis] for teacher, count in zip(teachers, counts, strict=True)])
            / tf.maximum(together, 1.0)[:, tf.newaxis]
        )
        soft = tf.nn.softmax(word / self._temperature)
        cross = tf.nn.softmax_cross_entropy_with_logits(soft, student / self._temperature)
        entropy = tf.nn.softmax_cross_entropy_with_logits(soft, word / self._temperature)
        share = self._alpha * tf.cast(together > 0, tf.float32)
        own = self._own.call(y_true, student)
        return (1 - share) * own + share * self._temperature**2 * (cross - entropy)


def distiller(student: Model, teachers: Sequence[Model], loss: TaughtLoss) -> Model:
    """Return a model to fit in the student's place; what is trained are the student's own weights.

    `student` and `teachers` give logits [b, outputs] for pixels [b, side, side, 3], each at its own side. In evaluation
    the loss is the one that it is compiled with.
    """
    for teacher in teachers:
        teacher.trainable = False
    masters = tuple(teachers)

    class Distiller(keras.Model):  # type: ignore[misc]
        """The student in training; the teachers stay outside, or Keras would count and save their weights too."""

        def __init__(self) -> None:
            super().__init__()
            self.student = student

        def call(self, pixels: Tensor, training: bool = False) -> Tensor:
            """Answer as the student does."""
            return self.student(pixels, training=training)

        def compute_loss(
            self,
            x: Tensor = None,
            y: Tensor = None,
            y_pred: Tensor = None,
            sample_weight: Tensor = None,
            training: bool = True,
        ) -> Any:
            """Return the loss of one batch."""
            if not training:
                return super().compute_loss(x, y, y_pred, sample_weight, training)
            said = [tf.cast(teacher(_sized(x, teacher), training=False), tf.float32) for teacher in masters]
            answers = tf.stack([tf.cast(y_pred, tf.float32), *map(tf.stop_gradient, said)], axis=1)
            return loss(y, answers, sample_weight)

    return Distiller()


def _sized(pixels: Tensor, model: Model) -> Tensor:
    side = model.input_shape[1]
    return pixels if pixels.shape[1] == side else tf.image.resize(pixels, (side, side), antialias=True)
