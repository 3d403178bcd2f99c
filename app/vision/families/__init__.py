"""The registry of model families.

A new family is one module here, which defines ``FAMILY``, and one line in ``NAMES``; if it has
``tasks``, its name is also in ``ULTRALYTICS``. The modules ``base``, ``meanings``, ``levels``,
``distributions``, ``cell_grid``, ``objectness``, ``keypoint_columns`` and ``mask_columns`` hold
parts that several families use.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from app.vision.families.base import Family

ULTRALYTICS: Mapping[str, tuple[str, ...]] = {
    "detect": ("yolov8", "yolov5", "end2end", "rtdetr"),
    "segment": ("yolov8", "yolov5", "end2end"),
    "pose": ("yolov8_pose", "end2end_pose"),
    "obb": ("yolov8_obb", "end2end_obb"),
    "classify": ("whole_picture",),
}
"""Families by each of their ``tasks``. A start with a file of Ultralytics imports these only."""

NAMES = (
    "yolov8",
    "yolov5",
    "end2end",
    "rtdetr",
    "yolov8_pose",
    "end2end_pose",
    "yolov8_obb",
    "end2end_obb",
    "whole_picture",
    "yolox",
    "detr",
    "spotter",
    "ssd",
    "box_rows",
    "raw_detr",
    "detections_apart",
    "detection_rows",
    "selected_indices",
    "boxes_scores",
    "nanodet_m",
    "nanodet_plus",
    "fastestdet",
    "yunet",
)


@cache
def get(name: str) -> Family:
    """A family by one of ``NAMES``. Its module is imported only now: a start needs one of many."""
    family: Family = import_module(f"{__name__}.{name}").FAMILY
    return family


def every() -> Iterator[Family]:
    return map(get, NAMES)
