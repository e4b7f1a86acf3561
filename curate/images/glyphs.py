"""The fixed typeface of the label cells on the Severance sheets: read what a cell prints, or paint one.

Facts measured on 1,617 real cells: 8 x 13 pixels a character, the first at x = 3, y = 0 of the cell, 12 a line.
A word that does not fit begins a new line; one longer than a line is cut where the line ends. After a line of full 12
characters (a closing space counts) one line stays empty.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.codec import Pixels

CELL = 100  # pixels, both ways
WIDTH, HEIGHT = 8, 13  # pixels of a glyph
LEFT = 3  # pixels of a cell before the first glyph
COLUMNS = 12  # characters of a line
LINES = CELL // HEIGHT

_GREYS = ".:-=+*#%@"  # paper to ink
_FLOOR = 28  # grey levels below white that JPEG noise may reach on bare paper
_INK = 150.0  # grey levels in sum over a glyph; the lightest real one (a comma) holds 1,200
_BLED_INK = 600.0  # the same where glyphs bleed into each other
_MATCH = 0.80  # cosine of glyph and shape, from which they are the same
_MARGIN = 0.3  # of the way from midway between the two best shapes (0) to the best (1)
_SOFT_MATCH = 0.87  # both where glyphs bleed into each other: no real cell was misread, whatever was done to its sheet
_SOFT_MARGIN = 0.22

Grid = npt.NDArray[np.float64]


def read(cell: Pixels) -> str | None:
    """Read the whole text of a label cell, line wraps joined: "10404, M/74, kaposisarcoma".

    `cell` is uint8 (100, 100, 3) or (100, 100). Returns "" for bare paper, and None where any glyph does not match one
    shape of the typeface well and clearly better than all others: nothing is guessed.
    """
    if cell.shape[:2] != (CELL, CELL):
        raise ValueError(f"a label cell has {CELL} x {CELL} pixels, not {cell.shape[1]} x {cell.shape[0]}")
    grey = cell if cell.ndim == 2 else cv2.cvtColor(cell, cv2.COLOR_RGB2GRAY)
    ink = 255.0 - np.asarray(grey, dtype=np.float64)
    ink[ink < _FLOOR] = 0
    text = _read(ink, _sharp(), _INK, _MATCH, _MARGIN, "")
    if text is not None:
        return text
    # A sheet that was scaled and brought back: a glyph bleeds into its neighbours, and l and 1 look the same.
    text = _read(ink, _soft(), _BLED_INK, _SOFT_MATCH, _SOFT_MARGIN, "l1")
    return None if text is None else settled(text)


def draw(text: str) -> Pixels:
    """Paint a label cell, uint8 (100, 100, 3), so that `read(draw(text)) == text`.

    `text` is words of the characters in `characters()`, parted by ", " as in "10404, M/74, kaposisarcoma". Raises
    ValueError for another character, another form or a text too long for a cell.
    """
    words = text.split(" ")
    if not all(words) or any("," in word.removesuffix(",") for word in words) or text.endswith(","):
        raise ValueError(f"not words parted by ', ': {text!r}")
    if not all(word.endswith(",") and len(word) > 1 for word in words[:-1]):
        raise ValueError(f"a space must follow a comma: {text!r}")
    known, painted = _blocks()
    ink = np.zeros((CELL, CELL))
    for row, line in lines(words):
        if row >= LINES:
            raise ValueError(f"too long for a label cell: {text!r}")
        for column, character in enumerate(line):
            if character == " ":
                continue
            if character not in known:
                raise ValueError(f"no shape for {character!r}: {text!r}")
            shape = painted[known.index(character)]
            top, left = row * HEIGHT, LEFT + column * WIDTH
            ink[top : top + HEIGHT, left : left + WIDTH] = shape
    grey = (255 - ink).round().astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def characters() -> str:
    """Return every character that has a shape, in the order of the file."""
    return _blocks()[0]


def settled(text: str) -> str | None:
    """Return the text of a label cell with l told from 1 by where they stand, which its form fixes.

    None for another form than "10404, M/74, kaposisarcoma".
    """
    parts = text.split(", ")
    if len(parts) != 3:
        return None
    told = ", ".join([parts[0].replace("l", "1"), parts[1].replace("l", "1"), parts[2].replace("1", "l")])
    return told if re.fullmatch(r"[0-9]+, [MF]/[0-9]+, [a-z]+", told) else None


def shapes() -> Grid:
    """Return the ink (0 to 255) of every character that has a shape, (characters, 13, 8)."""
    return _blocks()[1]


def lines(words: list[str]) -> list[tuple[int, str]]:
    """Return how words are set in a cell: the number of each line that is not empty, from 0, and what stands there."""
    full: list[str] = []
    line = ""
    for word in words:
        lead = line + " " if line else ""
        if len(lead) + len(word) <= COLUMNS:
            line = lead + word
        elif len(word) <= COLUMNS or len(lead) > COLUMNS:
            full.append(line)
            line = word
        else:
            line = lead + word
        while len(line) > COLUMNS:
            full.append(line[:COLUMNS])
            line = line[COLUMNS:]
    full.append(line)
    rows: list[tuple[int, str]] = []
    row = 0
    for line in full:
        rows.append((row, line))
        row += 2 if len(line) == COLUMNS else 1
    return rows


def _read(ink: Grid, kinds: tuple[Grid, ...], least_ink: float, match: float, margin: float, alike: str) -> str | None:
    """Read line by line, each with the kind of shapes that fits it best; `alike` are two characters not told apart."""
    known = characters()
    twins = [known.index(character) for character in alike]
    grid = ink[: LINES * HEIGHT, LEFT : LEFT + COLUMNS * WIDTH]
    grid = grid.reshape(LINES, HEIGHT, COLUMNS, WIDTH).swapaxes(1, 2).reshape(LINES, COLUMNS, HEIGHT * WIDTH)
    text = ""
    for line in grid:
        inked = line.sum(axis=1) > least_ink
        if not inked.any():
            continue
        glyphs = line[inked] / np.linalg.norm(line[inked], axis=1, keepdims=True)
        shapes, scores = max(((kind, glyphs @ kind.T) for kind in kinds), key=lambda pair: pair[1].max(axis=1).mean())
        best = scores.argmax(axis=1)
        # How far a glyph lies from each other shape towards the best one: 0 midway, 1 at the best. It tells l from 1,
        # which differ in three pixels, as surely as it tells M from a comma.
        apart = 1 - shapes @ shapes.T
        np.fill_diagonal(apart, np.inf)
        lead = (scores.max(axis=1, keepdims=True) - scores) / apart[best]
        lead[np.arange(len(best)), best] = np.inf
        if twins:
            lead[np.isin(best, twins)[:, None] & np.isin(np.arange(len(known)), twins)] = np.inf
        if scores.max(axis=1).min() < match or lead.min() < margin:
            return None
        found = np.full(COLUMNS, " ")
        found[inked] = [known[index] for index in best]
        text += (" " if text.endswith(",") else "") + "".join(found).rstrip()
    return text


@cache
def _blocks() -> tuple[str, Grid]:
    """Return the characters and their ink, (characters, 13, 8) of 0..255."""
    blocks: dict[str, list[str]] = {}
    for line in resources.files("curate.images").joinpath("glyphs.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("glyph "):
            rows = blocks.setdefault(line[-1], [])
        elif line and not line.startswith(";"):
            rows.append(line)
    ink = [[[_GREYS.index(grey) * 255 / 8 for grey in row] for row in rows] for rows in blocks.values()]
    return "".join(blocks), np.array(ink)


@cache
def _sharp() -> tuple[Grid, ...]:
    return (_normal(_blocks()[1]),)


@cache
def _soft() -> tuple[Grid, ...]:
    """Return the shapes as on a sheet that was scaled and brought back: blurred."""
    kinds = []
    for blur in (0.4, 0.6):
        wide = [cv2.GaussianBlur(np.pad(ink, 3), (0, 0), blur)[3:-3, 3:-3] for ink in _blocks()[1]]
        kinds.append(_normal(np.array(wide)))
    return tuple(kinds)


def _normal(shapes: npt.NDArray[Any]) -> Grid:
    flat = shapes.reshape(len(shapes), HEIGHT * WIDTH).astype(np.float64)
    unit: Grid = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    return unit
