"""Whether an answer is what botocore's own model of the service says it is."""

from typing import Any

import botocore.session
from botocore.model import Shape

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "timestamp": (int, float),
    "float": (int, float),
    "structure": dict,
    "list": list,
}


def output_shape(operation: str = "DetectLabels") -> Shape:
    service = botocore.session.get_session().get_service_model("rekognition")
    return service.operation_model(operation).output_shape


def faults(value: Any, shape: Shape, where: str = "$") -> list[str]:
    """What of ``value`` is not as ``shape`` has it: empty for a right answer."""
    if not _fits(value, shape):
        return [f"{where}: {value!r} is no {shape.type_name}"]
    if shape.type_name == "structure":
        missing = [
            f"{where}.{name} is missing" for name in shape.required_members if name not in value
        ]
        unknown = [f"{where}.{name} is not known" for name in value if name not in shape.members]
        return (
            missing
            + unknown
            + [
                fault
                for name, member in value.items()
                if name in shape.members
                for fault in faults(member, shape.members[name], f"{where}.{name}")
            ]
        )
    if shape.type_name == "list":
        return [
            fault
            for index, member in enumerate(value)
            for fault in faults(member, shape.member, f"{where}[{index}]")
        ]
    if getattr(shape, "enum", None) and value not in shape.enum:
        return [f"{where}: {value!r} is none of {shape.enum}"]
    if shape.type_name in ("integer", "float"):
        low, high = shape.metadata.get("min", value), shape.metadata.get("max", value)
        return [] if low <= value <= high else [f"{where}: {value} is not in {low}..{high}"]
    return []


def _fits(value: Any, shape: Shape) -> bool:
    return isinstance(value, _TYPES[shape.type_name]) and not isinstance(value, bool)


def leanness(value: Any, shape: Shape, where: str = "$") -> list[str]:
    """Members of the model that ``value`` leaves out, wherever it has the structure."""
    if shape.type_name == "list":
        return [gap for item in value for gap in leanness(item, shape.member, f"{where}[]")]
    if shape.type_name != "structure":
        return []
    gaps = [f"{where}.{name}" for name in shape.members if name not in value]
    for name, member in value.items():
        gaps += leanness(member, shape.members[name], f"{where}.{name}")
    return gaps
