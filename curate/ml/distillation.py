"""A small model that learns from larger ones: their softened answers beside the label (Hinton, arXiv:1503.02531)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curate.ml.backend import Model, Tensor, keras, tf


def distiller(student: Model, teachers: Sequence[Model], *, alpha: float, temperature: float) -> Model:
    """Return a model to fit in the student's place; what is trained are the student's own weights.

    `student` and `teachers` give logits [b, classes] for pixels [b, side, side, 3], each at its own side. The loss is
    (1 - alpha) x cross entropy with the label + alpha x temperature^2 x KL divergence from the mean of the teachers'
    logits at that temperature; in evaluation it is the cross entropy alone.
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
            own = super().compute_loss(x, y, y_pred, sample_weight, training)
            if not training:
                return own
            said = tf.add_n([teacher(_sized(x, teacher), training=False) for teacher in masters]) / len(masters)
            soft = tf.stop_gradient(tf.nn.softmax(said / temperature))
            cross = tf.nn.softmax_cross_entropy_with_logits(soft, y_pred / temperature)
            entropy = tf.nn.softmax_cross_entropy_with_logits(soft, said / temperature)
            return (1 - alpha) * own + alpha * temperature**2 * tf.reduce_mean(cross - entropy)

    return Distiller()


def _sized(pixels: Tensor, model: Model) -> Tensor:
    side = model.input_shape[1]
    return pixels if pixels.shape[1] == side else tf.image.resize(pixels, (side, side), antialias=True)
