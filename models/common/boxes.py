"""Predicted boxes, and how much boxes overlap. Boxes are left, top, right, bottom."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.vision.arrays import Array, Floats, Ints


class Boxes(NamedTuple):
    """Predictions for one photo, in any unit of length."""

    classes: Ints
    """``(n,)``"""
    boxes: Floats
    """``(n, 4)``"""
    scores: Floats
    """``(n,)``, 0 to 1."""

    def take(self, kept: Array) -> Boxes:
        """The boxes at these positions, or those for which the mask ``kept`` is true."""
        return Boxes(self.classes[kept], self.boxes[kept], self.scores[kept])


def iou(a: Floats, b: Floats) -> Floats:
    """Intersection over union ``(len(a), len(b))``."""
    shared = _shared(a, b)
    union = _area(a)[:, None] + _area(b)[None] - shared
    found: Floats = shared / np.maximum(union, 1e-9)
    return found


def inside(a: Floats, b: Floats) -> Floats:
    """Share of each box of ``a`` that lies inside each of ``b`` ``(len(a), len(b))``."""
    area = np.maximum(_area(a), 1e-9).astype(np.float32, copy=False)
    return _shared(a, b) / area[:, None]


def _shared(a: Floats, b: Floats) -> Floats:
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    found: Floats = np.prod(np.maximum(high - low, 0), axis=2)
    return found


def _area(boxes: Floats) -> Floats:
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    found: Floats = width * height
    return found
