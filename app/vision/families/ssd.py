"""SSD-style detectors with their priors applied: scores (1, n, 1 + classes), boxes (1, n, 4).

The first column of the scores is the background; the softmax is already applied. Boxes are x1, y1,
x2, y2 relative to the input's width and height (0..1).
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Family, Outputs, best_class, is_rows, leaves
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if declared.keys() != {"scores", "boxes"}:
        return None
    scores, boxes = declared["scores"], declared["boxes"]
    if not (is_rows(scores) and is_rows(boxes) and boxes[2] == 4 and boxes[1] == scores[1]):
        return None
    return ["scores", "boxes"] if leaves(scores[2], 1, classes) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    scores, boxes = (output[0].astype(np.float32, copy=False) for output in outputs)
    rows, picked, best = best_class(scores[:, 1 : 1 + classes], threshold)
    height, width = input_size
    scale = np.array([width, height] * 2, dtype=np.float32)
    return Candidates(boxes[rows] * scale, picked, best)


FAMILY = Family(
    name="ssd",
    models="UltraFace",
    layout="scores [1, n, 1 + classes] with the background first, boxes [1, n, 4] in 0..1",
    input=InputSpec(size=(240, 320), fit="stretch", mean=(127, 127, 127), std=(128, 128, 128)),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": BATCH, "scores": BATCH, "boxes": BATCH},
)
