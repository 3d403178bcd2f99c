"""Rectangular training: the pictures of a batch share a shape that suits its photos.

In a square, a photo of 4:3 would leave a quarter to padding. As in service, all shapes have about
the same area.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from app.vision.families.spotter import FAMILY
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

Format = Literal["wide", "square", "tall"]

WIDE, TALL = 1.15, 0.87
"""Width over height above which a photo is wide, and below which it is tall."""
_TYPICAL: dict[Format, tuple[int, int]] = {
    "wide": (640, 480),
    "square": (640, 640),
    "tall": (480, 640),
}
"""Width and height of the photo that a format's pictures suit best."""


def input_of(side: int) -> InputSpec:
    """The input in service; ``side`` is that of a square picture."""
    return FAMILY.input.model_copy(update={"size": (side, side)})


def format_of(width: float, height: float) -> Format:
    ratio = width / height
    return "wide" if ratio > WIDE else "tall" if ratio < TALL else "square"


def shape_of(form: Format, side: int) -> tuple[int, int]:
    """Height and width of a picture of at most this side squared; both are multiples of 32."""
    plan = Letterbox.plan(input_of(side), *_TYPICAL[form], rectangular=True)
    return plan.input_height, plan.input_width


def formats(shapes: Sequence[tuple[int, ...]]) -> list[Format]:
    """Formats of photos given by height and width."""
    return [format_of(width, height) for height, width, *_ in shapes]
