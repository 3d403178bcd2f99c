"""Detections after NMS in one output, one row each: (n, 7) or (n, 6).

Rows of seven begin with the picture's index in the batch, then the box, then class and score
(YOLOv7) or score and class (YOLO-NAS). PaddleDetection's rows are class, score and box. Its files
also take the scale of the picture; it is set to 1, so that boxes are in input pixels.
"""

from collections.abc import Collection

import numpy as np

from app.vision.arrays import Array
from app.vision.families.base import BATCH, Declared, Family, Outputs, Rows
from app.vision.families.end2end import by_columns
from app.vision.families.meanings import decodes_rows
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_IMAGENET_MEAN, _IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    """The output with the rows; an output with their count may follow."""
    (name, shape), *others = declared.items()
    if len(others) > 1 or any(len(other) > 1 for _, other in others):
        return None
    rows = len(shape) == 2 or (len(shape) == 3 and shape[0] == 1)
    return [name] if rows and shape[-1] in ((6, 7) if len(shape) == 2 else (7,)) else None


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    width = next(iter(declared.values()))[-1]
    orders = ("box class score", "box score class", "class score box")
    return [
        OutputSpec.model_validate({"columns": columns, "unit": unit})
        for columns in (orders if width == 7 else reversed(orders))
        for unit in ("pixels", "shares")
    ]


def read_rows(outputs: Outputs, spec: OutputSpec, /) -> Rows:
    rows = outputs[0].reshape(-1, outputs[0].shape[-1])
    return by_columns(rows[:, 1:] if rows.shape[1] == 7 else rows, spec)


def _scale(height: int, width: int, /) -> Array:
    return np.ones((1, 2), dtype=np.float32)


def _size(height: int, width: int, /) -> Array:
    return np.array([[height, width]], dtype=np.float32)


def input_of_form(declared: Declared, inputs: Collection[str], model_type: str, /) -> InputSpec:
    return FAMILY.usual_inputs[0] if inputs else FAMILY.input


with_spec = decodes_rows(read_rows)

FAMILY = Family(
    name="detection_rows",
    models="YOLOv7 and YOLO-NAS with NMS in the graph, PaddleDetection (PP-YOLOE, RT-DETR)",
    layout="[n, 7]: picture, box, class and score in either order; [n, 6]: class, score, box",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(
        InputSpec(size=(640, 640), fit="stretch", mean=_IMAGENET_MEAN, std=_IMAGENET_STD),
        InputSpec(size=(640, 640), fit="stretch"),
        InputSpec(size=(640, 640), std=(1, 1, 1)),
    ),
    needs_nms=False,
    bind=bind,
    decode=with_spec(OutputSpec(columns="box class score")),
    exported={"images": BATCH, "output": {0: "n"}},
    feeds={"scale_factor": _scale, "im_shape": _size},
    optional_feeds=frozenset({"scale_factor", "im_shape"}),
    ways=ways,
    with_spec=with_spec,
    input_of_form=input_of_form,
    rows=read_rows,
)
