"""The closed list of words that every part of curate shares, in the order of its index."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")

# The value (0 to 1) from which each counts as there, chosen on one half of those of benchmarks/artefacts_seen.csv.
ARTEFACTS = {
    "ruler": 0.5, "ink": 0.065, "vignette": 0.4, "hair": 0.025, "highlight": 0.09, "border": 0.05, "blur": 0.475,
    "exposure": 0.49, "text": 0.25,
}  # fmt: skip
