"""Converts the metadata that the Ultralytics exporters write into an ONNX file to a Description.

Keys read: ``names``, ``stride``, ``imgsz``, ``task``, ``end2end``, ``args``, ``description``,
``kpt_shape``, ``kpt_names`` and ``license``; YOLOv5's older exporter writes the first two only. The
family follows from the outputs. If those of several families fit, ``description``, ``end2end`` and
``args`` decide.
"""

import ast
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from app.errors import StartError
from app.vision import families as registry
from app.vision.arrays import Shape
from app.vision.description import Description, first_problem
from app.vision.families.base import Declared, Family
from app.vision.output_spec import OutputSpec
from app.vision.tasks.keypoints import usual_names


class OtherTaskError(StartError):
    """No family supports the exporter's task."""


def families(metadata: Mapping[str, str]) -> list[Family]:
    """Families for the exporter's task; empty if the file has no metadata of the exporter."""
    if "names" not in metadata or "stride" not in metadata:
        return []
    return [registry.get(name) for name in registry.ULTRALYTICS.get(_task(metadata), ())]


def require_served_task(metadata: Mapping[str, str]) -> None:
    """Raises OtherTaskError if the model is for a task that no family supports."""
    if "names" in metadata and "stride" in metadata and not families(metadata):
        *served, last = registry.ULTRALYTICS
        raise OtherTaskError(
            f"it is a model for the task '{_task(metadata)}'; export one for"
            f" {', '.join(served)} or {last}, which are served"
        )


def describe(
    metadata: Mapping[str, str],
    input_shape: Shape,
    declared: Declared,
    name: str,
    *,
    is_bytes: bool = False,
) -> Description | None:
    """None if the metadata is not an Ultralytics exporter's.

    ``is_bytes`` means that the input takes pixels 0..255 as integers.

    Raises StartError if the model is for another task, or if required information is missing.
    """
    if "names" not in metadata or "stride" not in metadata:
        return None
    likely = families(metadata)
    require_served_task(metadata)
    labels = labels_of(metadata["names"])
    family = _family(metadata, likely, input_shape, declared, len(labels))
    whole_bytes = {"mean": (0, 0, 0), "std": (1, 1, 1)} if is_bytes else {}
    content = {
        "family": family.name,
        "name": name,
        "labels": labels,
        "input": {
            "size": _size(metadata, input_shape),
            "stride": metadata["stride"],
            "fit": family.input.fit,
            **whole_bytes,
            # The package's own predict uses rectangular input for dynamic files, resampled by
            # OpenCV. With fixed squares, antialiasing gave steadier results, above all for int8.
            "resample": "bilinear" if _is_rectangular(family, input_shape) else "antialias",
        },
        "license": metadata.get("license", "unknown"),
        "output": _keypoints(metadata, family, declared, len(labels)),
    }
    try:
        return Description.model_validate(content)
    except ValidationError as error:
        raise StartError(f"its metadata is not valid {first_problem(error)}") from error


def _is_rectangular(family: Family, input_shape: Shape) -> bool:
    """Whether the input is padded to a rectangle instead of always being the same square."""
    return input_shape[2] is None and family.input.fit != "crop"


def _task(metadata: Mapping[str, str]) -> str:
    return metadata.get("task", "detect")


