"""YOLOv5 with its grid and anchors applied: (1, anchors, 5 + classes).

Columns are centre x, centre y, width and height in input pixels, objectness and class
probabilities; a score is the product of the two.
"""

from collections.abc import Sequence

import numpy as np

from app.vision.families.base import (
    Candidates,
    Outputs,
    Shape,
    best_class,
    corners,
    fits_objectness,
)

needs_nms = True
layout = "[1, anchors, 5 + classes]"


def fits(outputs: Sequence[Shape], classes: int) -> bool:
    return fits_objectness(outputs, classes)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    rows = rows[rows[:, 4] > threshold]
    kept, scores, best = best_class(rows[:, 5 : 5 + classes] * rows[:, 4:5], threshold)
    return Candidates(corners(rows[kept, :4]), scores, best)
