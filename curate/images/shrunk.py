"""Label cells on a sheet that was made smaller: what is read is what, made as small, would look like what is seen.

At half its size a glyph is 4 x 6.5 pixels, bleeds into its neighbours, and looks different by where the pixels fall and
by the filter of the program that scaled it. So the shapes of the typeface are brought through each usual filter to the
pixels of the sheet, at the place that the grid gives, and all glyphs of a cell are fitted together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from string import ascii_lowercase, digits

import numpy as np
import numpy.typing as npt

from curate.images import glyphs
from curate.images.filters import FILTERS, shares
from curate.images.grid import Greys

Ink = npt.NDArray[np.float64]  # grey levels below white

_FRAME = {-5: 106, -4: 37, -3: 6, -1: 6, 100: 106, 101: 37, 102: 6}  # ink of shadows and borders, by place in the cell
_AROUND = 8  # pixels around a cell's content that the widest filter may reach, at scale 1
_REACH = 2  # pixels at scale 1 by which a glyph bleeds noticeably
_DESCENT = 2  # pixels at scale 1 of a line into which the line above may reach down, and no glyph reaches up
_GLYPH = 480.0  # grey levels in sum over a place of the typeface, at scale 1, from which a glyph stands there
# What makes a character sure: how far what is seen lies from midway between it and any other (0) towards it (1), and
# how many times the noise that a pixel of the cell has. On halved sheets saved at JPEG quality 75 letters reach 0.72
# and 5 where c passes for o; of 39,000 digits none was read wrong, however little sure.
_LETTER = (0.6, 5.5)
_DIGIT = (0.35, 3.0)
_OPEN = 0.75  # share of the label's letters that may be left open
_TRIED = 4  # cells on which every filter is tried
_LEFT = 0.3  # share of a glyph's ink, squared, that may be left unexplained
_PHASES = 64  # parts of a pixel to which places are rounded, so that equal ones are computed once


@dataclass
class Slot:
    """One place of the typeface in the cell: its window of pixels, and the character that is taken to stand there."""

    line: int
    column: int
    window: tuple[slice, slice]
    looks: Ink  # (characters + 1, height, width): what each would look like in the window; the last is none
    choice: int
    others: list[int]
    letter: bool

    @property
    def empty(self) -> bool:
        """Whether no character stands there after all."""
        return self.choice == len(self.looks) - 1


@dataclass(frozen=True)
class Reading:
    """What one filter makes of a cell: the text, and the ink left unexplained (squared, the mean of all pixels)."""

    text: str | None
    left: float


def read(grey: Greys, corners: list[tuple[float, float]], size: float) -> list[str | None]:
    """Read the label cells of a sheet `grey` (h, w) scaled by `size` (below 1); content starts at each (left, top).

    A letter that could be another is `?`: "175, F/62, actinickerat?sis". None where the number, sex or age could be
    another, where most letters could, or where the cell is not well explained: nothing is guessed.
    """
    # One program made the sheet smaller, with one filter: the first cells tell which.
    tried = {name: [_fitted(grey, *corner, size, name) for corner in corners[:_TRIED]] for name in FILTERS}
    left = {name: [one.left for one in readings if one is not None] for name, readings in tried.items()}
    most = max(len(cells) for cells in left.values())
    if not most:
        return [None] * len(corners)
    name = min((name for name in left if len(left[name]) == most), key=lambda name: sum(left[name]))
    readings = [*tried[name], *(_fitted(grey, *corner, size, name) for corner in corners[_TRIED:])]
    return [None if reading is None else reading.text for reading in readings]


def _fitted(grey: Greys, left: float, top: float, size: float, name: str) -> Reading | None:
    """Return what a filter makes of the cell, None where it has not the form of a label cell."""
    rows, columns = _inside(top, size), _inside(left, size)
    if rows[0] < 0 or columns[0] < 0 or rows[-1] >= grey.shape[0] or columns[-1] >= grey.shape[1]:
        return None
    ink = 255.0 - grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
    ys = np.asarray((rows + 0.5 - top) / size, np.float64)
    xs = np.asarray((columns + 0.5 - left) / size, np.float64)
    drawn = _frame(name, size, _phase(ys[0]), len(ys), _phase(xs[0]), len(xs)).copy()
    slots = _slots(ink, ys, xs, size, name)
    if slots is None:
        return None
    for slot in slots:
        slot.choice = slot.others[int(np.square(ink[slot.window] - slot.looks[slot.others]).sum(axis=(1, 2)).argmin())]
        drawn[slot.window] += slot.looks[slot.choice]
    for _ in range(4):
        if not sum(_chosen(ink, drawn, slot) for slot in slots):
            break
    left_over = float(np.square(ink - drawn.clip(0)).mean())
    return Reading(_text(slots, [_sure(ink, drawn, slot, left_over**0.5) for slot in slots]), left_over)


def _sure(ink: Ink, drawn: Ink, slot: Slot, noise: float) -> bool | None:
    """Return whether the character is surely none of the others; None where it explains the window badly.

    `noise` is what the whole cell leaves unexplained, in grey levels a pixel.
    """
    without = drawn[slot.window] - slot.looks[slot.choice]
    off = np.square(ink[slot.window] - (without + slot.looks[slot.others]).clip(0)).sum(axis=(1, 2))
    chosen = slot.others.index(slot.choice)
    if not slot.empty and off[chosen] > _LEFT * np.square(slot.looks[slot.choice]).sum():
        return None
    as_read = drawn[slot.window].clip(0)
    apart = np.square((without + slot.looks[slot.others]).clip(0) - as_read).sum(axis=(1, 2))
    rivals = np.arange(len(off)) != chosen
    gain, apart = (off - off[chosen])[rivals], np.maximum(apart[rivals], 1e-9)
    lead, clear = _LETTER if slot.letter else _DIGIT
    return bool((gain / apart).min() >= lead and (gain / (2 * np.sqrt(apart))).min() >= clear * noise)


def _inside(start: float, size: float) -> npt.NDArray[np.int64]:
    """Return the sheet's pixels whose middles lie in a cell's content, or a little around it."""
    return np.arange(int(np.ceil(start - _REACH * size - 0.5)), int(start + (glyphs.CELL + _REACH) * size - 0.5) + 1)


def _phase(place: float) -> float:
    return round(place * _PHASES) / _PHASES


def _chosen(ink: Ink, drawn: Ink, slot: Slot) -> bool:
    """Take the character that, with its neighbours as they are, explains the window best; return whether it changed."""
    without = drawn[slot.window] - slot.looks[slot.choice]
    off = np.square(ink[slot.window] - (without + slot.looks[slot.others]).clip(0)).sum(axis=(1, 2))
    best = slot.others[int(off.argmin())]
    if best == slot.choice:
        return False
    drawn[slot.window] = without + slot.looks[best]
    slot.choice = best
    return True


def _slots(ink: Ink, ys: Ink, xs: Ink, size: float, name: str) -> list[Slot] | None:
    """Return the places where glyphs stand, with what the form of a label cell lets stand there; None: another form."""
    words: list[list[tuple[int, int]]] = []
    last = (-1, -1)
    for line in range(glyphs.LINES):
        for column in range(glyphs.COLUMNS):
            rows, columns = _window(ys, xs, line, column, 0)
            body = slice(int(np.searchsorted(ys, line * glyphs.HEIGHT + _DESCENT)), rows.stop)
            if ink[body, columns].sum() < _GLYPH * size**2:
                continue
            if last != (line, column - 1):
                words.append([])
            words[-1].append((line, column))
            last = line, column
    if len(words) < 3 or len(words[0]) < 2 or len(words[1]) < 4:
        return None
    forms = [digits] * (len(words[0]) - 1) + [","] + ["MF", "/"] + [digits] * (len(words[1]) - 3) + [","]
    places = [place for word in words for place in word]
    forms += [ascii_lowercase] * (len(places) - len(forms))
    known = glyphs.characters()
    slots = []
    for (line, column), form in zip(places, forms, strict=True):
        window = _window(ys, xs, line, column, _REACH)
        y, x = ys[window[0]], xs[window[1]]
        top, left = line * glyphs.HEIGHT, glyphs.LEFT + column * glyphs.WIDTH
        looks = _looks(name, size, _phase(y[0] - top), len(y), _phase(x[0] - left), len(x))
        others = [*(known.index(character) for character in form), len(looks) - 1]
        slots.append(Slot(line, column, window, looks, others[0], others, form == ascii_lowercase))
    return slots


def _window(ys: Ink, xs: Ink, line: int, column: int, around: int) -> tuple[slice, slice]:
    top, left = line * glyphs.HEIGHT, glyphs.LEFT + column * glyphs.WIDTH
    rows = np.searchsorted(ys, (top - around, top + glyphs.HEIGHT + around))
    columns = np.searchsorted(xs, (left - around, left + glyphs.WIDTH + around))
    return slice(int(rows[0]), int(rows[1])), slice(int(columns[0]), int(columns[1]))


def _text(slots: list[Slot], sure: list[bool | None]) -> str | None:
    """Return the text, `?` for a letter that is not sure; None where more is not, or it would be set otherwise."""
    known = glyphs.characters()
    stands = [(slot, sure) for slot, sure in zip(slots, sure, strict=True) if not slot.empty]
    if None in sure or any(slot.empty and not sure for slot, sure in zip(slots, sure, strict=True)):
        return None
    whole = "".join(known[slot.choice] + " " * (known[slot.choice] == ",") for slot, _ in stands)
    if not re.fullmatch(r"[0-9]+, [MF]/[0-9]+, [a-z]+", whole):
        return None
    set_there = [(row, n) for row, line in glyphs.lines(whole.split(" ")) for n, one in enumerate(line) if one != " "]
    if set_there != [(slot.line, slot.column) for slot, _ in stands]:
        return None
    text = "".join(known[slot.choice] + " " * (known[slot.choice] == ",") if sure else "?" for slot, sure in stands)
    formed = re.fullmatch(r"[0-9]+, [MF]/[0-9]+, ([a-z?]+)", text)
    return text if formed and text.count("?") <= _OPEN * len(formed[1]) else None


@lru_cache(maxsize=4096)
def _looks(name: str, size: float, y: float, height: int, x: float, width: int) -> Ink:
    """Return what each character looks like in a window of pixels whose first lies at (x, y) from the glyph's corner.

    Shape (characters + 1, height, width): the last is no character.
    """
    down = shares(name, size, y + np.arange(height) / size, 0, glyphs.HEIGHT)
    across = shares(name, size, x + np.arange(width) / size, 0, glyphs.WIDTH)
    looks: Ink = down @ glyphs.shapes() @ across.T
    return np.concatenate([looks, np.zeros((1, height, width))])


@lru_cache(maxsize=256)
def _frame(name: str, size: float, y: float, height: int, x: float, width: int) -> Ink:
    """Return what a cell without text looks like: the border and shadows around it."""
    side = np.arange(-_AROUND, glyphs.CELL + _AROUND)
    line = np.array([_FRAME.get(int(place), 0) for place in side], np.float64)
    full = np.maximum(line[:, None], line[None, :])
    down = shares(name, size, y + np.arange(height) / size, -_AROUND, glyphs.CELL + _AROUND)
    across = shares(name, size, x + np.arange(width) / size, -_AROUND, glyphs.CELL + _AROUND)
    framed: Ink = down @ full @ across.T
    return framed
