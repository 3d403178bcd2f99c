"""The measured servers and the commands that start them."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from app.vision.model.load import load

REPOSITORY = Path(__file__).parents[2]
PLAIN = "plain"
PLAIN_FOUR_THREADS = "plain, 4 threads"
"""A session with four threads, as on four cores; under a Lambda limit they have no CPU to spin."""
RECTANGULAR = "plain, rectangular"
FP32 = "spotter fp32"
INT8 = "spotter int8"
BFLOAT16 = "spotter openvino bf16"
_LONG_QUEUE = {"SPOTTER_QUEUE": "1000"}
"""The other servers let any number of requests wait, so Spotter must not refuse any."""
_WEB = ("fastapi", "uvicorn", "python_multipart")
_OPENVINO = REPOSITORY / ".venv" / "openvino"
"""Has ONNX Runtime's build with OpenVINO after ``make install-openvino``."""


@dataclass(frozen=True)
class Contender:
    name: str
    arguments: tuple[str, ...]
    """Arguments of the Python interpreter; ``{port}`` is replaced."""
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    """Required modules; if one is missing, the server is left out, with a message."""

    def interpreter(self, others: Sequence[str] = ()) -> str | None:
        """The first Python that has the modules, this one or one of ``others``, or None."""
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
    """All servers, the baseline first.

    Servers without rectangular inputs run ``square`` with an input of ``side`` x ``side`` pixels.
    The rectangular one is left out if the axes of ``model`` are static.
    """
    plain = {"MODEL": str(square), "SIDE": str(side), "PYTHONPATH": str(REPOSITORY)}
    offline = {"YOLO_AUTOINSTALL": "false", "YOLO_OFFLINE": "true"}
    listed = [
        Contender(PLAIN, _uvicorn("plain"), plain),
        Contender(PLAIN_FOUR_THREADS, _uvicorn("plain"), plain | {"THREADS": "4"}),
        Contender(FP32, ("-m", "app"), {"SPOTTER_MODEL": str(model), **_LONG_QUEUE}),
    ]
    if load(model).signature.dynamic:
        rectangular = plain | {"MODEL": str(model)}
        listed.append(Contender(RECTANGULAR, _uvicorn("rectangular_plain"), rectangular))
    if int8 is not None:
        listed.append(Contender(INT8, ("-m", "app"), {"SPOTTER_MODEL": str(int8), **_LONG_QUEUE}))
    if _OPENVINO.is_dir():
        provider = {
            "PYTHONPATH": f"{_OPENVINO}{os.pathsep}{REPOSITORY}",
            "SPOTTER_PROVIDERS": "openvino",
            "SPOTTER_OPENVINO_PRECISION": "bfloat16",
        }
        spotter = {"SPOTTER_MODEL": str(model), **_LONG_QUEUE, **provider}
        listed.append(Contender(BFLOAT16, ("-m", "app"), spotter))
    litserve = ("-m", "benchmarks.contenders.litserve_plain", "{port}")
    openvino = _uvicorn("openvino_plain"), ("openvino", *_WEB)
    return [
        *listed,
        Contender("openvino", openvino[0], plain, openvino[1]),
        Contender("openvino fp32", openvino[0], plain | {"PRECISION": "f32"}, openvino[1]),
        Contender("litserve", litserve, plain, ("litserve", *_WEB, "onnxruntime")),
        Contender(
            "ultralytics",
            _uvicorn("ultralytics_plain"),
            plain | offline,
            ("ultralytics", "torch", *_WEB, "onnxruntime"),
        ),
    ]


def _uvicorn(module: str) -> tuple[str, ...]:
    target = f"benchmarks.contenders.{module}:app"
    return ("-m", "uvicorn", target, "--port", "{port}", "--log-level", "warning")
