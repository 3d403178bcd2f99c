"""YOLO26-pose, and pose exports with NMS in the graph: (1, n, 6 + keypoints).

Rows are those of end-to-end detectors, then x and y in input pixels and the probability of each
keypoint.
"""

from app.vision.arrays import Floats
from app.vision.detections import Candidates
from app.vision.families import keypoint_columns
from app.vision.families.base import SIDES, Declared, Family, Outputs, is_rows
from app.vision.families.end2end import rows_above
from app.vision.output_spec import OutputSpec
from app.vision.preprocess.input_spec import InputSpec


def bind(declared: Declared, classes: int | None, /) -> list[str] | None:
    if len(declared) != 1:
        return None
    ((name, shape),) = declared.items()
    fits = is_rows(shape) and keypoint_columns.could_be(_columns(declared), classes)
    return [name] if fits else None


def _columns(declared: Declared) -> int | None:
    columns = keypoint_columns.first_shape(declared)[2]
    return None if columns is None else columns - 6


def _read(outputs: Outputs, classes: int, threshold: float) -> tuple[Candidates, Floats]:
    found, rows = rows_above(outputs[0], classes, threshold)
    return found, rows[:, 6:]


def ways(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return keypoint_columns.ways_of(_columns(declared))


def spec_fits(declared: Declared, classes: int, spec: OutputSpec, /) -> bool:
    return keypoint_columns.spec_fits_columns(_columns(declared), spec)


with_spec = keypoint_columns.decoder(_read)

FAMILY = Family(
    name="end2end_pose",
    task="pose",
    models="YOLO26-pose, and pose exports with NMS in the graph",
    layout="[1, detections, 6 + keypoints * 2 or 3]",
    input=InputSpec(size=(640, 640)),
    needs_nms=False,
    bind=bind,
    decode=with_spec(keypoint_columns.USUAL),
    exported={"images": SIDES, "output0": {0: "batch", 1: "detections"}},
    ways=ways,
    with_spec=with_spec,
    spec_fits=spec_fits,
    tasks=frozenset({"pose"}),
)
