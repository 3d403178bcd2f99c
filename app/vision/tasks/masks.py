"""Masks: the pixels of the picture that belong to an object.

A model outputs prototypes, maps of a quarter of the input's size, and coefficients for each object.
The mask is where the sum of the prototypes, weighted by the coefficients and interpolated
bilinearly at the picture's own pixels, is above 0 within the object's box. This is what
``process_mask_native`` of the Ultralytics package computes.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.vision.arrays import Doubles, Floats, Ints
from app.vision.preprocess.letterbox import Letterbox
from app.vision.tasks import mask_contours, mask_runs
from app.vision.tasks.mask_contours import Ring
from app.vision.tasks.prototypes import Part, Prototypes

MaskForm = Literal["polygons", "rle"]

_SAMPLES = 2
"""Samples of the field per cell of the prototypes, in each direction, for contours. A contour is
straight between samples, while that of the field is slightly curved."""


class Masks(NamedTuple):
    """Masks of all candidates, computed on demand."""

    coefficients: Callable[[Ints], Floats]
    """Returns (n, prototypes) for these rows of the decoder's candidates."""
    rows: Ints
    prototypes: Prototypes
    boxes: Floats
    """(n, 4): x1, y1, x2, y2 in input pixels, one box for each of ``rows``."""
    input_size: tuple[int, int]
    """Height and width."""

    def take(self, rows: Ints) -> "Masks":
        return self._replace(rows=self.rows[rows], boxes=self.boxes[rows])

    def place(self, letterbox: Letterbox) -> "list[Mask]":
        if not len(self.rows):
            return []
        boxes = np.ceil(letterbox.restore(self.boxes)).astype(int).tolist()
        part = self.prototypes.around(self.boxes)
        axes = _axes(letterbox, part.size, self.input_size)
        size = letterbox.width, letterbox.height
        return [
            Mask(weights, part, axes, (left, top, right, bottom), size)
            for weights, (left, top, right, bottom) in zip(
                self.coefficients(self.rows), boxes, strict=True
            )
        ]


class _Axis(NamedTuple):
    """Maps the picture's pixels to the cells of the prototypes, along one axis."""

    cells_per_pixel: float
    offset: float
    least: float
    """The picture's first cell: samples before it are clamped to it."""
    most: float

    def cell(self, at: Doubles) -> Doubles:
        """Cells (centres at 0, 1 ...) for positions in pixels (the first pixel is 0 to 1)."""
        found: Doubles = np.clip(at * self.cells_per_pixel + self.offset, self.least, self.most)
        return found

    def place(self, cell: Doubles) -> Doubles:
        return (cell - self.offset) / self.cells_per_pixel


def _axes(
    letterbox: Letterbox, cells: tuple[int, ...], input_size: tuple[int, int]
) -> tuple[_Axis, _Axis]:
    """The axes for columns and rows."""

    def axis(scale: float, start: float, length: int, cells: int, pixels: int) -> _Axis:
        ratio = cells / pixels
        least, most = start * ratio, (start + length) * ratio - 1
        least = min(max(0.0, least), cells - 1)
        return _Axis(scale * ratio, start * ratio - 0.5, least, max(least, min(most, cells - 1)))

    height, width = input_size
    return (
        axis(letterbox.scale_x, letterbox.left, letterbox.content_width, cells[1], width),
        axis(letterbox.scale_y, letterbox.top, letterbox.content_height, cells[0], height),
    )


