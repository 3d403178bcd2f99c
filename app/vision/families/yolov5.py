"""YOLOv5, v6 and v7 with their grid and anchors applied: (1, anchors, 5 + classes).

The columns are centre x, centre y, width and height in input pixels, objectness and class
probabilities. A score is the product of objectness and probability. Mask coefficients follow if a
second output has prototypes.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    SIDES,
    Declared,
    Family,
    Outputs,
    best_class,
    corners,
)
from app.vision.families.mask_columns import mask_output, with_masks
from app.vision.families.objectness import bind_objectness
from app.vision.preprocess.input_spec import InputSpec


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    rows = rows[rows[:, 4] > threshold]
    kept, scores, best = best_class(rows[:, 5 : 5 + classes] * rows[:, 4:5], threshold)
    found = Candidates(corners(rows[kept, :4]), scores, best)
    return with_masks(found, outputs, rows[kept, 5 + classes :], input_size)


def fits_input(declared: Declared, height: int | None, width: int | None, /) -> bool:
    """Whether the number of anchors is three per cell of the usual grids."""
    anchors = next(iter(declared.values()))[1]
    if anchors is None:
        return True
    if height is None or width is None:  # the number of anchors would vary with them
        return False
    cells = {stride: (height // stride) * (width // stride) for stride in (4, 8, 16, 32, 64)}
    usual = sum(cells[stride] for stride in (8, 16, 32))
    return anchors in {3 * usual, 3 * (usual + cells[64]), 3 * (usual + cells[4])}


FAMILY = Family(
    name="yolov5",
    models="YOLOv5, YOLOv6 and YOLOv7 without NMS, YOLOX decoded in the graph",
    layout="[1, anchors, 5 + classes]",
    input=InputSpec(size=(640, 640)),
    needs_nms=True,
    masks=mask_output,
    bind=bind_objectness,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "anchors"}},
    usual_inputs=(
        InputSpec(size=(640, 640), fit="corner", channels="bgr", std=(1, 1, 1)),
        InputSpec(size=(640, 640), fit="stretch"),
    ),
    tasks=frozenset({"detect", "segment"}),
    undescribed_only=True,
    fits_input=fits_input,
)
