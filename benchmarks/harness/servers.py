"""The servers that are measured, and how each is started."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PLAIN = "plain"
PLAIN_OF_FOUR = "plain, 4 threads"
"""As its session has on four cores. Under a Lambda size they spend its share spinning."""
FP32 = "spotter fp32"
INT8 = "spotter int8"
_PATIENT = {"SPOTTER_QUEUE": "1000"}
"""As the others are, which let any number wait."""
_WEB = ("fastapi", "uvicorn", "python_multipart")


@dataclass(frozen=True)
class Contender:
    name: str
    arguments: tuple[str, ...]
    """Of Python; ``{port}`` is replaced."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Modules; where one is missing the server is left out, and the report says so."""

    def interpreter(self, others: Sequence[str] = ()) -> str | None:
        """The first that has what it needs: this one, or one of ``others``."""
        return next((python for python in (sys.executable, *others) if self.runs_on(python)), None)

    def runs_on(self, python: str) -> bool:
        return not self.needs or _has(python, self.needs)


@cache
def _has(python: str, modules: tuple[str, ...]) -> bool:
    code = (
        "import sys; from importlib.util import find_spec;"
        " sys.exit(not all(map(find_spec, sys.argv[1:])))"
    )
    return subprocess.run([python, "-c", code, *modules], check=False).returncode == 0


def contenders(model: Path, int8: Path | None, square: Path, side: int) -> list[Contender]:
    """The baseline first.

    ``square`` has static axes, or is given ``side`` x ``side`` pixels by the servers that know
    no rectangles.
    """
    others = {"MODEL": str(square), "SIDE": str(side), "PYTHONPATH": str(REPOSITORY)}
    offline = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
    listed = [
        Contender(PLAIN, _uvicorn("plain"), others),
        Contender(PLAIN_OF_FOUR, _uvicorn("plain"), others | {"THREADS": "4"}),
        Contender(FP32, ("-m", "app"), {"SPOTTER_MODEL": str(model), **_PATIENT}),
    ]
    if int8 is not None:
        listed.append(Contender(INT8, ("-m", "app"), {"SPOTTER_MODEL": str(int8), **_PATIENT}))
    litserve = ("-m", "benchmarks.contenders.litserve_plain", "{port}")
    openvino = _uvicorn("openvino_plain"), ("openvino", *_WEB)
    return [
        *listed,
        Contender("openvino", openvino[0], others, openvino[1]),
        Contender("openvino fp32", openvino[0], others | {"PRECISION": "f32"}, openvino[1]),
        Contender("litserve", litserve, others, ("litserve", *_WEB, "onnxruntime")),
        Contender(
            "ultralytics",
            _uvicorn("ultralytics_plain"),
            others | offline,
            ("ultralytics", "torch", *_WEB, "onnxruntime"),
        ),
    ]


def _uvicorn(module: str) -> tuple[str, ...]:
    target = f"benchmarks.contenders.{module}:app"
    return ("-m", "uvicorn", target, "--port", "{port}", "--log-level", "warning")
