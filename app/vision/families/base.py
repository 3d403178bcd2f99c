"""What a model family has to provide."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from app.vision.arrays import Array, Floats, Ints

Shape = Sequence[int | None]
"""Of an output; None where the file leaves an axis open."""
Outputs = Sequence[Array]


class Candidates(NamedTuple):
    """Boxes above the threshold, before suppression."""

    boxes: Floats
    """(n, 4): x1, y1, x2, y2 in input pixels."""
    scores: Floats
    """(n,), 0..1."""
    classes: Ints
    """(n,), one for a box: the best."""


class Head(Protocol):
    needs_nms: bool
    layout: str
    """The outputs in words, for messages."""

    def fits(self, outputs: Sequence[Shape], classes: int) -> bool:
        """Whether outputs of these shapes can be this family's, with so many classes."""
        ...

    def decode(
        self, outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
    ) -> Candidates:
        """Outputs of one image to candidates whose score is above ``threshold``.

        ``input_size`` is the height and width of the input tensor.
        """
        ...


def allows(axis: int | None, size: int) -> bool:
    return axis is None or axis == size


def fits_objectness(outputs: Sequence[Shape], classes: int) -> bool:
    """Whether the first output is (1, anchors, 5 + classes): box, objectness, classes."""
    first = outputs[0]
    return len(first) == 3 and allows(first[0], 1) and first[2] == 5 + classes


def corners(boxes: Floats) -> Floats:
    """(n, 4) from centre x, centre y, width, height to x1, y1, x2, y2."""
    half = boxes[:, 2:] / 2
    centre = boxes[:, :2]
    return np.concatenate([centre - half, centre + half], axis=1)


def best_class(scores: Floats, threshold: float) -> tuple[Ints, Floats, Ints]:
    """Rows, scores and classes of those (n, classes) rows whose best is above ``threshold``."""
    rows = np.flatnonzero(scores.max(axis=1) > threshold)
    picked = scores[rows]
    classes = picked.argmax(axis=1)
    return rows, picked[np.arange(len(rows)), classes], classes
