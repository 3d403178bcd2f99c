"""Graphs as ONNX Runtime has optimised them for a processor, kept from one start to the next.

A file is named after what it was made from and for, and after its content: one that is damaged, or
is another's under its name, is not used. Whoever can write to the folder can change the model.
"""

import hashlib
import logging
import platform
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import onnxruntime

from app.vision.graph_surgery.onnx_graph import EXTERNAL_DATA

T = TypeVar("T")

_log = logging.getLogger("spotter.model")
_FORM = "2"
"""Changes with the session's options that change the graph, and with the way files are named."""


class GraphCache:
    def __init__(self, folder: Path, sha256: str, part: str = "") -> None:
        """``sha256`` is that of the model's file; ``part`` says which part of it, if not all."""
        parts = (_FORM, sha256, part, onnxruntime.__version__, _processor())
        self._folder = folder
        self._key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def find(self) -> Path | None:
        """None, and a line in the log where there is a file, where there is none to be used."""
        for path in sorted(self._folder.glob(f"{self._key}-*.onnx")):
            try:
                if path.is_file() and path.name == self._name(path.read_bytes()):
                    return path
            except OSError as error:
                self.ignore(f"{path.name}: {error.strerror}")
            else:
                self.ignore(f"{path.name} is not what was written")
        return None

    def build(self, model: Path | bytes, create: Callable[[Path], T]) -> T | None:
        """What ``create`` makes of ``model``, a file or what stands in one.

        The graph that it writes to the path given is kept.

        None, and a line in the log, where that fails: what is served does not depend on it.
        """
        try:
            if EXTERNAL_DATA in (model.read_bytes() if isinstance(model, Path) else model):
                _log.info("no optimised graph is kept of a model in several files")
                return None
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
                place = Path(scratch) / "graph.onnx"
                made = create(place)
                self._keep(place)
                return made
        except Exception as error:  # onnxruntime's own classes have no common public base
            reason = " ".join(str(error).split())[:200]
            _log.warning("no optimised graph is kept in %s: %s", self._folder, reason)
            return None

    def ignore(self, reason: str) -> None:
        _log.warning("an optimised graph in %s is made again: %s", self._folder, reason)

    def _keep(self, place: Path) -> None:
        kept = self._folder / self._name(place.read_bytes())
        for old in self._folder.glob(f"{self._key}-*.onnx"):
            with suppress(OSError):
                old.unlink()
        place.replace(kept)

    def _name(self, graph: bytes) -> str:
        return f"{self._key}-{hashlib.sha256(self._key.encode() + graph).hexdigest()}.onnx"


def _processor() -> str:
    """What it can do decides which kernels a graph is laid out for."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    kept = ("flags", "Features", "model name")
    told = {name: value for line in lines for name, _, value in [line.partition(":")]}
    return platform.machine() + "".join(
        value for name, value in told.items() if name.strip() in kept
    )
