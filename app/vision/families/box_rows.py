"""Rows of a box and its class probabilities: (1, n, 4 + classes), without objectness.

Boxes are corners or centre and size, in pixels or relative to the input (0..1), as the file's
description says.
"""

from app.vision.detections import Candidates
from app.vision.families.base import SIDES, Declared, Decode, Family, Outputs, is_rows, leaves
from app.vision.families.meanings import from_scores
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    return [name] if is_rows(shape) and leaves(shape[2], 4, classes) else None


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [
        OutputSpec(boxes=boxes, unit=unit)
        for unit in ("pixels", "shares")
        for boxes in ("cxcywh", "xyxy")
    ]


def with_spec(spec: OutputSpec) -> Decode:
    def decode(
        outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        rows = outputs[0][0]
        return from_scores(rows[:, :4], rows[:, 4:], spec, classes, threshold, input_size)

    return decode


FAMILY = Family(
    name="box_rows",
    models="YOLOv8 transposed, NanoDet-Plus decoded in the graph",
    layout="[1, n, 4 + classes]",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(
        InputSpec(size=(640, 640), pad_value=0),
        InputSpec(size=(640, 640), fit="stretch"),
    ),
    needs_nms=True,
    bind=bind,
    decode=with_spec(OutputSpec(boxes="cxcywh")),
    exported={"images": SIDES, "output0": {0: "batch", 1: "n"}},
    ways=ways,
    with_spec=with_spec,
)
