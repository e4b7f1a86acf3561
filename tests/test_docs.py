"""The pages are finished: no word stands where a figure or a table was to be put in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_placeholder_is_left(page: Path) -> None:
    left = re.findall(r"^[ \t]*([A-Z][A-Z_]{2,})[ \t]*$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert left == []