class Mask:
    """The mask of one object; each method computes it again."""

    def __init__(
        self,
        weights: Floats,
        prototypes: Part,
        axes: tuple[_Axis, _Axis],
        box: tuple[int, int, int, int],
        size: tuple[int, int],
    ) -> None:
        """``box`` is left, top, right, bottom and ``size`` is width, height, in pixels."""
        self._weights = weights
        self._prototypes = prototypes
        self._axes = axes
        self._box = box
        self._size = size

    def contours(self) -> list[Doubles]:
        """Outer contours in pixels of the picture, one array (n, 2) each."""
        left, top, right, bottom = self._box
        if right <= left or bottom <= top:
            return []
        columns, rows = self._axes
        xs = _spread(left, right, columns)
        ys = _spread(top, bottom, rows)
        field = self._sampled(columns.cell(xs), rows.cell(ys))
        return mask_contours.outer(field, xs, ys)

    def run_lengths(self) -> dict[str, Any]:
        """Run lengths in COCO's compressed form, as pycocotools writes it."""
        width, height = self._size
        left, top, right, bottom = self._box
        columns, rows = self._changes(left, top, right, bottom, 1.0)
        changes = (columns + left) * height + rows + top
        counts = mask_runs.counts_between(changes, width * height)
        return {"size": [height, width], "counts": mask_runs.compress(counts)}

    def bits(self, scale: float = 1.0) -> tuple[int, int, NDArray[np.bool_]]:
        """Left and top of the box, and the mask within it, on a picture scaled by ``scale``."""
        left, top, right, bottom = (round(side * scale) for side in self._box)
        shape = max(0, right - left), max(0, bottom - top)
        columns, rows = self._changes(left, top, right, bottom, scale)
        return left, top, mask_runs.filled(columns * shape[1] + rows, shape).T

    def _changes(
        self, left: int, top: int, right: int, bottom: int, scale: float
    ) -> tuple[Ints, Ints]:
        """Starts and ends of the mask in each column, as columns and rows within the box.

        Within a column the field is linear between two rows of the prototypes, so that its sign
        changes are found without visiting every pixel. Rows are 0 to the box's height.
        """
        if right <= left or bottom <= top:
            none: Ints = np.zeros(0, dtype=np.intp)
            return none, none
        columns, rows = self._axes
        centres: Doubles = np.arange(left + 0.5, right, dtype=np.float64) / scale
        ends: Doubles = np.array([top + 0.5, bottom - 0.5]) / scale
        first, last = rows.cell(ends)
        between = np.arange(np.floor(first) + 1, np.ceil(last))
        cells = np.concatenate([[first], between, [last]])
        field = self._sampled(columns.cell(centres), cells)
        inside = np.zeros((len(cells) + 2, right - left), dtype=bool)
        inside[1:-1] = field > 0
        column, cell = np.nonzero((inside[1:] != inside[:-1]).T)
        begins = inside[cell + 1, column]
        row = np.where(cell == 0, 0, bottom - top)
        inner = np.flatnonzero((cell > 0) & (cell < len(cells)))
        above, at = cell[inner] - 1, column[inner]
        upper, lower = field[above, at].astype(float), field[above + 1, at].astype(float)
        crossing = cells[above] + upper / (upper - lower) * (cells[above + 1] - cells[above])
        place = rows.place(crossing) * scale - 0.5 - top
        row[inner] = np.where(begins[inner], np.floor(place) + 1, np.ceil(place))
        return column, np.clip(row, 0, bottom - top)

    def _sampled(self, columns: Doubles, rows: Doubles) -> Floats:
        """The interpolated field (rows, columns) at these cells."""
        field, left, top = self._field(columns, rows)
        return _along(_along(field, rows - top).T, columns - left).T

    def _field(self, columns: Doubles, rows: Doubles) -> tuple[Floats, int, int]:
        """The weighted sum of the prototypes around these cells, and its first column and row."""
        values, first_column, first_row, _ = self._prototypes
        left, top = int(columns[0]), int(rows[0])
        right, bottom = int(columns[-1]) + 2, int(rows[-1]) + 2
        part = values[
            :, top - first_row : bottom - first_row, left - first_column : right - first_column
        ]
        flat = part.reshape(len(part), -1).astype(np.float32, copy=False)
        summed: Floats = (self._weights @ flat).reshape(part.shape[1:])
        return summed, left, top


def polygons(masks: Sequence[Mask]) -> list[list[Ring]]:
    """Outer contours of each mask in pixels of the picture, simplified to half a pixel."""
    return mask_contours.simplified([mask.contours() for mask in masks])


def _along(field: Floats, at: Doubles) -> Floats:
    """Rows of ``field`` interpolated at ``at``."""
    before = at.astype(np.intp)
    after = np.minimum(before + 1, len(field) - 1)
    share = (at - before).astype(np.float32)[:, None]
    found: Floats = field[before] * (1 - share) + field[after] * share
    return found


def _spread(start: int, end: int, axis: _Axis) -> Doubles:
    """Positions from ``start`` to ``end`` in pixels: ``_SAMPLES`` per cell, at most one per
    pixel."""
    parts = int(np.ceil((end - start) * min(1.0, axis.cells_per_pixel * _SAMPLES)))
    return np.linspace(start, end, parts + 1)
