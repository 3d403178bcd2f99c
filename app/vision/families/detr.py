"""DETR descendants with post-processing in the graph: labels (1, n), boxes (1, n, 4), scores.

Such a model takes the size of the original image in a second input, ``orig_target_sizes``, and
scales its boxes to it. It is given the size of the input tensor instead, so that its boxes are x1,
y1, x2, y2 in input pixels, as in every other family.
"""

import numpy as np

from app.vision.arrays import Array
from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Family, Outputs, Rows, allows
from app.vision.families.meanings import by_role
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_OUTPUTS = ("labels", "boxes", "scores")


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    roles = by_role(declared)
    names = [roles[role] for role in _OUTPUTS] if roles.keys() >= set(_OUTPUTS) else list(declared)
    shapes = [declared[name] for name in names]
    if [len(shape) for shape in shapes] != [2, 3, 2] or not allows(shapes[1][2], 4):
        return None
    return names


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    labels, boxes, scores = (output[0] for output in outputs)
    kept = (scores > threshold) & (labels >= 0) & (labels < classes)
    return Candidates(
        boxes[kept].astype(np.float32, copy=False),
        scores[kept].astype(np.float32, copy=False),
        labels[kept].astype(np.intp),
    )


def read_rows(outputs: Outputs, _: OutputSpec, /) -> Rows:
    labels, boxes, scores = (output[0] for output in outputs)
    return Rows(boxes, scores, labels)


def _size(height: int, width: int, /) -> Array:
    return np.array([[width, height]], dtype=np.int64)


FAMILY = Family(
    name="detr",
    models="RT-DETR, D-FINE and DEIM with their post-processing",
    layout="labels [1, n], boxes [1, n, 4], scores [1, n]",
    input=InputSpec(size=(640, 640), fit="stretch"),
    needs_nms=False,
    bind=bind,
    decode=decode,
    exported={
        "images": BATCH,
        "orig_target_sizes": BATCH,
        "labels": BATCH,
        "boxes": BATCH,
        "scores": BATCH,
    },
    rows=read_rows,
    feeds={"orig_target_sizes": _size},
)
