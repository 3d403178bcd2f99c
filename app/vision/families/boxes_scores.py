"""Boxes and class probabilities in two outputs, before NMS: (1, n, 4) and (1, n, classes).

YOLO-NAS and DAMO-YOLO output corners in pixels; YOLOv4 outputs relative corners with one more axis.
The order of the two outputs does not matter.
"""

from app.vision.arrays import Shape
from app.vision.detections import Candidates
from app.vision.families.base import BATCH, Declared, Decode, Family, Outputs, is_rows, leaves
from app.vision.families.meanings import from_scores
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_OF_SCORES = ("score", "conf", "cls", "class", "prob")


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 2:
        return None
    boxes = [name for name, shape in declared.items() if _are_boxes(shape)]
    if len(boxes) == 2:  # four classes: only the names can tell the outputs apart
        boxes = [name for name in boxes if not any(word in name.lower() for word in _OF_SCORES)]
    if len(boxes) != 1:
        return None
    (scores,) = declared.keys() - set(boxes)
    rows, shape = declared[boxes[0]][1], declared[scores]
    if not is_rows(shape) or (None not in (rows, shape[1]) and rows != shape[1]):
        return None
    return [boxes[0], scores] if leaves(shape[2], 0, classes) else None


def _are_boxes(shape: Shape) -> bool:
    plain = is_rows(shape)
    return shape[-1:] == [4] and (plain or (len(shape) == 4 and shape[2] == 1))


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [
        OutputSpec.model_validate({"boxes": boxes, "unit": unit})
        for unit in ("pixels", "shares")
        for boxes in ("xyxy", "cxcywh")
    ]


def with_spec(spec: OutputSpec) -> Decode:
    def decode(
        outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
    ) -> Candidates:
        boxes = outputs[0].reshape(-1, 4)
        return from_scores(boxes, outputs[1][0], spec, classes, threshold, input_size)

    return decode


FAMILY = Family(
    name="boxes_scores",
    models="YOLO-NAS, DAMO-YOLO, YOLOv4",
    layout="boxes [1, n, 4] or [1, n, 1, 4], scores [1, n, classes]",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(
        InputSpec(size=(640, 640), std=(1, 1, 1)),
        InputSpec(size=(640, 640), fit="stretch"),
        InputSpec(size=(640, 640), fit="stretch", std=(1, 1, 1)),
    ),
    needs_nms=True,
    bind=bind,
    decode=with_spec(OutputSpec()),
    exported={"images": BATCH, "boxes": BATCH, "scores": BATCH},
    ways=ways,
    with_spec=with_spec,
)
