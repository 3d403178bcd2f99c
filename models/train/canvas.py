"""Rectangular training: the pictures of a batch share a shape that suits its photos.

In a square, a photo of 4:3 would leave a quarter to padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from models.train.net import STRIDES

Format = Literal["wide", "square", "tall"]

WIDE, TALL = 1.15, 0.87
"""Width over height above which a photo is wide, and below which it is tall."""
SHORT_SIDE = 0.75
"""Short side of a rectangle, relative to the long side: 4:3 and 3:4."""


def format_of(width: float, height: float) -> Format:
    ratio = width / height
    return "wide" if ratio > WIDE else "tall" if ratio < TALL else "square"


def shape_of(form: Format, side: int) -> tuple[int, int]:
    """Height and width of a picture with this long side, both multiples of the largest stride."""
    step = STRIDES[-1]
    short = max(step, round(side * SHORT_SIDE / step) * step)
    return {"wide": (short, side), "square": (side, side), "tall": (side, short)}[form]


def formats(shapes: Sequence[tuple[int, ...]]) -> list[Format]:
    """Formats of photos given by height and width."""
    return [format_of(width, height) for height, width, *_ in shapes]
