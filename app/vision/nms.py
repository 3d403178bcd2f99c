"""Non-maximum suppression: of several boxes for one object, only the most probable is kept."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.vision.arrays import Floats, Ints


class _Sorted(NamedTuple):
    """Boxes in the order of their scores, as four rows: each comparison reads contiguous memory."""

    x1: Floats
    y1: Floats
    x2: Floats
    y2: Floats
    areas: Floats

    @classmethod
    def of(cls, boxes: Floats) -> "_Sorted":
        x1, y1, x2, y2 = boxes.T.copy()
        return cls(x1, y1, x2, y2, (x2 - x1) * (y2 - y1))

    def overlaps(self, i: int, iou: float) -> NDArray[np.bool_]:
        """Whether each box after box ``i`` overlaps it with an IoU above ``iou``."""
        rest = slice(i + 1, None)
        width = np.minimum(self.x2[i], self.x2[rest]) - np.maximum(self.x1[i], self.x1[rest])
        height = np.minimum(self.y2[i], self.y2[rest]) - np.maximum(self.y1[i], self.y1[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        over: NDArray[np.bool_] = shared > iou * (self.areas[i] + self.areas[rest] - shared)
        return over


def nms(boxes: Floats, scores: Floats, classes: Ints, iou: float, limit: int) -> Ints:
    """Greedy NMS within each class; returns at most ``limit`` rows, highest score first.

    ``boxes`` (n, 4) are x1, y1, x2, y2; ``scores`` and ``classes`` are (n,). A box is dropped if a
    kept box of its class with a higher score overlaps it with an IoU above ``iou``.
    """
    order = np.argsort(-scores, kind="stable")
    ordered, kinds = _Sorted.of(boxes[order]), classes[order]
    alive = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(i)
        if len(kept) == limit:
            break
        alive[i + 1 :] &= ~(ordered.overlaps(i, iou) & (kinds[i + 1 :] == kinds[i]))
    return order[kept]


def soften(boxes: Floats, scores: Floats, classes: Ints, iou: float) -> Floats:
    """Soft-NMS across classes; returns the new scores (n,). The rows are sorted, best first.

    If two boxes of different classes overlap with an IoU above ``iou``, they are two opinions about
    one object. The score of the lower one is multiplied by what the other leaves: 1 - its score.
    Scores are lowered instead of boxes dropped, as by Bodla et al., 2017 (arXiv:1704.04503), since
    the second opinion may be the correct one: average precision hardly changes.
    """
    ordered = _Sorted.of(boxes)
    left = np.ones_like(scores)
    for i in range(len(scores) - 1):
        rivals = ordered.overlaps(i, iou) & (classes[i + 1 :] != classes[i])
        # Scores fall, so that the first rival of a box leaves least.
        left[i + 1 :] = np.minimum(left[i + 1 :], np.where(rivals, 1 - scores[i], 1))
    return scores * left
