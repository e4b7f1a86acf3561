"""What a network is told about its answers: the loss and the accuracy for any target, from logits.

A label may stand for several outputs (see `curate.ml.targets`): its probability is then the sum over theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from curate.ml.backend import Tensor, keras, tf

_NEVER = -1e9  # a logarithm of nothing that still has a gradient


class LabelLoss(keras.losses.Loss):  # type: ignore[misc]
    """Cross entropy of labels, int [b], with logits [b, outputs]; `members` is float [labels, outputs], 0 or 1.

    `smoothing`: that share of each label is spread evenly over the outputs (Szegedy et al., arXiv:1512.00567).
    `gamma` above 0 makes it the focal loss: times (1 - probability of the label) ^ gamma, so that what is answered well
    counts less (Lin et al., arXiv:1708.02002).
    """

    def __init__(self, members: npt.NDArray[np.float32], *, gamma: float = 0.0, smoothing: float = 0.0) -> None:
        """Keep what does not change."""
        super().__init__(name="label_loss")
        self._members, self._gamma, self._smoothing = members, gamma, smoothing

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """Return the loss of each picture, float32 [b]."""
        shares = tf.nn.log_softmax(tf.cast(y_pred, tf.float32))
        member = tf.gather(tf.constant(self._members), tf.cast(y_true, tf.int64))
        right = tf.reduce_logsumexp(shares + (1 - member) * _NEVER, axis=1)
        own = -right
        if self._gamma:
            own *= tf.maximum(1 - tf.exp(right), 1e-7) ** self._gamma
        if not self._smoothing:
            return own
        return (1 - self._smoothing) * own - self._smoothing * tf.reduce_mean(shares, axis=1)


def answered_right(members: npt.NDArray[np.float32]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a function of labels, int [b], and logits [b, outputs]: 1 where the answer is right, else 0, float32 [b].

    It is right where the likeliest output is the label, and for a label of several outputs where the label is the
    likeliest of that kind.
    """
    outputs = members.shape[1]

    def right(y_true: Tensor, y_pred: Tensor) -> Tensor:
        label = tf.cast(y_true, tf.int64)
        logits = tf.cast(y_pred, tf.float32)
        answer = tf.argmax(logits, axis=1)
        if len(members) > outputs:
            sums = tf.nn.softmax(logits) @ tf.constant(members[outputs:].T)
            answer = tf.where(label < outputs, answer, outputs + tf.argmax(sums, axis=1))
        return tf.cast(answer == label, tf.float32)

    return right
