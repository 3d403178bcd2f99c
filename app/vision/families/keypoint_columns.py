"""Keypoints in the last columns of each row: x, y and optionally a probability for each point."""

from collections.abc import Callable

from app.vision.arrays import Floats, Shape
from app.vision.detections import Candidates
from app.vision.families.base import Declared, Decode, Outputs
from app.vision.output_spec import OutputSpec
from app.vision.tasks.keypoints import COCO_NAMES, Keypoints

USUAL = OutputSpec(keypoints=COCO_NAMES)
_USUAL_COLUMNS = {len(COCO_NAMES) * 3, len(COCO_NAMES) * 2}

_MOST_COLUMNS = 3000
"""A larger number is that of anchors, on an axis where columns are expected."""


def could_be(columns: int | None, classes: int | None) -> bool:
    """Whether this number of columns after the box and the scores can hold keypoints.

    If the number of classes is unknown, only COCO's 17 points are recognised.
    """
    if columns is None:
        return False
    return columns in _USUAL_COLUMNS if classes is None else 2 <= columns <= _MOST_COLUMNS


def ways_of(columns: int | None) -> list[OutputSpec]:
    """The usual meaning of this number of columns; empty if there is none."""
    if columns not in _USUAL_COLUMNS:
        return []
    return [USUAL.model_copy(update={"keypoint_values": columns // len(COCO_NAMES)})]


def spec_fits_columns(columns: int | None, spec: OutputSpec) -> bool:
    return spec.keypoints is None or columns in (None, len(spec.keypoints) * spec.keypoint_values)


def first_shape(declared: Declared) -> Shape:
    return next(iter(declared.values()))


def decoder(
    read: Callable[[Outputs, int, float], tuple[Candidates, Floats]],
) -> Callable[[OutputSpec], Decode]:
    """``read`` returns the candidates and their keypoint columns (n, points * values)."""

    def with_spec(spec: OutputSpec) -> Decode:
        names, values = spec.keypoints or COCO_NAMES, spec.keypoint_values

        def decode(
            outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
        ) -> Candidates:
            found, columns = read(outputs, classes, threshold)
            points = columns.reshape(len(columns), len(names), values)
            return found._replace(keypoints=Keypoints(points, names))

        return decode

    return with_spec
