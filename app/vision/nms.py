"""Non-maximum suppression: of several boxes for one object, only the most probable is kept."""

import numpy as np

from app.vision.arrays import Floats, Ints


def nms(boxes: Floats, scores: Floats, classes: Ints, iou: float, limit: int) -> Ints:
    """Greedy NMS within each class; returns at most ``limit`` rows, highest score first.

    ``boxes`` (n, 4) are x1, y1, x2, y2; ``scores`` and ``classes`` are (n,). A box is dropped if a
    kept box of its class with a higher score overlaps it with an IoU above ``iou``.
    """
    order = np.argsort(-scores, kind="stable")
    # Sorted and stored as four rows, so that each comparison below reads contiguous memory.
    x1, y1, x2, y2 = boxes[order].T.copy()
    areas = (x2 - x1) * (y2 - y1)
    kinds = classes[order]
    alive = np.ones(len(order), dtype=bool)
    kept: list[int] = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        kept.append(i)
        if len(kept) == limit:
            break
        rest = slice(i + 1, None)
        width = np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest])
        height = np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        over = shared > iou * (areas[i] + areas[rest] - shared)
        alive[rest] &= ~(over & (kinds[rest] == kinds[i]))
    return order[kept]
