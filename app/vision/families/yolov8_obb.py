"""YOLOv8-obb, 11-obb and 12-obb, detectors of turned boxes: (1, 4 + classes + 1, anchors).

Rows are those of YOLOv8; the last one is the angle in radians.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import (
    SIDES,
    Declared,
    Family,
    Outputs,
    best_of_anchors,
    is_rows,
    leaves,
)
from app.vision.preprocess.input_spec import InputSpec
from app.vision.tasks.turned_boxes import TurnedBoxes, envelopes


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    return [name] if is_rows(shape) and leaves(shape[1], 5, classes) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    rows, scores, best = best_of_anchors(outputs[0], classes, threshold)
    turned = np.concatenate([rows[:, :4], rows[:, -1:]], axis=1)
    return Candidates(envelopes(turned), scores, best, TurnedBoxes(turned))


FAMILY = Family(
    name="yolov8_obb",
    task="obb",
    models="YOLOv8-obb, 11-obb and 12-obb (turned boxes)",
    layout="[1, 4 + classes + 1, anchors]",
    input=InputSpec(size=(1024, 1024)),
    needs_nms=True,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 2: "anchors"}},
    tasks=frozenset({"obb"}),
    by_name_only=True,
)
