"""Detections after NMS, with boxes, class numbers and scores in separate outputs.

Examples are torchvision's ``boxes, labels, scores``, mmdet's ``dets`` (with scores) and ``labels``,
TensorFlow's ``detection_boxes, detection_classes, detection_scores`` and the ``num_dets, det_boxes,
det_scores, det_classes`` of exports for TensorRT's NMS. The batch axis may be missing.
"""

from itertools import product

from app.vision.arrays import Shape
from app.vision.families.base import BATCH, Declared, Family, Outputs, Rows
from app.vision.families.meanings import by_role, decodes_rows, numberings
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec

_FROM_ONE = frozenset({"bboxes", "detection_boxes"})
"""Box output names of models whose class 0 is usually the background."""


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    roles = by_role(declared)
    if not {"boxes", "labels"} <= roles.keys():
        return None
    boxes = declared[roles["boxes"]]
    with_scores = boxes[-1] == 5 if boxes else False
    if not _is_list(boxes, 2) or not _is_list(declared[roles["labels"]], 1):
        return None
    names = [roles["boxes"], roles["labels"]]
    if with_scores:
        return names
    if boxes[-1] not in (4, None) or "scores" not in roles:
        return None
    if not _is_list(declared[roles["scores"]], 1):
        return None
    return [*names, roles["scores"], *([roles["count"]] if "count" in roles else [])]


def _is_list(shape: Shape, axes: int) -> bool:
    """Whether the shape has this number of axes, or one more in front for a batch of one."""
    return len(shape) == axes or (len(shape) == axes + 1 and shape[0] in (1, None))


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    boxes = by_role(declared)["boxes"]
    y_first = boxes == "detection_boxes"
    unbatched = len(declared[boxes]) == 2
    numbers = numberings(labels, background=unbatched or boxes in _FROM_ONE)
    units = ("shares", "pixels") if y_first else ("pixels", "shares")
    return [
        OutputSpec.model_validate(
            {"boxes": "yxyx" if y_first else "xyxy", "unit": unit, "numbers": number}
        )
        for number, unit in product(numbers, units)
    ]


def read_rows(outputs: Outputs, spec: OutputSpec, /) -> Rows:
    boxes, numbers, *others = outputs
    rows = boxes.reshape(-1, boxes.shape[-1])
    scores = others[0].ravel() if others else rows[:, 4]
    found = int(others[1].ravel()[0]) if len(others) > 1 else len(rows)
    return Rows(rows[:found, :4], scores[:found], numbers.ravel()[:found])


with_spec = decodes_rows(read_rows)

FAMILY = Family(
    name="detections_apart",
    models="torchvision, mmdet, TensorFlow's detection_*, exports for TensorRT's NMS (all with NMS"
    " in the graph)",
    layout="boxes [n, 4], labels [n], scores [n], or dets [n, 5], labels [n], by their usual names,"
    " with or without a batch axis",
    input=InputSpec(size=(640, 640)),
    usual_inputs=(
        InputSpec(size=(640, 640), std=(1, 1, 1)),
        InputSpec(size=(640, 640), fit="stretch"),
        InputSpec(size=(640, 640), fit="stretch", std=(1, 1, 1)),
        InputSpec(
            size=(640, 640),
            fit="stretch",
            mean=(123.675, 116.28, 103.53),
            std=(58.395, 57.12, 57.375),
        ),
    ),
    needs_nms=False,
    bind=bind,
    decode=with_spec(OutputSpec()),
    exported={"images": BATCH, "boxes": BATCH, "labels": BATCH, "scores": BATCH},
    ways=ways,
    with_spec=with_spec,
    rows=read_rows,
)
