"""Quantization-aware training: a rounded model learns to answer as the model that it was rounded from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import TrainError
from curate.ml import dataset
from curate.ml.backend import Model, Tensor, keras

RATE = 1e-5  # of Adam: the weights are there already and shall only find their place among the 256


def fine_tuned(
    learner: Model, model: Model, shards: Path, *, target: str, side: int, batch: int, seed: int, epochs: int
) -> None:
    """Train what `fake_quantization.aware` made of `model` for `epochs` passes over the split train, augmented as in
    training; its ranges stay. The same seed gives the same weights on the same machine.

    What is learnt are the probabilities of `model` for the same picture (Hinton et al. 2015, arXiv:1503.02531; for
    rounded networks Mishra and Marr 2017, arXiv:1711.05852): labels would go on with the training, to another model.
    Raises TrainError where the loss is no number.
    """
    keras.utils.set_random_seed(seed)
    pictures = dataset.load(shards, "train", target=target, side=side, batch=batch, training=True, seed=seed)

    def taught(pixels: Tensor, _: Tensor) -> tuple[Tensor, Tensor]:
        return pixels, model(pixels, training=False)

    learner.compile(optimizer=keras.optimizers.Adam(RATE, clipnorm=1.0), loss=keras.losses.KLDivergence())
    with dataset.reading(shards):
        history: dict[str, Any] = learner.fit(pictures.map(taught), epochs=epochs, shuffle=False, verbose=0).history
    loss = history["loss"][-1]
    if not math.isfinite(loss) or not all(np.isfinite(weight).all() for weight in learner.get_weights()):
        raise TrainError(
            "the loss became no number in quantization-aware training",
            expected="a finite loss",
            found=str(loss),
            done="no file was written for it",
            hint="leave the mode qat out: curate quantize RUN --mode int8",
        )
