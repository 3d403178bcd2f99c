"""The metadata that the Ultralytics exporters write into an ONNX file, as a Description.

Keys read: ``names``, ``stride``, ``imgsz``, ``task``, ``end2end``, ``args``, ``description`` and
``license``; YOLOv5's older exporter writes the first two only. The family follows from the outputs.
If those of one with NMS and of one without fit, ``end2end`` and ``args`` decide.
"""

import ast
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from app.errors import StartError
from app.vision import families as registry
from app.vision.arrays import Shape
from app.vision.description import Description, first_problem
from app.vision.families.base import Declared, Family


def families(metadata: Mapping[str, str]) -> list[Family]:
    """Families that read files of the exporter's task; none if other keys than its are there."""
    if "names" not in metadata or "stride" not in metadata:
        return []
    task = _task(metadata)
    return [family for family in registry.every() if task in family.tasks]


def describe(
    metadata: Mapping[str, str], input_shape: Shape, declared: Declared, name: str
) -> Description | None:
    """None if these are not an Ultralytics exporter's keys.

    Raises StartError if they are and the file is no detector, or leaves something open.
    """
    if "names" not in metadata or "stride" not in metadata:
        return None
    likely = families(metadata)
    if not likely:
        raise StartError(f"it is a model for the task '{_task(metadata)}', not a detector")
    labels = _labels(metadata["names"])
    content = {
        "family": _family(metadata, likely, declared, len(labels)).name,
        "name": name,
        "labels": labels,
        "input": {
            "size": _size(metadata, input_shape),
            "stride": metadata["stride"],
            # The package's own predict gives rectangles to a dynamic file, sampled by OpenCV.
            # Fixed squares measured steadier with antialiasing, int8 files above all.
            "resample": "bilinear" if input_shape[2] is None else "antialias",
        },
        "license": metadata.get("license", "unknown"),
    }
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        raise StartError(f"its metadata is not valid {first_problem(error)}") from error


def _task(metadata: Mapping[str, str]) -> str:
    return metadata.get("task", "detect")


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
    """Height and width: the static axes, or ``imgsz`` if the axes are dynamic."""
    _, _, height, width = input_shape
    if height is not None and width is not None:
        return height, width
    size = _literal(metadata["imgsz"]) if "imgsz" in metadata else None
    if not isinstance(size, list) or len(size) != 2:
        raise StartError("its axes are dynamic and its metadata has no 'imgsz'")
    return size


def _family(
    metadata: Mapping[str, str], likely: Sequence[Family], declared: Declared, classes: int
) -> Family:
    fitting = [family for family in likely if family.bind(declared, classes)]
    if len(fitting) > 1:
        suppressed = _suppresses(metadata)
        fitting = [family for family in fitting if family.needs_nms != suppressed]
    if not fitting:
        raise StartError(
            f"its outputs {[list(shape) for shape in declared.values()]} with {classes} classes"
            " fit none of " + ", ".join(f"{family.name} {family.layout}" for family in likely)
        )
    return fitting[0]


def _suppresses(metadata: Mapping[str, str]) -> bool:
    """Whether the exporter says that the graph itself removes duplicates."""
    if metadata.get("end2end") == "True":
        return True
    arguments = _literal(metadata.get("args", "{}"))
    return bool(isinstance(arguments, dict) and arguments.get("nms"))