def _literal(text: str) -> Any:
    """Parses a Python literal or JSON."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise StartError(f"its metadata cannot be read: {text[:60]!r}") from error


def labels_of(names: str) -> tuple[str, ...]:
    """Labels from a list, or from a dictionary by class number, in Python or JSON syntax.

    Raises StartError if ``names`` is neither or a class has no label.
    """
    value = _literal(names)
    if isinstance(value, dict):
        if all(isinstance(key, str) and key.isdecimal() for key in value):
            value = {int(key): label for key, label in value.items()}
        if set(value) != set(range(len(value))):
            raise StartError("its metadata 'names' does not number the classes from 0")
        value = [value[index] for index in range(len(value))]
    if not isinstance(value, list) or not value:
        raise StartError("its metadata 'names' lists no classes")
    if any(label is None for label in value):
        raise StartError("its metadata 'names' has a class without a label")
    return tuple(str(label) for label in value)


def _keypoints(
    metadata: Mapping[str, str], family: Family, declared: Declared, classes: int
) -> OutputSpec | None:
    """None if models of the family have no keypoints.

    Raises StartError if their number is unknown.
    """
    if family.spec_fits is None:
        return None
    shape = _literal(metadata.get("kpt_shape", "None"))
    if shape is None:
        usual = family.ways(declared, classes, "") if family.ways else []
        if not usual:
            raise StartError("its metadata has no 'kpt_shape', which says what its keypoints are")
        return usual[0]
    if not (
        isinstance(shape, list | tuple)
        and [type(size) for size in shape] == [int, int]
        and 0 < shape[0] <= 10_000
        and shape[1] in (2, 3)
    ):
        raise StartError("its metadata 'kpt_shape' is not the number of keypoints and 2 or 3")
    named = _literal(metadata.get("kpt_names", "None"))
    if isinstance(named, dict):  # one list per class; a row has the points of one class only
        named = next(iter(named.values()), None)
    is_usable = isinstance(named, list | tuple) and len(named) == shape[0]
    names = tuple(map(str, named)) if is_usable else usual_names(shape[0])
    return OutputSpec(keypoints=names, keypoint_values=shape[1])


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
    metadata: Mapping[str, str],
    likely: Sequence[Family],
    input_shape: Shape,
    declared: Declared,
    classes: int,
) -> Family:
    fitting = [family for family in likely if family.bind(declared, classes)]
    for narrow in (_described, _suppressing, _of_input):
        if len(fitting) > 1:
            fitting = narrow(metadata, fitting, input_shape, declared)
    if not fitting:
        raise StartError(
            f"its outputs {[list(shape) for shape in declared.values()]} with {classes} classes"
            " fit none of " + ", ".join(f"{family.name} {family.layout}" for family in likely)
        )
    if len(fitting) > 1:
        raise StartError(
            f"its metadata does not say which of {', '.join(family.name for family in fitting)}"
            " it belongs to"
        )
    return fitting[0]


def _described(
    metadata: Mapping[str, str], fitting: Sequence[Family], _: Shape, __: Declared
) -> list[Family]:
    """The families of ``fitting`` that are compatible with the exporter's description."""
    if "description" not in metadata:  # YOLOv5's own exporter, or one from before 2023
        return [family for family in fitting if not family.described_only]
    text = metadata["description"]
    named = [
        family
        for family in fitting
        if family.described and re.search(family.described, text, re.IGNORECASE)
    ]
    return named or [family for family in fitting if not family.undescribed_only]


def _suppressing(
    metadata: Mapping[str, str], fitting: Sequence[Family], _: Shape, __: Declared
) -> list[Family]:
    """The families that are compatible with the exporter's keys about NMS, if there are any."""
    suppressed: bool | None = {"True": True, "False": False}.get(metadata.get("end2end", ""))
    arguments = _literal(metadata.get("args", "{}"))
    if isinstance(arguments, dict) and arguments.get("nms"):
        suppressed = True
    if suppressed is None:
        return list(fitting)
    # Families identified only by their description have no duplicates, whatever these keys say.
    told = [family for family in fitting if not family.described_only]
    agreeing = [family for family in told if family.needs_nms != suppressed]
    return agreeing if suppressed else agreeing + [f for f in fitting if f.described_only]


def _of_input(
    _: Mapping[str, str], fitting: Sequence[Family], input_shape: Shape, declared: Declared
) -> list[Family]:
    """The families whose number of boxes is possible for this input size."""
    height, width = input_shape[2:]
    claimed = [
        family
        for family in fitting
        if family.fits_input and family.fits_input(declared, height, width)
    ]
    return claimed or [family for family in fitting if family.fits_input is None]
