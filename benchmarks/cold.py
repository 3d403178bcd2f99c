"""``python -m benchmarks.cold``: time from the start of a process to its first answer.

It is compared with the floor: a script that imports the packages needed for serving and creates
the session. A second script also decodes a photo and runs the session once, which no server can
avoid before its first answer. All run on one core, in turns, so that a busy machine slows them
alike. Wall time is what users wait for and what Lambda bills; CPU time varies less.
"""

import argparse
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.harness.bare_session import feed_of
from benchmarks.harness.load import multipart_request, read_answer
from benchmarks.harness.process import held_port
from tests.aws.gateways import SOURCES, Request
from tests.aws.gateways import read_answer as read_event_answer
from tests.aws.runtime import INTERPRETER, Deployed, link_runtime

FLOOR = """
import numpy, onnxruntime, PIL, fastapi, {server}, os, sys
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
if len(sys.argv) > 2:
    from PIL import Image
    Image.open(sys.argv[2]).convert("RGB")
    session.run(None, dict(numpy.load(sys.argv[3])))
os._exit(0)  # the time to shut down does not count
"""
UVICORN = ("uvicorn", "app.main:app", "--port", "{port}")
SPOTTER = ("app",)
"""Also uvicorn, started as ``make run`` and the container do."""
_HTTP_API = SOURCES[2]
_START_TIMEOUT_SECONDS = 60.0
_FLOOR, _FLOOR_WITH_PHOTO = "floor", "with a photo"


@dataclass(frozen=True)
class Start:
    """Seconds of wall time to the first answer, and of CPU time to the end of the process."""

    wall: float
    cpu: float


Measure = Callable[[], Start]


@dataclass(frozen=True)
class Comparison:
    wall: float
    wall_ratio: float
    cpu: float
    cpu_ratio: float


def uvicorn_floor(*arguments: Path) -> Start:
    """``arguments`` are those of ``FLOOR``: a model, and for a run a photo and its input."""
    return _floor([sys.executable], "uvicorn", arguments, _environment())


