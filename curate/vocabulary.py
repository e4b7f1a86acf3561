"""The closed lists of words that every part of curate shares, in the order of their index."""

from __future__ import annotations

CATEGORIES = ("benign", "precancerous", "malignant")
SPLITS = ("train", "validation", "test")
