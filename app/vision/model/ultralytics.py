"""What the Ultralytics exporters write into an ONNX file, as a Description.

Keys read: ``names``, ``stride``, ``imgsz``, ``task``, ``end2end``, ``args``, ``description`` and
``license``; YOLOv5's older exporter writes the first two only. The family follows from the shape
of the first output, which for one number of classes is unambiguous save in one case, where
``end2end`` decides.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from app.errors import StartError
from app.vision.description import Description, Family, first_problem
from app.vision.families import HEADS, Shape

_TASKS = frozenset({"detect", "segment"})
_FAMILIES: tuple[Family, ...] = ("end2end", "yolov8", "yolov5")


def describe(
    metadata: Mapping[str, str], input_shape: Shape, outputs: Sequence[Shape], name: str
) -> Description | None:
    """None where these are not an Ultralytics exporter's keys.

    Raises StartError where they are and the file is no detector, or leaves something open.
    """
    if "names" not in metadata or "stride" not in metadata:
        return None
    task = metadata.get("task", "detect")
    if task not in _TASKS:
        raise StartError(f"it is a model for the task '{task}', not a detector")
    labels = _labels(metadata["names"])
    content = {
        "family": _family(metadata, outputs, len(labels)),
        "name": name,
        "labels": labels,
        "input": {
            "size": _size(metadata, input_shape),
            "stride": metadata["stride"],
            # Rectangles are what the package's own predict gives a dynamic file, sampled by
            # OpenCV; fixed squares measured steadier with antialiasing (int8 files above all).
            "resample": "bilinear" if input_shape[2] is None else "antialias",
        },
        "license": metadata.get("license", "unknown"),
    }
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        raise StartError(f"its metadata is not valid {first_problem(error)}") from error


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise StartError(f"its metadata cannot be read: {text[:60]!r}") from error


def _labels(names: str) -> tuple[str, ...]:
    value = _literal(names)
    if isinstance(value, dict):
        if set(value) != set(range(len(value))):
            raise StartError("its metadata 'names' does not number the classes from 0")
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not value:
        raise StartError("its metadata 'names' lists no classes")
    return tuple(str(label) for label in value)


def _size(metadata: Mapping[str, str], input_shape: Shape) -> Sequence[Any]:
    """Height and width: of the static axes, else of ``imgsz``."""
    _, _, height, width = input_shape
    if height is not None and width is not None:
        return height, width
    size = _literal(metadata["imgsz"]) if "imgsz" in metadata else None
    if not isinstance(size, list) or len(size) != 2:
        raise StartError("its axes are dynamic and its metadata has no 'imgsz'")
    return size


def _family(metadata: Mapping[str, str], outputs: Sequence[Shape], classes: int) -> Family:
    fitting = [family for family in _FAMILIES if HEADS[family].fits(outputs, classes)]
    if len(fitting) > 1:
        fitting = ["end2end"] if _suppresses(metadata) else fitting[1:]
    if len(fitting) != 1:
        raise StartError(
            f"its outputs {[list(shape) for shape in outputs]} with {classes} classes fit none of "
            + ", ".join(f"{family} {HEADS[family].layout}" for family in _FAMILIES)
        )
    return fitting[0]


def _suppresses(metadata: Mapping[str, str]) -> bool:
    """Whether the exporter says that the graph itself removes duplicates."""
    if metadata.get("end2end") == "True":
        return True
    arguments = _literal(metadata.get("args", "{}"))
    return bool(isinstance(arguments, dict) and arguments.get("nms"))
