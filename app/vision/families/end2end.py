"""Models that suppress duplicates themselves: (1, n, 6).

The columns are x1, y1, x2, y2 in input pixels, score and class. Unused rows have score 0.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import SIDES, Declared, Family, Outputs, is_rows
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    name, first = next(iter(declared.items()))
    return [name] if is_rows(first) and first[2] == 6 else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows = outputs[0][0].astype(np.float32, copy=False)
    rows = rows[(rows[:, 4] > threshold) & (rows[:, 5] >= 0) & (rows[:, 5] < classes)]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp))


FAMILY = Family(
    name="end2end",
    models="YOLOv10, YOLO26, and exports with NMS in the graph",
    layout="[1, detections, 6]",
    input=InputSpec(size=(640, 640)),
    needs_nms=False,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "detections"}},
    tasks=frozenset({"detect", "segment"}),
)
