"""Execution providers of ONNX Runtime: which of the wanted ones this build has."""

from collections.abc import Iterable, Sequence

import onnxruntime

CPU = "CPUExecutionProvider"
_SUFFIX = "ExecutionProvider"


def short(name: str) -> str:
    """``openvino`` for ``OpenVINOExecutionProvider`` and for ``openvino``."""
    return name.removesuffix(_SUFFIX).lower()


def available(wishes: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Full names of the available ``wishes`` in their order, and for each other one why not."""
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
    """Providers as a session takes them.

    OpenVINO is told its number of threads, because it starts one for each core otherwise.
    """
    return [
        (name, {"num_of_threads": str(threads)}) if short(name) == "openvino" else name
        for name in names
    ]


def _normal(wish: str) -> str:
    return wish.lower().removesuffix(_SUFFIX.lower())
