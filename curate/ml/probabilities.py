"""What a model answers: probabilities, or nothing that counts as an answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from curate.errors import TrainError


def checked(given: npt.NDArray[np.float32], where: str) -> npt.NDArray[np.float32]:
    """Return the same probabilities. Raises TrainError where one is no number; `where` is the model.

    >>> checked(np.array([[0.25, 0.75]], np.float32), "model.keras").tolist()
    [[0.25, 0.75]]
    """
    lost = np.flatnonzero(~np.isfinite(given).all(axis=-1))
    if len(lost):
        raise TrainError(
            "the model answers what is no number",
            where=where,
            expected="probabilities of 0 to 1",
            found=f"{given[lost[0]].tolist()[:4]} for {len(lost)} of {len(given)} pictures",
            done="nothing was scored by it",
            hint="curate train with a smaller --learning-rate, or curate verify, which says whether the file is whole",
        )
    return given
