"""Ultralytics v8, v9, 11, 12 and Spotter's own: (1, 4 + classes [+ masks], anchors).

Rows are centre x, centre y, width and height in input pixels, then class probabilities; there is
no objectness. Mask coefficients behind the classes and their prototypes are left aside.
"""

from collections.abc import Sequence

import numpy as np

from app.vision.families.base import Candidates, Outputs, Shape, allows, corners

needs_nms = True
layout = "[1, 4 + classes, anchors]"


def fits(outputs: Sequence[Shape], classes: int) -> bool:
    first, *others = outputs
    if len(first) != 3 or not allows(first[0], 1):
        return False
    if not others:
        return first[1] == 4 + classes
    prototypes = others[0]
    return len(prototypes) == 4 and first[1] == 4 + classes + (prototypes[1] or 0)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    scores = rows[4 : 4 + classes]
    anchors = np.flatnonzero(scores.max(axis=0) > threshold)
    picked = scores[:, anchors]
    best = picked.argmax(axis=0)
    return Candidates(corners(rows[:4, anchors].T), picked[best, np.arange(len(anchors))], best)
