"""Whether a probability means what it says: reliability by bins, expected calibration error, Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BINS = 10


def calibration(truth: npt.NDArray[np.int64], probabilities: npt.NDArray[np.floating]) -> dict[str, Any]:
    """Return {"ece", "brier", "bins"} of labels int [n] and probabilities [n, classes].

    `bins` are ten of equal width over the probability of the answer (the likeliest label): {"from", "to", "pictures",
    "confidence" (its mean), "accuracy"}, the last two None in an empty bin. `ece` is the mean distance of the two,
    weighted by pictures (Guo et al. 2017, ICML 70:1321-1330); it is never below 0, and above it by chance alone where
    pictures are few. `brier` is the mean over pictures of the squared distances of all probabilities from 0 and 1,
    summed over the classes: 0 to 2 (Brier 1950, Monthly Weather Review 78:1-3). Without pictures both are None.
    """
    pictures = len(truth)
    if not pictures:
        return {"ece": None, "brier": None, "bins": []}
    given = probabilities.astype(np.float64)
    confidence, right = given.max(axis=1), given.argmax(axis=1) == truth
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins: list[dict[str, Any]] = []
    error = 0.0
    for number in range(BINS):
        held = place == number
        mean, share = (float(each[held].mean()) if held.any() else None for each in (confidence, right))
        bins.append(
            {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "pictures": int(held.sum()),
                "confidence": mean,
                "accuracy": share,
            }
        )
        if mean is not None and share is not None:
            error += abs(mean - share) * int(held.sum()) / pictures
    wanted = np.zeros_like(given)
    wanted[np.arange(pictures), truth] = 1
    return {"ece": error, "brier": float(((given - wanted) ** 2).sum(axis=1).mean()), "bins": bins}
