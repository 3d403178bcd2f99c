"""Prototypes of masks: maps of the whole input, or of the part of it where objects are."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from app.vision.arrays import Array, Floats

_MARGIN = 3
"""Cells of the feature map."""


class Part(NamedTuple):
    """Some of the cells of the prototypes."""

    values: Array
    """(prototypes, rows, columns)."""
    left: int
    """First column; ``top`` is the first row."""
    top: int
    size: tuple[int, int]
    """Rows and columns of all cells."""


class Prototypes(Protocol):
    def around(self, boxes: Floats) -> Part:
        """All cells that matter within ``boxes`` (n, 4) in input pixels, at least one box."""
        ...


class WholePrototypes(NamedTuple):
    """Prototypes that the model gives as an output."""

    values: Array
    """(prototypes, rows, columns)."""

    def around(self, boxes: Floats) -> Part:
        height, width = self.values.shape[1:]
        return Part(self.values, 0, 0, (height, width))


class LatePrototypes(NamedTuple):
    """Prototypes that are computed from a feature map, and only around objects."""

    run: Callable[[Array], Array]
    """From a part of the feature map to the prototypes (1, prototypes, rows, columns) there."""
    feature: Array
    """(1, channels, rows, columns)."""
    input_size: tuple[int, int]

    def around(self, boxes: Floats) -> Part:
        rows, columns = self.feature.shape[2:]
        height, width = self.input_size
        scale = np.array([columns / width, rows / height] * 2)
        corners = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]) * scale
        # Convolutions see a little beyond each cell: with this margin all is as in the whole map.
        left, top = np.floor(corners[:2]).astype(int) - _MARGIN
        right, bottom = np.ceil(corners[2:]).astype(int) + _MARGIN
        left, top = (min(max(0, at), end - 1) for at, end in ((left, columns), (top, rows)))
        right, bottom = max(left + 1, min(right, columns)), max(top + 1, min(bottom, rows))
        values = self.run(self.feature[:, :, top:bottom, left:right])[0]
        across, down = values.shape[2] // (right - left), values.shape[1] // (bottom - top)
        return Part(values, left * across, top * down, (rows * down, columns * across))
