"""Creates sessions of ONNX Runtime, with their execution providers, threads and options."""

import json
import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Any, Literal, NamedTuple, Protocol

import onnxruntime

from app.errors import StartError
from app.vision.arrays import Array

CPU = "CPUExecutionProvider"
OPENVINO = "OpenVINOExecutionProvider"

Precision = Literal["float32", "bfloat16"]
_HINTS: dict[Precision, str] = {"float32": "f32", "bfloat16": "bf16"}

_log = logging.getLogger("spotter.model")


class Session(Protocol):
    """The methods of onnxruntime.InferenceSession that are used here."""

    def get_inputs(self) -> Sequence[Any]: ...
    def get_outputs(self) -> Sequence[Any]: ...
    def get_modelmeta(self) -> Any: ...
    def run(self, output_names: list[str], feed: dict[str, Array]) -> Sequence[Any]: ...


Source = Path | bytes
"""The path of an ONNX file, or its content."""


class Execution(NamedTuple):
    """How a session is to run."""

    threads: int = 1
    """Threads of one inference."""
    providers: Sequence[str] = ()
    """Names of execution providers, the first choice first; none: the CPU."""
    openvino_precision: Precision = "float32"

    @property
    def on_this_processor(self) -> bool:
        """Whether no provider is named that computes on another device."""
        return {short(name) for name in self.providers} <= {short(CPU), short(OPENVINO)}


def create(source: Source, execution: Execution) -> tuple[Session, tuple[str, ...]]:
    """Returns a session, and the short names of its providers in order of preference.

    If none of the wanted providers is available, the session runs on the CPU and a warning is
    logged. Raises StartError if onnxruntime cannot load ``source``.
    """
    found, missing = available(execution.providers)
    session = None
    if found and found[0] != CPU:
        session = _on_provider(source, execution, found, missing)
    if session is None:
        session = _on_cpu(source, execution.threads)
    running = tuple(map(short, session.get_providers()))
    if missing:
        reasons = "; ".join(f"{name} ({why})" for name, why in missing.items())
        _log.warning("provider not used: %s. Running on %s.", reasons, ", ".join(running))
    return session, running


def short(name: str) -> str:
    """``openvino`` for ``OpenVINOExecutionProvider`` (case-insensitive) and for ``openvino``."""
    return name.lower().removesuffix("executionprovider")


def available(wishes: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Full names of the available ``wishes`` in order, and the reason for each unavailable one."""
    there = {short(name): name for name in onnxruntime.get_available_providers()}
    found: list[str] = []
    missing: dict[str, str] = {}
    for wish in map(short, wishes):
        if wish not in there:
            missing[wish] = f"not in this onnxruntime, which has {', '.join(sorted(there))}"
        elif there[wish] not in found:
            found.append(there[wish])
    return found, missing


def with_options(
    names: Sequence[str], execution: Execution
) -> list[str | tuple[str, dict[str, str]]]:
    """Providers in the form that a session takes."""
    return [(name, _openvino(execution)) if name == OPENVINO else name for name in names]


def _openvino(execution: Execution) -> dict[str, str]:
    """Options of OpenVINO's provider.

    By default it starts a thread for each core.
    """
    hints = {"INFERENCE_PRECISION_HINT": _HINTS[execution.openvino_precision]}
    return {
        "device_type": "CPU",
        "num_of_threads": str(execution.threads),
        "num_streams": "1",
        "load_config": json.dumps({"CPU": hints}),
    }


def _on_provider(
    source: Source, execution: Execution, found: list[str], missing: dict[str, str]
) -> Any:
    """None if no session can be created; ``missing`` then has the reason."""
    names = [*found, *([] if CPU in found else [CPU])]
    try:
        session = _open(source, execution.threads, with_options(names, execution))
    except Exception as error:  # onnxruntime's own classes have no common public base
        missing.update(dict.fromkeys(map(short, found), f"no session: {one_line(error)}"))
        return None
    for name in found:
        if name not in session.get_providers():  # onnxruntime could not load its libraries
            missing[short(name)] = "onnxruntime left it out; its libraries may be missing"
    return session


def _on_cpu(source: Source, threads: int) -> Any:
    try:
        return _open(source, threads, [CPU])
    except Exception as error:
        raise StartError(f"onnxruntime cannot load it ({_reason(error)})") from error


def _open(source: Source, threads: int, providers: Sequence[Any]) -> Any:
    model = str(source) if isinstance(source, Path) else source
    # Without enable_fallback=0 onnxruntime changes the provider and only prints it.
    session = onnxruntime.InferenceSession(
        model, _options(threads), providers=providers, enable_fallback=0
    )
    session._model_bytes = None  # kept only for a later change of providers
    return session


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin take their cores from the next request.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A memory pattern is kept for each input shape, and rectangular inputs have many shapes.
    options.enable_mem_pattern = False
    return options


def _reason(error: Exception) -> str:
    """The most frequent failures in plain words; other messages are onnxruntime's own."""
    message = str(error)
    if "INVALID_PROTOBUF" in message or "No graph was found" in message:
        return "it is no ONNX file, or a truncated or corrupt one"
    if "ValidateOpset" in message:
        return f"its opset is newer than onnxruntime {onnxruntime.__version__} knows: {_OLDER}"
    if newer := re.search(r"Unsupported model IR version: (\d+), max[^:]*: (\d+)", message):
        return (
            f"its IR version {newer[1]} is newer than onnxruntime {onnxruntime.__version__} knows,"
            f" {newer[2]}: {_OLDER}"
        )
    if operator := re.search(r"([\w.:]+)\(-?\d+\) is not a registered function", message):
        name = operator[1]
        plugin = " of TensorRT" if "TRT" in name else ""
        return (
            f"it has the operator {name}{plugin}, which onnxruntime does not have: export it"
            " without NMS in the graph, or with ONNX's own operators"
        )
    if external := re.search(r"External data path does not exist: \"?([^\"]+)", message):
        return f"its weights are not beside it, in {PurePath(external[1]).name}: fetch that, too"
    return one_line(error)


_OLDER = "export it with an older one (opset 17 and IR 8 serve everywhere)"


def _plain(message: str) -> str:
    """``message`` without references to onnxruntime's source and C++ signatures."""
    message = re.sub(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", message)
    message = re.sub(r"\S*?[\w/.]+\.(?:cc|h|cpp|hpp):\d+ ?", "", message)
    return re.sub(r"(?:[\w:<>*&]+ )*(?:onnxruntime|std)::[\w:~]+(?:<[^>]*>)?\([^)]*\)", "", message)


def one_line(error: Exception) -> str:
    """onnxruntime's message on one line, shortened, without references to its source."""
    return " ".join(_plain(str(error)).split())[:200]
