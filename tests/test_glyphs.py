"""The typeface of label cells: what is painted is read back, and what is not sure is not read."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.images import codec, glyphs
from curate.records import Box

LETTERS = "abcdefghijklmnopqrstuvwxyz"
labels = st.text(st.sampled_from(LETTERS), min_size=1, max_size=23)
texts = st.builds("{}, {}/{}, {}".format, st.integers(1, 99_999), st.sampled_from("MF"), st.integers(0, 120), labels)


@settings(max_examples=200, deadline=None)
@given(texts)
def test_what_is_drawn_is_read(text: str) -> None:
    assert glyphs.read(glyphs.draw(text)) == text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(st.sampled_from(glyphs.characters().replace(",", "")), min_size=1, max_size=11), max_size=3))
def test_any_words_of_known_characters_come_back(words: list[str]) -> None:
    text = ", ".join(words)
    assert glyphs.read(glyphs.draw(text) if text else np.full((100, 100, 3), 255, np.uint8)) == text


@settings(max_examples=50, deadline=None)
@given(texts, st.integers(60, 95))
def test_compression_does_not_matter(text: str, quality: int) -> None:
    cell = codec.decode(codec.encode(glyphs.draw(text), "JPEG", quality)).pixels
    assert glyphs.read(cell) == text


@settings(max_examples=50, deadline=None)
@given(texts, st.integers(0, 2**32 - 1))
def test_what_is_damaged_is_never_misread(text: str, seed: int) -> None:
    noise = np.random.default_rng(seed)
    cell = glyphs.draw(text)
    top, left = noise.integers(0, 60), noise.integers(0, 90)
    cell[top : top + 4, left : left + 8] = noise.integers(0, 255, (4, 8, 1))
    assert glyphs.read(cell) in (text, None)


def test_noise_and_shifted_text_are_not_read() -> None:
    assert glyphs.read(np.random.default_rng(1).integers(0, 255, (100, 100, 3), np.uint8)) is None
    shifted = np.roll(glyphs.draw("10404, M/74, kaposisarcoma"), 3, axis=(0, 1))
    assert glyphs.read(shifted) is None


@pytest.mark.parametrize("text", ["A", "1, M/60, wart,", "two words", ", a", "", "é", "1, M/1, " + "a" * 60])
def test_what_has_no_shape_or_no_room_is_not_drawn(text: str) -> None:
    with pytest.raises(ValueError, match=r"label cell|shape|parted|comma"):
        glyphs.draw(text)


def test_the_layout_is_that_of_the_real_cells() -> None:
    def lines(text: str) -> list[int]:
        dark = (glyphs.draw(text)[..., 0] < 160).any(axis=1)
        return [row for row in range(7) if dark[13 * row : 13 * row + 13].any()]

    assert lines("10410, M/6, spitznevus") == [0, 1]
    assert lines("10413, M/15, spitznevus") == [0, 2]
    assert lines("10404, M/74, kaposisarcoma") == [0, 2, 4]
    assert lines("1932, F/60, seborrheickeratosis") == [0, 2, 4]
    assert lines("1, M/60, actinickeratosis") == [0, 2, 4]


@pytest.mark.real
def test_every_real_label_cell_is_read_whole_and_painted_alike(real: Path) -> None:
    rows = list(csv.DictReader((real / "severance/severance_cases.csv").open()))
    sheets: dict[str, codec.Pixels] = {}
    count, off = 0, 0
    for row in rows:
        path = real / "severance/SeveranceA_Thumbnails" / row["sheet"]
        if not path.exists():
            continue
        if row["sheet"] not in sheets:
            sheets = {row["sheet"]: codec.decode(path.read_bytes()).pixels}
        box = Box(5 + 105 * int(row["col"]), 5 + 105 * int(row["row"]), 100, 100)
        cell = codec.crop(sheets[row["sheet"]], box)
        text = f"{row['case_id']}, {row['sex']}/{row['age']}, {row['label']}"
        assert glyphs.read(cell) == text
        count += 1
        off = max(off, int(abs(glyphs.draw(text).astype(int) - cell).max()))
    assert count == 1617
    assert off < 40
