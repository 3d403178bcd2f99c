"""Where a large picture is cut into overlapping tiles."""

import math
from typing import NamedTuple

from app.vision.images.memory import Size
from app.vision.preprocess.input_spec import InputSpec
from app.vision.preprocess.letterbox import Letterbox

MOST_TILES = 16
"""Most tiles of a picture. In very large pictures they are larger, and each is scaled down."""
OVERLAP = 0.2
"""Share of a tile's side by which neighbours overlap; smaller objects are whole in one of them."""
WORTHWHILE = 1.3
"""Tiles are used if they magnify objects by more than this, compared with the whole picture."""


class Tile(NamedTuple):
    """Edges in pixels of the upright picture."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        return self.right - self.left, self.bottom - self.top


def cut(spec: InputSpec, whole: Letterbox) -> list[Tile]:
    """Tiles of a picture, row by row; none if they would show hardly more than the whole does.

    All have the same size: that of the input, or as much more as it takes to need no more than
    ``MOST_TILES``, but no more than the picture's. ``whole`` is the plan for the whole picture.
    """
    input_height, input_width = spec.size
    across, down = whole.width / input_width, whole.height / input_height
    reduction, _, columns, rows = min(
        (max(1.0, across / _reach(columns), down / _reach(rows)), columns * rows, columns, rows)
        for columns in range(1, MOST_TILES + 1)
        for rows in range(1, MOST_TILES // columns + 1)
    )
    if min(whole.scale_x, whole.scale_y) * reduction >= 1 / WORTHWHILE:
        return []
    lefts = _spread(whole.width, math.ceil(input_width * reduction), columns)
    tops = _spread(whole.height, math.ceil(input_height * reduction), rows)
    return [Tile(left, top, right, bottom) for top, bottom in tops for left, right in lefts]


def _reach(count: int) -> float:
    """Length of a row of ``count`` overlapping tiles, in tile sides."""
    return count - (count - 1) * OVERLAP


def _spread(length: int, side: int, count: int) -> list[tuple[int, int]]:
    """Starts and ends of ``count`` tiles, evenly over ``length``."""
    side = min(side, length)
    step = (length - side) / max(1, count - 1)
    return [(start, start + side) for start in (round(index * step) for index in range(count))]