def uvicorn_answer(model: Path, request: bytes, module: Sequence[str] = UVICORN) -> Start:
    """Starts a server and sends it the bytes of ``request`` as soon as it listens.

    Raises RuntimeError if the answer is not 200.
    """
    with held_port() as port, _stopwatch() as watch:
        environment = _environment() | {"SPOTTER_MODEL": str(model), "PORT": str(port)}
        command = [sys.executable, "-m", *(part.format(port=port) for part in module)]
        process = subprocess.Popen(
            [*on_one_core(), *command],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with _connect(port, process) as connection:
                connection.sendall(request)
                status, _ = read_answer(connection)
            watch.lap()
        finally:
            process.kill()
            process.wait()
    if status != 200:
        raise RuntimeError(f"the first answer was {status}")
    return watch.start


def lambda_floor(deployed: Deployed, *arguments: Path) -> Start:
    path = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{deployed.root}:{deployed.runtime}"}
    return _floor([INTERPRETER, "-S"], "mangum", arguments, path, deployed.root)


def lambda_answer(deployed: Deployed, model: Path, request: Request) -> Start:
    """Starts the zip under AWS's runtime client and invokes it once.

    Raises RuntimeError if the answer is not 200.
    """
    event = _HTTP_API.event(request)
    settings = {"SPOTTER_MODEL": str(model)}
    with (
        tempfile.TemporaryDirectory() as folder,
        _stopwatch() as watch,
        deployed.run(Path(folder), settings, wrapper=on_one_core()) as function,
    ):
        outcome = function.invoke(event)
        watch.lap()
    if read_event_answer(outcome.value).status != 200:
        raise RuntimeError(f"the first answer was {outcome.raw[:300]!r}")
    return watch.start


def compare(measures: Mapping[str, Measure], rounds: int) -> dict[str, Comparison]:
    """Medians of ``rounds`` turns, after one turn that fills the caches and does not count.

    The first of ``measures`` is the floor. Ratios are taken within a turn, since the machine may
    change its speed between turns.
    """
    turns = [{name: measure() for name, measure in measures.items()} for _ in range(rounds + 1)][1:]
    floor = next(iter(measures))

    def median(name: str, field: str) -> tuple[float, float]:
        taken = [(getattr(turn[name], field), getattr(turn[floor], field)) for turn in turns]
        ratios = [seconds / least for seconds, least in taken]
        return statistics.median(seconds for seconds, _ in taken), statistics.median(ratios)

    return {name: Comparison(*median(name, "wall"), *median(name, "cpu")) for name in measures}


def on_one_core() -> tuple[str, ...]:
    """A command prefix that pins a process to the first core; the client uses the others."""
    return ("taskset", "-c", str(min(os.sched_getaffinity(0))))


def _floor(
    python: Sequence[str],
    server: str,
    arguments: Sequence[Path],
    environment: Mapping[str, str],
    folder: Path | None = None,
) -> Start:
    code = FLOOR.format(server=server)
    with _stopwatch() as watch:
        subprocess.run(
            [*on_one_core(), *python, "-c", code, *map(str, arguments)],
            cwd=folder,
            env=environment,
            check=True,
        )
        watch.lap()
    return watch.start


class _Watch:
    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._cpu_before = _cpu_of_ended_children()
        self._wall = 0.0
        self._cpu = 0.0

    def lap(self) -> None:
        self._wall = time.perf_counter() - self._began

    def end(self) -> None:
        self._cpu = _cpu_of_ended_children() - self._cpu_before

    @property
    def start(self) -> Start:
        return Start(self._wall, self._cpu)


@contextmanager
def _stopwatch() -> Iterator[_Watch]:
    """Measures wall time up to the lap, and CPU time of all processes that end in the block."""
    watch = _Watch()
    yield watch
    watch.end()


def _cpu_of_ended_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _environment() -> dict[str, str]:
    """This environment without settings. Bytecode is written: only the first start compiles."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("SPOTTER_")}
    others.pop("PYTHONDONTWRITEBYTECODE", None)
    return others


def _connect(port: int, process: subprocess.Popen[bytes]) -> socket.socket:
    """Connects as soon as the server listens."""
    end = time.monotonic() + _START_TIMEOUT_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.001)
    raise RuntimeError(f"{process.args!r} does not listen")


def _report(title: str, measures: Mapping[str, Measure], rounds: int) -> None:
    print(f"{title}, medians of {rounds}:")
    for name, found in compare(measures, rounds).items():
        print(
            f"  {name:14} wall {found.wall * 1000:4.0f} ms ({found.wall_ratio:.2f} of the floor),"
            f" CPU {found.cpu * 1000:4.0f} ms ({found.cpu_ratio:.2f})",
            flush=True,
        )


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model, photo = options.model.resolve(), options.photo.resolve()
        feed = folder / "feed.npz"
        np.savez(feed, **feed_of(model, photo.read_bytes()))  # type: ignore[arg-type]
        run = model, photo, feed
        if options.zip is None:
            _report("uvicorn", _under_uvicorn(*run), options.rounds)
        else:
            zipfile.ZipFile(options.zip).extractall(folder / "task")
            (folder / "runtime").mkdir()
            deployed = Deployed(folder / "task", link_runtime(folder / "runtime"))
            _report("Lambda's runtime client", _on_lambda(deployed, *run), options.rounds)


def _under_uvicorn(model: Path, photo: Path, feed: Path) -> dict[str, Measure]:
    form = multipart_request("/detect", photo.read_bytes())
    return {
        _FLOOR: lambda: uvicorn_floor(model),
        _FLOOR_WITH_PHOTO: lambda: uvicorn_floor(model, photo, feed),
        "POST /detect": lambda: uvicorn_answer(model, form),
        "python -m app": lambda: uvicorn_answer(model, form, SPOTTER),
    }


def _on_lambda(deployed: Deployed, model: Path, photo: Path, feed: Path) -> dict[str, Measure]:
    post = Request("POST", "/detect", body=photo.read_bytes())
    return {
        _FLOOR: lambda: lambda_floor(deployed, model),
        _FLOOR_WITH_PHOTO: lambda: lambda_floor(deployed, model, photo, feed),
        "GET /healthz": lambda: lambda_answer(deployed, model, Request("GET", "/healthz")),
        "POST /detect": lambda: lambda_answer(deployed, model, post),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="an ONNX file")
    parser.add_argument("--photo", type=Path, required=True, help="a JPEG")
    parser.add_argument(
        "--zip",
        type=Path,
        help="made by 'make lambda-zip': start it as Lambda does, instead of uvicorn",
    )
    parser.add_argument("--rounds", type=int, default=9, help="turns (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
