"""Prototypes of masks: maps of the whole input, or of the part of it that has objects."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from app.vision.arrays import Array, Floats

_MARGIN = 3
"""Margin in cells of the feature map."""


class Part(NamedTuple):
    """A section of the prototypes."""

    values: Array
    """(prototypes, rows, columns)."""
    left: int
    """First column; ``top`` is the first row."""
    top: int
    size: tuple[int, int]
    """Rows and columns of all prototypes."""


class Prototypes(Protocol):
    def around(self, boxes: Floats) -> Part:
        """All cells needed for ``boxes`` (n, 4) in input pixels; there is at least one box."""
        ...


class WholePrototypes(NamedTuple):
    """Prototypes that are an output of the model."""

    values: Array
    """(prototypes, rows, columns)."""

    def around(self, boxes: Floats) -> Part:
        height, width = self.values.shape[1:]
        return Part(self.values, 0, 0, (height, width))


class LatePrototypes(NamedTuple):
    """Prototypes that are computed from a feature map, only around objects."""

    run: Callable[[Array], Array]
    """Computes prototypes (1, prototypes, rows, columns) from a section of the feature map."""
    feature: Array
    """(1, channels, rows, columns)."""
    input_size: tuple[int, int]

    def around(self, boxes: Floats) -> Part:
        rows, columns = self.feature.shape[2:]
        height, width = self.input_size
        scale = np.array([columns / width, rows / height] * 2)
        corners = np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]) * scale
        # Convolutions depend on neighbouring cells: with this margin the result is that of the map.
        left, top = np.floor(corners[:2]).astype(int) - _MARGIN
        right, bottom = np.ceil(corners[2:]).astype(int) + _MARGIN
        left, top = (min(max(0, at), end - 1) for at, end in ((left, columns), (top, rows)))
        right, bottom = max(left + 1, min(right, columns)), max(top + 1, min(bottom, rows))
        values = self.run(self.feature[:, :, top:bottom, left:right])[0]
        across, down = values.shape[2] // (right - left), values.shape[1] // (bottom - top)
        return Part(values, left * across, top * down, (rows * down, columns * across))
