"""The registry of model families.

A new family is one module here, which defines ``FAMILY``, and one line in ``NAMES``; if it has
``tasks``, its name is also in ``ULTRALYTICS``. ``base``, ``meanings``, ``levels``,
``distributions``, ``cell_grid``, ``objectness``, ``keypoint_columns`` and ``mask_columns`` hold
parts that several families share.
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
"""Families by task. Only these are imported for a file of the Ultralytics exporters."""

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
    """The family with one of ``NAMES``. Its module is imported here: a start needs only one."""
    family: Family = import_module(f"{__name__}.{name}").FAMILY
    return family


def every() -> Iterator[Family]:
    return map(get, NAMES)
