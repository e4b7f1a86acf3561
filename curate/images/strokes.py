"""Thin dark strokes on a picture: hair, the line of a ruler, and whatever else is darker than both its sides."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from curate.images.levels import middle

Greys = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

_SIDE = 256  # pixels of the short side for which the widths below are meant; a smaller picture has thinner hair
_WIDTH = 9  # pixels: what is broader is no stroke
_LENGTH = 21  # pixels: what is shorter is a speck, or a mesh of a pigment net
DIRECTIONS = 12
_RIM = 3  # pixels along the edges, where a scanner's line is no hair
_HAIR = 12  # grey levels by which a hair is darker than its surroundings, all along
_DARKER = 8  # grey levels by which it is darker than the picture's middle grey


@dataclass(frozen=True)
class Strokes:
    """How much darker than both its sides each pixel is, uint8 (h, w): anywhere, and along a line of 21 pixels."""

    depth: Greys
    along: Greys


def strokes(grey: Greys) -> Strokes:
    """Look for strokes in grey levels, uint8 (h, w).

    Black top-hat (Serra 1982), then the largest of its openings by lines in 12 directions, which keeps what goes on in
    one direction and drops specks and nets.
    """
    share = min(1.0, min(grey.shape) / _SIDE)
    width, length = max(5, round(_WIDTH * share) | 1), max(9, round(_LENGTH * share) | 1)
    found = depth(grey, width)
    found[:_RIM], found[-_RIM:], found[:, :_RIM], found[:, -_RIM:] = 0, 0, 0, 0
    return Strokes(found, longest(found, length))


def depth(grey: Greys, width: int) -> Greys:
    """Return by how many levels each pixel, uint8 (h, w), is darker than both its sides: the black top-hat.

    What is broader than `width` pixels is no stroke.
    """
    # Softened first: the grain of a sensor is thin and dark too.
    return np.asarray(cv2.morphologyEx(cv2.GaussianBlur(grey, (3, 3), 0), cv2.MORPH_BLACKHAT, disc(width)), np.uint8)


def longest(found: Greys, length: int, directions: int = DIRECTIONS) -> Greys:
    """Return the depth that goes on over a line of `length` pixels, in the best of that many directions."""
    along = np.zeros_like(found)
    for line in _lines(length, directions):
        np.maximum(along, cv2.morphologyEx(found, cv2.MORPH_OPEN, line), out=along)
    return np.asarray(along, np.uint8)


def hair(grey: Greys, found: Strokes) -> Mask:
    """Return the strokes that are as dark as hair: bool (h, w)."""
    # Between two reflections lies a dark line too, but not one darker than the picture is in its middle.
    return np.asarray((found.along > _HAIR) & (grey < middle(grey) - _DARKER), dtype=np.bool_)


@functools.cache
def disc(width: int) -> Greys:
    """Return a disc of that many pixels across, for the morphology."""
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)


@functools.cache
def _lines(length: int, directions: int) -> tuple[Greys, ...]:
    made, half = [], length // 2
    for number in range(directions):
        angle = np.pi * number / directions
        across, down = round(float(np.cos(angle)) * half), round(float(np.sin(angle)) * half)
        line = np.zeros((length, length), np.uint8)
        cv2.line(line, (half - across, half - down), (half + across, half + down), 1, 1)
        made.append(line)
    return tuple(made)
