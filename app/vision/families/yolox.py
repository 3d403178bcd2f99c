"""YOLOX as its authors export it, without decoding: (1, anchors, 5 + classes).

The first columns are the offset of the centre within its cell and the logarithms of width and
height, all in strides of the cell. The sigmoid is already applied to objectness and class
probabilities. A score is their product.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import SIDES, Family, Outputs, best_class
from app.vision.families.cell_grid import boxes_from_offsets, cell_grid
from app.vision.families.objectness import bind_objectness
from app.vision.preprocess.input_spec import InputSpec

_STRIDES = (8, 16, 32)


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    likely = np.flatnonzero(rows[:, 4] > threshold)
    rows, (cells, strides) = rows[likely], cell_grid(*input_size, _STRIDES)
    kept, scores, best = best_class(rows[:, 5 : 5 + classes] * rows[:, 4:5], threshold)
    rows, cells, strides = rows[kept], cells[likely[kept]], strides[likely[kept]]
    return Candidates(boxes_from_offsets(rows, cells, strides), scores, best)


FAMILY = Family(
    name="yolox",
    models="YOLOX",
    layout="[1, anchors, 5 + classes], not decoded",
    input=InputSpec(size=(640, 640), fit="corner", channels="bgr", std=(1, 1, 1)),
    needs_nms=True,
    bind=bind_objectness,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "anchors"}},
)
