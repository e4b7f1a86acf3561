"""Quantization-aware training: a run's model trained on a little while it computes as its int8 form will."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import TrainError
from curate.ml import balancing, dataset
from curate.ml.backend import Model, keras
from curate.ml.fake_quantization import aware
from curate.ml.folding import folded

EPOCHS = 2  # passes over the pictures for training
RATE = 1e-5  # of Adam: the weights are there already and shall only find their place among the 256
_CALIBRATED = 16  # batches that are seen before the first step


def fine_tuned(
    model: Model, shards: Path, *, target: str, side: int, batch: int, seed: int, epochs: int = EPOCHS
) -> Model:
    """Return `fake_quantization.aware` of a trained model after `epochs` passes over the split train, augmented as in
    training, classes counting alike. The same seed gives the same weights on the same machine.

    Raises TrainError where the model cannot be folded, or the loss is no number.
    """
    keras.utils.set_random_seed(seed)
    learner = aware(folded(model))
    pictures = dataset.load(
        shards, "train", target=target, side=side, batch=batch, training=True, balance="weights", seed=seed
    )
    learner.compile(
        optimizer=keras.optimizers.Adam(RATE, clipnorm=1.0), loss=keras.losses.SparseCategoricalCrossentropy()
    )
    with dataset.reading(shards):
        for pixels, *_ in pictures.repeat().take(_CALIBRATED):
            learner(pixels, training=True)
        history: dict[str, Any] = learner.fit(pictures, epochs=epochs, shuffle=False, verbose=0).history
    loss = history["loss"][-1]
    if not math.isfinite(loss) or not all(np.isfinite(weight).all() for weight in learner.get_weights()):
        raise TrainError(
            "the loss became no number in quantization-aware training",
            expected="a finite loss",
            found=str(loss),
            done="no file was written for it",
            hint="leave the mode qat out: curate quantize RUN --mode int8",
        )
    return learner
