"""Models that suppress duplicates themselves (YOLOv10, YOLO26, NMS in the graph): (1, n, 6).

Rows are x1, y1, x2, y2 in input pixels, score and class; unused ones have score 0.
"""

from collections.abc import Sequence

import numpy as np

from app.vision.families.base import Candidates, Outputs, Shape, allows

needs_nms = False
layout = "[1, detections, 6]"


def fits(outputs: Sequence[Shape], classes: int) -> bool:
    first = outputs[0]
    return len(first) == 3 and allows(first[0], 1) and first[2] == 6


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    rows = rows[(rows[:, 4] > threshold) & (rows[:, 5] >= 0) & (rows[:, 5] < classes)]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp))
