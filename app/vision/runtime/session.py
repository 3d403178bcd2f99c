"""Sessions of ONNX Runtime: where they compute, with how many threads, and from what file."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import onnxruntime

from app.errors import StartError
from app.vision.arrays import Array
from app.vision.runtime.graph_cache import GraphCache
from app.vision.runtime.providers import CPU, available, short, with_options

_log = logging.getLogger("spotter.model")


class Session(Protocol):
    """The part of onnxruntime.InferenceSession that is used here."""

    def get_inputs(self) -> Sequence[Any]: ...
    def get_outputs(self) -> Sequence[Any]: ...
    def get_modelmeta(self) -> Any: ...
    def run(self, output_names: list[str], feed: dict[str, Array]) -> Sequence[Any]: ...


Source = Path | bytes
"""An ONNX file, or what stands in one."""


def create(
    source: Source,
    threads: int,
    wishes: Sequence[str] = (),
    cache: GraphCache | None = None,
) -> tuple[Session, tuple[str, ...]]:
    """A session, and the short names of the providers it runs on, the first choice first.

    ``wishes`` are providers; where they cannot be had the processor computes, and the log has a
    warning. ``cache`` serves the processor's sessions. Raises StartError.
    """
    found, missing = available(wishes)
    session = None
    if found and found[0] != CPU:
        session = _elsewhere(source, threads, found, missing)
    if session is None:
        session = _on_cpu(source, threads, cache)
    running = tuple(map(short, session.get_providers()))
    if missing:
        reasons = "; ".join(f"{name} ({why})" for name, why in missing.items())
        _log.warning("provider not used: %s. Running on %s.", reasons, ", ".join(running))
    return session, running


def _elsewhere(source: Source, threads: int, found: list[str], missing: dict[str, str]) -> Any:
    """None, and the reason in ``missing``, where there is no session to be had."""
    names = [*found, *([] if CPU in found else [CPU])]
    try:
        session = _open(source, _options(threads), with_options(names, threads))
    except Exception as error:  # onnxruntime's own classes have no common public base
        missing.update(dict.fromkeys(map(short, found), f"no session: {_one_line(error)}"))
        return None
    for name in found:
        if name not in session.get_providers():  # whose libraries could not be loaded
            missing[short(name)] = "onnxruntime left it out; its libraries may be missing"
    return session


def _on_cpu(source: Source, threads: int, cache: GraphCache | None) -> Any:
    try:
        if cache is not None:
            session = _cached(source, threads, cache)
            if session is not None:
                return session
        return _open(source, _options(threads), [CPU])
    except Exception as error:
        raise StartError(f"onnxruntime cannot load it ({_reason(error)})") from error


def _cached(source: Source, threads: int, cache: GraphCache) -> Any:
    """From the graph that is kept, or one that is kept from now on; None where neither works."""
    graph = cache.find()
    if graph is not None:
        options = _options(threads)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            return _open(graph, options, [CPU])
        except Exception as error:
            cache.ignore(_one_line(error))

    def write(place: Path) -> Any:
        options = _options(threads)
        options.optimized_model_filepath = str(place)
        return _open(source, options, [CPU])

    return cache.build(source, write)


def _open(source: Source, options: Any, providers: Sequence[Any]) -> Any:
    model = str(source) if isinstance(source, Path) else source
    # onnxruntime's own fallback says so on stdout alone.
    session = onnxruntime.InferenceSession(model, options, providers=providers, enable_fallback=0)
    session._model_bytes = None  # kept for a change of providers, which there is none of
    return session


def _options(threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Idle threads that spin take the cores from the next request.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Patterns are kept a shape; with rectangular inputs there are many.
    options.enable_mem_pattern = False
    return options


def _reason(error: Exception) -> str:
    """onnxruntime's words, or plainer ones for what happens most."""
    message = str(error)
    if "INVALID_PROTOBUF" in message or "No graph was found" in message:
        return "it is no ONNX file, or a truncated or corrupt one"
    if "ValidateOpset" in message:
        return f"its opset is newer than onnxruntime {onnxruntime.__version__} knows"
    return _one_line(error)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
