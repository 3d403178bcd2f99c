"""``python -m tests.aws.cold_start ZIP MODEL PHOTO``: a cold start beside its bare floor.

Both run on one core, in turns, so that a busy machine hurts them alike. Wall time is what is
billed; processor time is the steadier measure of the two.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.aws.gateways import SOURCES, Request, read_answer
from tests.aws.runtime import INTERPRETER, Deployed, link_runtime

FLOOR = """
import numpy, onnxruntime, PIL, fastapi, mangum, os, sys
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
os._exit(0)  # what it takes to end is not of interest
"""
_HTTP_API = SOURCES[2]


@dataclass(frozen=True)
class Start:
    wall: float
    cpu: float
    """Seconds, both."""


def bare_floor(deployed: Deployed, model: Path) -> Start:
    began = time.perf_counter()
    process = subprocess.Popen(
        [*on_one_core(), INTERPRETER, "-S", "-c", FLOOR, str(model)],
        cwd=deployed.root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{deployed.root}:{deployed.runtime}"},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Start(wall, usage.ru_utime + usage.ru_stime)


def first_answer(deployed: Deployed, model: Path, request: Request) -> Start:
    with tempfile.TemporaryDirectory() as folder:
        event = _HTTP_API.event(request)
        began = time.perf_counter()
        with deployed.run(
            Path(folder), {"SPOTTER_MODEL": str(model)}, wrapper=on_one_core()
        ) as function:
            outcome = function.invoke(event)
            wall = time.perf_counter() - began
            cpu = _cpu_seconds(function.process.pid)
        assert read_answer(outcome.value).status == 200, outcome.raw
        return Start(wall, cpu)


def compare(measures: dict[str, Callable[[], Start]], rounds: int) -> dict[str, Start]:
    """The median of each, measured in turns."""
    starts: dict[str, list[Start]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            starts[name].append(measure())
    return {
        name: Start(
            statistics.median(start.wall for start in several),
            statistics.median(start.cpu for start in several),
        )
        for name, several in starts.items()
    }


def on_one_core() -> tuple[str, ...]:
    return ("taskset", "-c", str(min(os.sched_getaffinity(0))))


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    archive, model = Path(sys.argv[1]), Path(sys.argv[2])
    photo = Path(sys.argv[3]).read_bytes()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "runtime").mkdir()
        zipfile.ZipFile(archive).extractall(folder / "task")
        deployed = Deployed(folder / "task", link_runtime(folder / "runtime"))
        found = compare(
            {
                "floor": lambda: bare_floor(deployed, model),
                "GET /healthz": lambda: first_answer(deployed, model, Request("GET", "/healthz")),
                "POST /detect": lambda: first_answer(
                    deployed, model, Request("POST", "/detect", body=photo)
                ),
            },
            rounds=9,
        )
    floor = found["floor"]
    for name, start in found.items():
        sys.stdout.write(
            f"{name:14} wall {start.wall:.3f} s ({start.wall / floor.wall:.2f} of the floor),"
            f" processor {start.cpu:.3f} s ({start.cpu / floor.cpu:.2f})\n"
        )


if __name__ == "__main__":
    main()
