"""Cells of the feature maps that anchors belong to."""

from functools import lru_cache

import numpy as np

from app.vision.arrays import Floats


@lru_cache(maxsize=32)
def cell_grid(
    height: int, width: int, strides: tuple[int, ...], *, partial: bool = False
) -> tuple[Floats, Floats]:
    """Column and row (cells, 2) and stride (cells, 1) of every cell, row by row.

    ``partial``: whether cells count that the input, in pixels, does not fill.
    """
    cells, sizes = [], []
    for stride in strides:
        fill = stride - 1 if partial else 0
        y, x = np.mgrid[: (height + fill) // stride, : (width + fill) // stride]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        sizes.append(np.full((x.size, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(sizes).astype(np.float32)
