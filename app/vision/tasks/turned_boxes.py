"""Turned boxes: rectangles at any angle, for example of ships and planes seen from above."""

import math
from typing import NamedTuple

import numpy as np

from app.vision.arrays import Floats, Ints
from app.vision.preprocess.letterbox import Letterbox

_SMALL = 1e-7
_AT_A_TIME = 128
"""Boxes that are looked at before others are ruled out by them."""


class TurnedBox(NamedTuple):
    corners: tuple[tuple[float, float], ...]
    """Four points in order around the box, in pixels of the upright picture. They may lie beyond
    its edges."""
    angle: float
    """Angle in radians from the x axis to the box's own, clockwise as displayed."""


class TurnedBoxes(NamedTuple):
    """Turned boxes of all candidates."""

    values: Floats
    """(n, 5): centre x, centre y, width, height in input pixels, and the angle in radians."""

    def take(self, rows: Ints) -> "TurnedBoxes":
        return TurnedBoxes(self.values[rows])

    def place(self, letterbox: Letterbox) -> list[TurnedBox]:
        points = letterbox.restore_points(corners(self.values)).tolist()
        angles = self.values[:, 4]
        if letterbox.scale_x != letterbox.scale_y:
            along = np.cos(angles) / letterbox.scale_x, np.sin(angles) / letterbox.scale_y
            angles = np.arctan2(along[1], along[0])
        return [
            TurnedBox(tuple((x, y) for x, y in four), angle)
            for four, angle in zip(points, angles.tolist(), strict=True)
        ]


def corners(boxes: Floats) -> Floats:
    """Corners (n, 4, 2) of turned boxes (n, 5), in the order of the Ultralytics package.

    At angle 0 that is lower right, upper right, upper left, lower left.
    """
    centre, angles = boxes[:, :2], boxes[:, 4:5]
    cos, sin = np.cos(angles), np.sin(angles)
    along = np.concatenate([cos, sin], axis=1) * (boxes[:, 2:3] / 2)
    across = np.concatenate([-sin, cos], axis=1) * (boxes[:, 3:4] / 2)
    found: Floats = np.stack(
        [
            centre + along + across,
            centre + along - across,
            centre - along - across,
            centre - along + across,
        ],
        axis=1,
    )
    return found


def envelopes(boxes: Floats) -> Floats:
    """(n, 4): x1, y1, x2, y2 of the upright bounding boxes of turned boxes (n, 5)."""
    points = corners(boxes)
    return np.concatenate([points.min(axis=1), points.max(axis=1)], axis=1)


def values_of(box: TurnedBox) -> tuple[float, float, float, float, float]:
    """Centre x, centre y, width and height in pixels, and the angle, of a placed box."""
    xs, ys = zip(*box.corners, strict=True)
    width = math.dist(box.corners[0], box.corners[3])
    height = math.dist(box.corners[0], box.corners[1])
    return sum(xs) / 4, sum(ys) / 4, width, height, box.angle


def similarities(box: Floats, boxes: Floats) -> Floats:
    """ProbIoU (n,) of a turned box (5,) and each of ``boxes`` (n, 5)."""
    x, y, a, b, c, _ = _distributions(np.concatenate([box[None], boxes]))
    return _probiou(x[1:] - x[0], y[1:] - y[0], (a[1:], b[1:], c[1:]), (a[0], b[0], c[0]))


def turned_nms(boxes: Floats, scores: Floats, classes: Ints, iou: float, limit: int) -> Ints:
    """Rows of ``boxes`` (n, 5) to keep: at most ``limit``, highest score first.

    A box is dropped if any box of its class with a higher score, kept or not, is more similar to it
    than ``iou``. This is what the Ultralytics package does. The similarity is ProbIoU
    (arXiv:2106.06072), which models boxes as normal distributions.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, better = _Sorted.of(boxes[order], classes[order]), np.arange(len(order))
    waiting = better
    kept: list[int] = []
    while len(waiting) and len(kept) < limit:
        few, waiting = waiting[:_AT_A_TIME].tolist(), waiting[_AT_A_TIME:]
        fresh = [i for i in few if not len(ordered.similar(i, better[:i], iou))]
        kept += fresh
        # If ``iou`` is low, a few boxes rule out nearly all others. Comparing each of those with
        # all better ones would take a hundred times as long.
        if 2 * len(fresh) < len(few):
            for i in few:
                waiting = np.delete(waiting, ordered.similar(i, waiting, iou))
    return order[kept[:limit]]


_Shape = tuple[Floats, Floats, Floats]
"""Covariances: of x, of y, and of x and y."""


class _Sorted(NamedTuple):
    """Turned boxes as normal distributions, in the order of their scores; each (n,)."""

    x: Floats
    y: Floats
    covariances: _Shape
    reach: Floats
    """Sums of both variances."""
    classes: Ints

    @classmethod
    def of(cls, boxes: Floats, classes: Ints) -> "_Sorted":
        x, y, a, b, c, reach = _distributions(boxes)
        return cls(x, y, (a, b, c), reach, classes)

    def similar(self, i: int, rows: Ints, iou: float) -> Ints:
        """Places in ``rows`` of the boxes that are more similar to box ``i`` than ``iou``.

        Boxes of other classes are never similar.
        """
        dx, dy = self.x[rows] - self.x[i], self.y[rows] - self.y[i]
        # Few boxes are close enough to be similar, and only these are compared.
        close = dx * dx + dy * dy <= _farthest(iou) * (self.reach[rows] + self.reach[i])
        near = np.flatnonzero(close & (self.classes[rows] == self.classes[i]))
        a, b, c = (each[rows[near]] for each in self.covariances)
        own_a, own_b, own_c = (each[i] for each in self.covariances)
        likeness = _probiou(dx[near], dy[near], (a, b, c), (own_a, own_b, own_c))
        return near[likeness > iou]


def _distributions(boxes: Floats) -> tuple[Floats, Floats, Floats, Floats, Floats, Floats]:
    """Centres, covariances and sums of variances of turned boxes (n, 5), each (n,)."""
    x, y, width, height, angle = boxes.T.copy()
    along, across = width**2 / 12, height**2 / 12
    cos, sin = np.cos(angle), np.sin(angle)
    a = along * cos**2 + across * sin**2
    b = along * sin**2 + across * cos**2
    return x, y, a, b, (along - across) * cos * sin, along + across


def _farthest(iou: float) -> float:
    """Squared distance of centres, per sum of variances, above which ProbIoU never exceeds ``iou``.

    ProbIoU exceeds ``iou`` only below a certain Bhattacharyya distance. This distance is at least a
    quarter of the squared distance over the greatest variance of both boxes, which is below their
    sum.
    """
    similar = 1 - (1 - iou) ** 2
    return math.inf if similar <= 0 else -4 * math.log(similar) * 1.01 + 1e-3


def _probiou(dx: Floats, dy: Floats, first: _Shape, second: tuple[float, float, float]) -> Floats:
    (a1, b1, c1), (a2, b2, c2) = first, second
    a, b, c = a1 + a2, b1 + b2, c1 + c2
    area = a * b - c**2
    apart = (a * dy**2 + b * dx**2) / (area + _SMALL) / 4 - c * dx * dy / (area + _SMALL) / 2
    sizes = np.sqrt(np.maximum(a1 * b1 - c1**2, 0) * max(a2 * b2 - c2**2, 0))
    unlike = np.log(area / (4 * sizes + _SMALL) + _SMALL) / 2
    distance = np.clip(apart + unlike, _SMALL, 100)
    similar: Floats = 1 - np.sqrt(1 - np.exp(-distance) + _SMALL)
    return similar
