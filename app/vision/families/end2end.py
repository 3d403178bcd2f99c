"""Models with NMS built in: (1, n, 6).

The columns are x1, y1, x2, y2 in input pixels, score and class, unless a file is adopted with
another meaning. Unused rows have score 0. Mask coefficients follow if a second output has
prototypes.
"""

import numpy as np

from app.vision.arrays import Array, Floats
from app.vision.detections import Candidates
from app.vision.families.base import (
    SIDES,
    Declared,
    Decode,
    Family,
    Outputs,
    Rows,
    is_rows,
)
from app.vision.families.mask_columns import mask_output, prototypes, with_masks
from app.vision.families.meanings import decodes_rows
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    name, first = next(iter(declared.items()))
    masks = prototypes(declared)
    return [name] if is_rows(first) and first[2] == 6 + (masks[1] if masks else 0) else None


def decode(
    outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
) -> Candidates:
    found, rows = rows_above(outputs[0], classes, threshold)
    return with_masks(found, outputs, rows[:, 6:], input_size)


def rows_above(output: Array, classes: int, threshold: float) -> tuple[Candidates, Floats]:
    """Candidates above ``threshold`` that have a label, and their rows (n, columns)."""
    rows = output[0].astype(np.float32, copy=False)
    rows = rows[(rows[:, 4] > threshold) & (rows[:, 5] >= 0) & (rows[:, 5] < classes)]
    return Candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.intp)), rows


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [
        OutputSpec(columns=columns, unit=unit)
        for columns in ("box score class", "class score box", "box class score")
        for unit in ("pixels", "shares")
    ]


def read_rows(outputs: Outputs, spec: OutputSpec, /) -> Rows:
    return by_columns(outputs[0][0], spec)


def by_columns(rows: Array, spec: OutputSpec) -> Rows:
    """Boxes, scores and classes of rows (n, 6) in the order of ``spec``."""
    if spec.columns == "class score box":
        return Rows(rows[:, 2:], rows[:, 1], rows[:, 0])
    if spec.columns == "box class score":
        return Rows(rows[:, :4], rows[:, 5], rows[:, 4])
    return Rows(rows[:, :4], rows[:, 4], rows[:, 5])


def with_spec(spec: OutputSpec) -> Decode:
    return decode if spec == OutputSpec() else decodes_rows(read_rows)(spec)


FAMILY = Family(
    name="end2end",
    models="YOLOv10, YOLO26, and exports with NMS in the graph",
    layout="[1, detections, 6]",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(InputSpec(size=(640, 640), fit="stretch"),),
    needs_nms=False,
    masks=mask_output,
    bind=bind,
    decode=decode,
    exported={"images": SIDES, "output0": {0: "batch", 1: "detections"}},
    ways=ways,
    with_spec=with_spec,
    rows=read_rows,
    tasks=frozenset({"detect", "segment"}),
    described="yolov10|yolo26",
)
