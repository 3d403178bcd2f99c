"""All boxes and scores, and the indices that ONNX's NonMaxSuppression selected.

Outputs are boxes (1, n, 4), scores (1, classes, n) and selected_indices (m, 3), whose rows are
picture, class and box.
"""

import numpy as np

from app.vision.arrays import Shape
from app.vision.families.base import BATCH, Declared, Family, Outputs, Rows, is_rows, leaves
from app.vision.families.meanings import decodes_rows
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 3:
        return None
    indices = [name for name, shape in declared.items() if len(shape) == 2 and shape[1] == 3]
    maps = [name for name, shape in declared.items() if is_rows(shape)]
    boxes = [name for name in maps if declared[name][2] == 4 and not _are_scores(name)]
    scores = [name for name in maps if name not in boxes]
    if [len(indices), len(boxes), len(scores)] != [1, 1, 1]:
        return None
    return [*boxes, *scores, *indices] if _fits(declared[scores[0]], classes) else None


def _are_scores(name: str) -> bool:
    return "score" in name.lower() or "conf" in name.lower()


def _fits(scores: Shape, classes: int | None) -> bool:
    return leaves(scores[1], 0, classes)


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [
        OutputSpec.model_validate({"boxes": boxes, "unit": unit})
        for boxes in ("xyxy", "cxcywh", "yxyx")
        for unit in ("pixels", "shares")
    ]


def read_rows(outputs: Outputs, spec: OutputSpec, /) -> Rows:
    boxes, scores, selected = outputs
    numbers, rows = selected[:, 1].astype(np.intp), selected[:, 2].astype(np.intp)
    return Rows(boxes[0][rows], scores[0][numbers, rows], numbers)


with_spec = decodes_rows(read_rows)

FAMILY = Family(
    name="selected_indices",
    models="exports that end in ONNX's NonMaxSuppression",
    layout="boxes [1, n, 4], scores [1, classes, n], selected_indices [m, 3]",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(
        InputSpec(size=(640, 640), fit="stretch"),
        InputSpec(size=(640, 640), std=(1, 1, 1)),
    ),
    needs_nms=False,
    bind=bind,
    decode=with_spec(OutputSpec()),
    exported={"images": BATCH, "boxes": BATCH, "scores": BATCH, "selected_indices": {0: "m"}},
    ways=ways,
    with_spec=with_spec,
    rows=read_rows,
)
