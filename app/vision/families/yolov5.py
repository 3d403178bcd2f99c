"""YOLOv5 with its grid and anchors applied: (1, anchors, 5 + classes).

The columns are centre x, centre y, width and height in input pixels, objectness and class
probabilities. A score is the product of objectness and probability.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import SIDES, Family, Outputs, best_class, bind_objectness, corners
from app.vision.preprocess.input_spec import InputSpec


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    rows = rows[rows[:, 4] > threshold]
    kept, scores, best = best_class(rows[:, 5 : 5 + classes] * rows[:, 4:5], threshold)
    return Candidates(corners(rows[kept, :4]), scores, best)


FAMILY = Family(
    name="yolov5",
    models="YOLOv5",
    layout="[1, anchors, 5 + classes]",
    input=InputSpec(size=(640, 640)),
    needs_nms=True,
    bind=bind_objectness,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "anchors"}},
    tasks=frozenset({"detect", "segment"}),
)
