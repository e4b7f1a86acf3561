"""Quantization-aware training: a run's model trained on a little while it computes as its int8 form will."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import TrainError
from curate.ml import dataset
from curate.ml.backend import Model, Tensor, keras, tf

RATE = 1e-5  # of Adam: the weights are there already and shall only find their place among the 256


def fine_tuned(learner: Model, shards: Path, *, target: str, side: int, batch: int, seed: int, epochs: int) -> None:
    """Train what `fake_quantization.aware` gave for `epochs` passes over the split train, augmented as in training,
    classes counting alike; its ranges stay. The same seed gives the same weights on the same machine.

    Raises TrainError where the loss is no number.
    """
    keras.utils.set_random_seed(seed)
    pictures = dataset.load(
        shards, "train", target=target, side=side, batch=batch, training=True, balance="weights", seed=seed
    )
    outputs = learner.output_shape[-1]

    def known(pixels: Tensor, labels: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # A label beyond the outputs says less than an output would (a category without its subtype): it counts nothing.
        return pixels, tf.minimum(labels, outputs - 1), tf.where(labels < outputs, weights, 0.0)

    learner.compile(
        optimizer=keras.optimizers.Adam(RATE, clipnorm=1.0), loss=keras.losses.SparseCategoricalCrossentropy()
    )
    with dataset.reading(shards):
        history: dict[str, Any] = learner.fit(pictures.map(known), epochs=epochs, shuffle=False, verbose=0).history
    loss = history["loss"][-1]
    if not math.isfinite(loss) or not all(np.isfinite(weight).all() for weight in learner.get_weights()):
        raise TrainError(
            "the loss became no number in quantization-aware training",
            expected="a finite loss",
            found=str(loss),
            done="no file was written for it",
            hint="leave the mode qat out: curate quantize RUN --mode int8",
        )
