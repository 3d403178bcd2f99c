"""YOLOv8-pose, 11-pose and 12-pose: (1, 4 + classes + keypoints, anchors).

Rows are those of YOLOv8, then x and y in input pixels and the probability of each keypoint.
"""

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from app.vision.families import keypoint_columns
from app.vision.families.base import (
    SIDES,
    Declared,
    Family,
    Outputs,
    best_of_anchors,
    corners,
    is_rows,
)
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    fits = is_rows(shape) and keypoint_columns.could_be(_columns(declared, classes or 1), classes)
    return [name] if fits else None


def _columns(declared: Declared, classes: int) -> int | None:
    rows = keypoint_columns.first_shape(declared)[1]
    return None if rows is None else rows - 4 - classes


def _read(outputs: Outputs, classes: int, threshold: float) -> tuple[Candidates, Floats]:
    rows, scores, best = best_of_anchors(outputs[0], classes, threshold)
    return Candidates(corners(rows[:, :4]), scores, best), rows[:, 4 + classes :]


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return keypoint_columns.ways_of(_columns(declared, labels))


def spec_fits(declared: Declared, classes: int, spec: OutputSpec, /) -> bool:
    return keypoint_columns.spec_fits_columns(_columns(declared, classes), spec)


def fits_input(declared: Declared, height: int | None, width: int | None, /) -> bool:
    """Whether the number of anchors is one per cell of the usual grids."""
    anchors = keypoint_columns.first_shape(declared)[2]
    if anchors is None:
        return True
    if height is None or width is None:  # the number of anchors would vary with them
        return False
    cells = {stride: (height // stride) * (width // stride) for stride in (4, 8, 16, 32, 64)}
    usual = sum(cells[stride] for stride in (8, 16, 32))
    return anchors in {usual, usual + cells[64], usual + cells[4]}


with_spec = keypoint_columns.decoder(_read)

FAMILY = Family(
    name="yolov8_pose",
    task="pose",
    models="YOLOv8-pose, 11-pose and 12-pose",
    layout="[1, 4 + classes + keypoints * 2 or 3, anchors]",
    input=InputSpec(size=(640, 640)),
    needs_nms=True,
    bind=bind,
    decode=with_spec(keypoint_columns.USUAL),
    exported={"images": SIDES, "output0": {0: "batch", 2: "anchors"}},
    ways=ways,
    with_spec=with_spec,
    spec_fits=spec_fits,
    tasks=frozenset({"pose"}),
    fits_input=fits_input,
)
