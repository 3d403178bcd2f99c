"""DETR's offspring (RT-DETR, D-FINE, DEIM): labels (1, n), boxes (1, n, 4), scores (1, n).

Such a model is told the size of the original image in a second input, ``orig_target_sizes``, and
scales its boxes to it. Spotter tells it the size of the input tensor instead, so that boxes come
in input pixels, x1, y1, x2, y2, as from any other family.
"""

from collections.abc import Sequence

import numpy as np

from app.vision.families.base import Candidates, Outputs, Shape, allows

needs_nms = False
layout = "labels [1, n], boxes [1, n, 4], scores [1, n]"


def fits(outputs: Sequence[Shape], classes: int) -> bool:
    if [len(shape) for shape in outputs] != [2, 3, 2]:
        return False
    return allows(outputs[1][2], 4)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    labels, boxes, scores = (output[0] for output in outputs)
    kept = (scores > threshold) & (labels >= 0) & (labels < classes)
    return Candidates(
        boxes[kept].astype(np.float32, copy=False),
        scores[kept].astype(np.float32, copy=False),
        labels[kept].astype(np.intp),
    )
