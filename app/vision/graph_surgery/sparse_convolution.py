"""Successive convolutions that are computed at selected cells of a feature map only."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Array, Floats, Ints

_ROWS = 8
"""Cells in one matrix product. The number is fixed so that the result of a cell is bit-identical
whichever other cells are computed with it. On processors with AVX2, OpenBLAS rounds the cells of 16
differently by position: it takes 12 of them together, and then the others."""


class Convolution(NamedTuple):
    """A convolution with stride 1 and zero padding."""

    weights: Floats
    """(size * size * channels in, channels out), row by row from the upper left corner."""
    bias: Floats
    """(channels out,)"""
    size: int
    """Side of its square kernel: 1 or 3."""
    silu: bool
    """Whether SiLU, x * sigmoid(x), follows."""

    @classmethod
    def of(cls, kernel: Floats, bias: Floats, *, silu: bool) -> "Convolution":
        """``kernel`` (channels out, channels in, size, size), as ONNX has it."""
        channels, _, size, _ = kernel.shape
        by_tap = np.ascontiguousarray(kernel.transpose(2, 3, 1, 0).reshape(-1, channels))
        return cls(by_tap, bias, size, silu)

    @property
    def channels_in(self) -> int:
        return len(self.weights) // self.size**2

    @property
    def channels_out(self) -> int:
        return len(self.bias)

    def apply(self, values: Floats, taps: Ints) -> Floats:
        """``taps`` (n, size * size) are rows of ``values``, whose last row is zeros.

        Returns (n + 1, channels out); its last row is zeros again.
        """
        count = len(taps)
        padded = np.full((-(-count // _ROWS) * _ROWS, taps.shape[1]), len(values) - 1)
        padded[:count] = taps
        windows = np.empty((_ROWS, taps.shape[1], values.shape[1]), dtype=np.float32)
        out = np.empty((len(padded) + 1, len(self.bias)), dtype=np.float32)
        for start in range(0, len(padded), _ROWS):
            rows = slice(start, start + _ROWS)
            # No index is out of range: "clip" only skips the check.
            values.take(padded[rows], axis=0, out=windows, mode="clip")
            np.matmul(windows.reshape(_ROWS, -1), self.weights, out=out[rows])
        out[count] = 0
        made = out[:count]
        made += self.bias
        if self.silu:
            with np.errstate(over="ignore"):  # 1 / infinity is 0, as intended
                made /= 1 + np.exp(-made)
        return out[: count + 1]


class BoxBranch(NamedTuple):
    layers: Sequence[Convolution]

    def at(self, feature: Array, places: Ints) -> Floats:
        """Results (channels out, n) at the row-major cells ``places`` (n,).

        ``feature`` is (channels in, height, width).
        """
        grid = _Grid(*feature.shape[1:])
        stages = [grid.framed(places)]
        for layer in reversed(self.layers):
            stages.append(grid.around(stages[-1], layer.size))
        stages.reverse()
        picked = feature.reshape(len(feature), -1)[:, grid.unframed(stages[0])]
        values = np.zeros((len(stages[0]) + 1, len(feature)), dtype=np.float32)
        values[:-1] = picked.T
        for layer, (known, wanted) in zip(self.layers, pairwise(stages), strict=True):
            values = layer.apply(values, grid.taps(known, wanted, layer.size))
        return values[:-1].T


class _Grid:
    """A map with a border of one cell, so that every cell of the map has eight neighbours."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.size = (height + 2) * (width + 2)

    def framed(self, places: Ints) -> Ints:
        row, column = np.divmod(places, self.width)
        return (row + 1) * (self.width + 2) + column + 1

    def unframed(self, cells: Ints) -> Ints:
        row, column = np.divmod(cells, self.width + 2)
        return (row - 1) * self.width + column - 1

    def around(self, cells: Ints, size: int) -> Ints:
        """``cells`` and all cells of the map in a window of ``size`` around each."""
        if size == 1:
            return cells
        found = np.zeros((self.height + 2, self.width + 2), dtype=bool)
        found.reshape(-1)[cells[:, None] + self._window(size)] = True
        found[[0, -1]] = False
        found[:, [0, -1]] = False
        within: Ints = np.flatnonzero(found)
        return within

    def taps(self, known: Ints, wanted: Ints, size: int) -> Ints:
        """For each ``wanted`` cell, the positions in ``known`` of the cells in its window.

        The shape is (wanted, size * size). Cells of the border have the position ``len(known)``.
        """
        index = np.full(self.size, len(known))
        index[known] = np.arange(len(known))
        taps: Ints = index[wanted[:, None] + self._window(size)]
        return taps

    def _window(self, size: int) -> Ints:
        way = np.arange(size) - size // 2
        return (way[:, None] * (self.width + 2) + way).ravel()
