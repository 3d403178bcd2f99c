"""YOLO26-obb, and exports of turned boxes with NMS in the graph: (1, n, 7).

The columns are centre x, centre y, width and height in input pixels, score, class, and the angle in
radians.
"""

import numpy as np

from app.vision.detections import Candidates
from app.vision.families.base import SIDES, Declared, Family, Outputs, is_rows
from app.vision.families.end2end import rows_above
from app.vision.preprocess.input_spec import InputSpec
from app.vision.tasks.turned_boxes import TurnedBoxes, envelopes


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    return [name] if is_rows(shape) and shape[2] == 7 else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    found, rows = rows_above(outputs[0], classes, threshold)
    turned = np.concatenate([rows[:, :4], rows[:, 6:]], axis=1)
    return found._replace(boxes=envelopes(turned), turned=TurnedBoxes(turned))


FAMILY = Family(
    name="end2end_obb",
    task="obb",
    models="YOLO26-obb, and exports of turned boxes with NMS in the graph",
    layout="[1, detections, 7]",
    input=InputSpec(size=(1024, 1024)),
    needs_nms=False,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "detections"}},
    tasks=frozenset({"obb"}),
    by_name_only=True,
)
