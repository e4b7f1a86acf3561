"""The middle and other quantiles of whole levels, by counting them: several times as fast as by sorting."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def middle(levels: npt.NDArray[np.unsignedinteger[Any]]) -> float:
    """Return the median of levels from 0 on, of any shape; 0 where there are none."""
    return quantile(levels, 0.5)


def quantile(levels: npt.NDArray[np.unsignedinteger[Any]], share: float) -> float:
    """Return the least level that at least `share` (0..1) of the levels do not exceed; 0 where there are none."""
    counts = np.cumsum(np.bincount(levels.ravel()))
    return float(np.searchsorted(counts, share * counts[-1])) if len(counts) else 0.0
