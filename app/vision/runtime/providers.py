"""Execution providers of ONNX Runtime: which of those wished for are there."""

from collections.abc import Iterable, Sequence

import onnxruntime

CPU = "CPUExecutionProvider"
_SUFFIX = "ExecutionProvider"


def short(name: str) -> str:
    """``OpenVINOExecutionProvider`` is openvino, and openvino is as well."""
    return name.removesuffix(_SUFFIX).lower()


def available(wishes: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """The full names of those that are there, in the order wished for; why the others are not."""
    there = {short(name): name for name in onnxruntime.get_available_providers()}
    found: list[str] = []
    missing: dict[str, str] = {}
    for wish in map(_normal, wishes):
        if wish not in there:
            missing[wish] = f"not in this onnxruntime, which has {', '.join(sorted(there))}"
        elif there[wish] not in found:
            found.append(there[wish])
    return found, missing


def with_options(names: Sequence[str], threads: int) -> list[str | tuple[str, dict[str, str]]]:
    """As a session takes them. OpenVINO has threads of its own, and as many as there are cores."""
    return [
        (name, {"num_of_threads": str(threads)}) if short(name) == "openvino" else name
        for name in names
    ]


def _normal(wish: str) -> str:
    return wish.lower().removesuffix(_SUFFIX.lower())
