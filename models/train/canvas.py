"""Rectangular training: pictures of a batch share a shape that suits the photos in it.

A photo of 4:3 in a square leaves a quarter of it to padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from models.train.net import STRIDES

Format = Literal["wide", "square", "tall"]

WIDE, TALL = 1.15, 0.87
"""Width over height from and to which a photo is wide or tall."""
SHORT_SIDE = 0.75
"""Of a rectangle, in long sides: 4:3 and 3:4."""


def format_of(width: float, height: float) -> Format:
    ratio = width / height
    return "wide" if ratio > WIDE else "tall" if ratio < TALL else "square"


def shape_of(form: Format, side: int) -> tuple[int, int]:
    """Height and width of a picture with that long side, both multiples of the largest stride."""
    step = STRIDES[-1]
    short = max(step, round(side * SHORT_SIDE / step) * step)
    return {"wide": (short, side), "square": (side, side), "tall": (side, short)}[form]


def formats(shapes: Sequence[tuple[int, ...]]) -> list[Format]:
    """Of photos given by height and width."""
    return [format_of(width, height) for height, width, *_ in shapes]
