"""The servers that are measured, and how each is started."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Contender:
    name: str
    command: tuple[str, ...]
    """``{port}`` is replaced."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Modules; where one is missing the server is left out, and the report says so."""

    @property
    def missing(self) -> list[str]:
        return [name for name in self.needs if find_spec(name) is None]


def _uvicorn(module: str) -> tuple[str, ...]:
    target = f"benchmarks.contenders.{module}:app"
    return (sys.executable, "-m", "uvicorn", target, "--port", "{port}", "--log-level", "warning")


def contenders(model: Path, int8: Path | None, square: Path) -> list[Contender]:
    """``square`` has static axes, for the servers that know no rectangles. The baseline first."""
    spotter = (sys.executable, "-m", "app")
    listed = [
        Contender("plain", _uvicorn("plain"), {"MODEL": str(square)}),
        Contender("spotter fp32", spotter, {"SPOTTER_MODEL": str(model)}),
    ]
    if int8 is not None:
        listed.append(Contender("spotter int8", spotter, {"SPOTTER_MODEL": str(int8)}))
    return [
        *listed,
        Contender(
            "openvino", _uvicorn("openvino_plain"), {"MODEL": str(square)}, needs=("openvino",)
        ),
        Contender(
            "litserve",
            (sys.executable, "-m", "benchmarks.contenders.litserve_plain", "{port}"),
            {"MODEL": str(square)},
            needs=("litserve",),
        ),
        Contender(
            "ultralytics",
            _uvicorn("ultralytics_plain"),
            {"MODEL": str(square)},
            needs=("ultralytics", "torch"),
        ),
    ]
