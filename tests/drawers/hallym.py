"""Drawn trees of Hallym: its sheets, and those of the other that lie beside them."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import strategies as st

from curate.files import Files
from drawers import thumbnails
from drawers.drawing import Tree


def trees() -> st.SearchStrategy[Tree]:
    return thumbnails.trees("hallym")


def names(files: Files) -> Iterable[str]:
    return thumbnails.names(files, "hallym")
