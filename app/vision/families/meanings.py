"""Shared parts of families whose outputs have several meanings (``app/vision/output_spec.py``)."""

from collections.abc import Callable

import numpy as np

from app.vision.arrays import Array, Floats
from app.vision.detections import Candidates
from app.vision.families.base import Declared, Decode, Outputs, Rows, best_class, corners
from app.vision.output_spec import OutputSpec


def in_pixels(boxes: Array, spec: OutputSpec, input_size: tuple[int, int]) -> Floats:
    """(n, 4): x1, y1, x2, y2 in input pixels, from boxes in the form of ``spec``."""
    found: Floats = boxes.astype(np.float32, copy=False)
    if spec.boxes == "cxcywh":
        found = corners(found)
    elif spec.boxes == "yxyx":
        found = found[:, [1, 0, 3, 2]]
    if spec.unit == "shares":
        height, width = input_size
        found = found * np.array([width, height] * 2, dtype=np.float32)
    return found


def from_rows(
    rows: Rows, spec: OutputSpec, classes: int, threshold: float, input_size: tuple[int, int]
) -> Candidates:
    """Rows above ``threshold`` whose class has a label."""
    kept = np.flatnonzero(rows.scores > threshold)
    numbers = rows.numbers[kept].astype(np.intp)
    if spec.numbers is not None:
        known = np.full(max(spec.numbers, default=0) + 2, -1, dtype=np.intp)
        known[list(spec.numbers)] = np.arange(len(spec.numbers))
        numbers = known[np.clip(numbers, -1, len(known) - 1)]
    labelled = (numbers >= 0) & (numbers < classes)
    kept = kept[labelled]
    scores: Floats = rows.scores[kept].astype(np.float32, copy=False)
    return Candidates(in_pixels(rows.boxes[kept], spec, input_size), scores, numbers[labelled])


def decodes_rows(
    read_rows: Callable[[Outputs, OutputSpec], Rows],
) -> Callable[[OutputSpec], Decode]:
    """For families whose outputs are rows after NMS, which ``read_rows`` extracts."""

    def with_spec(spec: OutputSpec) -> Decode:
        def decode(
            outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
        ) -> Candidates:
            return from_rows(read_rows(outputs, spec), spec, classes, threshold, input_size)

        return decode

    return with_spec


def from_scores(
    boxes: Array,
    scores: Array,
    spec: OutputSpec,
    classes: int,
    threshold: float,
    input_size: tuple[int, int],
) -> Candidates:
    """Picks the best class of each box (n, 4); ``scores`` (n, columns) are probabilities."""
    labelled = scores[:, list(spec.numbers) if spec.numbers is not None else slice(classes)]
    rows, best, found = best_class(labelled.astype(np.float32, copy=False), threshold)
    return Candidates(in_pixels(boxes[rows], spec, input_size), best, found)


def scaled(decode: Decode) -> Callable[[OutputSpec], Decode]:
    """For families whose boxes may be relative to the input size; ``decode`` reads pixels."""

    def with_spec(spec: OutputSpec) -> Decode:
        def decode_shares(
            outputs: Outputs, classes: int, threshold: float, input_size: tuple[int, int], /
        ) -> Candidates:
            found = decode(outputs, classes, threshold, input_size)
            return found._replace(boxes=in_pixels(found.boxes, spec, input_size))

        return decode_shares if spec.unit == "shares" else decode

    return with_spec


def in_either_unit(declared: Declared, labels: int, model_type: str, /) -> list[OutputSpec]:
    return [OutputSpec(), OutputSpec(unit="shares")]


COCO_NUMBERS = tuple(
    number for number in range(1, 91) if number not in (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
)
"""The numbers that COCO gives to its 80 classes."""


def numberings(labels: int, *, background: bool) -> list[tuple[int, ...] | None]:
    """Common class numberings; whether class 0 is the ``background`` decides which comes first."""
    from_one = tuple(range(1, labels + 1))
    coco = [COCO_NUMBERS] if labels == len(COCO_NUMBERS) else []
    return [from_one, *coco, None] if background else [None, from_one, *coco]


def by_role(declared: Declared) -> dict[str, str]:
    """The outputs that are boxes, scores, labels and count, by their common names."""
    roles = {name.lower(): role for role, names in _ROLES.items() for name in names}
    return {roles[name.lower()]: name for name in declared if name.lower() in roles}


_ROLES = {
    "boxes": ("boxes", "bboxes", "det_boxes", "detection_boxes", "nmsed_boxes", "dets", "bbox"),
    "scores": ("scores", "det_scores", "detection_scores", "nmsed_scores", "confidences"),
    "labels": (
        "labels", "det_classes", "detection_classes", "nmsed_classes", "classes", "class_ids"
    ),
    "count": ("num_dets", "num_detections"),
}  # fmt: skip
