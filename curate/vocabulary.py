"""The closed list of words that every part of curate shares, in the order of its index."""

from __future__ import annotations

SPLITS = ("train", "validation", "test")
