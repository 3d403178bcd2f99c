"""YOLOX as its authors export it, not decoded: (1, anchors, 5 + classes).

Offsets within the cell and logarithms of the sizes, in units of the cell's stride; objectness
and class probabilities are sigmoid already, and a score is the product of the two.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from app.vision.arrays import Floats
from app.vision.families.base import (
    Candidates,
    Outputs,
    Shape,
    best_class,
    corners,
    fits_objectness,
)

needs_nms = True
layout = "[1, anchors, 5 + classes], not decoded"

_STRIDES = (8, 16, 32)


def fits(outputs: Sequence[Shape], classes: int) -> bool:
    return fits_objectness(outputs, classes)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    likely = np.flatnonzero(rows[:, 4] > threshold)
    rows, (cells, strides) = rows[likely], _grid(*input_size)
    kept, scores, best = best_class(rows[:, 5 : 5 + classes] * rows[:, 4:5], threshold)
    rows, cells, strides = rows[kept], cells[likely[kept]], strides[likely[kept]]
    centre = (rows[:, :2] + cells) * strides
    size = np.exp(rows[:, 2:4]) * strides
    return Candidates(corners(np.concatenate([centre, size], axis=1)), scores, best)


@lru_cache(maxsize=32)
def _grid(height: int, width: int) -> tuple[Floats, Floats]:
    """Cell (anchors, 2) as x, y and stride (anchors, 1) of every anchor, row by row."""
    cells, strides = [], []
    for stride in _STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((x.size, 1), stride))
    return (
        np.concatenate(cells).astype(np.float32),
        np.concatenate(strides).astype(np.float32),
    )
