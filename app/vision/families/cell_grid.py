"""The cells of feature maps that anchors belong to, and boxes relative to a cell."""

from functools import lru_cache

import numpy as np

from app.vision.arrays import Floats
from app.vision.families.base import corners


@lru_cache(maxsize=32)
def cell_grid(
    height: int, width: int, strides: tuple[int, ...], *, partial: bool = False
) -> tuple[Floats, Floats]:
    """Column and row (cells, 2) and stride (cells, 1) of every cell, row by row.

    ``partial`` includes cells at the edge that the input, in pixels, covers only partly.
    """
    cells, sizes = [], []
    for stride in strides:
        fill = stride - 1 if partial else 0
        y, x = np.mgrid[: (height + fill) // stride, : (width + fill) // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def boxes_from_offsets(offsets: Floats, cells: Floats, strides: Floats) -> Floats:
    """Corners (n, 4) from the offset of the centre and the logarithms of the size, in cells."""
    centre = (offsets[:, :2] + cells) * strides
    size = np.exp(offsets[:, 2:4]) * strides
    return corners(np.concatenate([centre, size], axis=1))


def boxes_from_distances(distances: Floats, points: Floats, strides: Floats) -> Floats:
    """Corners (n, 4) from the distances of a point to the four sides, in cells."""
    boxes = [points - distances[:, :2], points + distances[:, 2:]]
    found: Floats = np.concatenate(boxes, axis=1) * strides
    return found
