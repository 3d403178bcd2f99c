"""Runs ``session.run`` without a server, on the input that Spotter makes from a photo."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from app.vision.arrays import Array
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.model.load import load
from app.vision.runtime.session import Session
from benchmarks.harness.interference import Interference

_BARE = Path(__file__).parents[1] / "contenders" / "bare.py"
_NO_LIMIT = 10**10
_EXIT_TIMEOUT_SECONDS = 120.0

Feed = dict[str, Array]


@dataclass(frozen=True)
class BareRuns:
    """Combined figures of all loops."""

    runs: tuple[float, ...]
    """Seconds of each run."""
    per_second: float
    cpu_ms: float
    """CPU milliseconds per run."""
    rss: int
    """Peak resident bytes of the largest process."""
    other_cores: float
    """Cores that other processes used meanwhile."""


def feed_of(model: Path, photo: bytes) -> Feed:
    """The inputs that Spotter gives its session for ``photo``."""
    loaded = load(model)
    recorder = _Recorder(loaded.session)
    reader = ImageReader(_NO_LIMIT, DecodingBudget(_NO_LIMIT))
    Detector(replace(loaded, session=recorder), reader).detect(photo, Options())
    return recorder.feed


def run_loops(
    model: Path,
    feed: Feed,
    seconds: float,
    threads: int,
    core_sets: Sequence[set[int]],
    join: Callable[[], None] | None = None,
) -> BareRuns:
    """Runs one process on each of ``core_sets`` at the same time, with ``threads`` threads each.

    ``join`` runs in each process, to join a cgroup. Raises OSError if a process ends without its
    figures.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        file = Path(folder) / "feed.npz"
        np.savez(file, **feed)  # type: ignore[arg-type]
        command = [sys.executable, str(_BARE), str(model), str(file), str(seconds), str(threads)]
        started = []
        for cores in core_sets:
            process = subprocess.Popen(
                [*command, *map(str, sorted(cores))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                preexec_fn=join,
            )
            started.append(stack.enter_context(process))
            stack.callback(process.kill)
        for process in started:
            _next_line(process)
        interference = Interference(set().union(*core_sets))
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        results = [json.loads(_next_line(process)) for process in started]
        cpu = sum(result["cpu"] for result in results)
        other_cores = interference.used(cpu)
    runs = tuple(run for result in results for run in result["runs"])
    return BareRuns(
        runs,
        sum(len(result["runs"]) / result["seconds"] for result in results),
        cpu / len(runs) * 1000,
        max(result["rss"] for result in results),
        other_cores,
    )


def _next_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise ConnectionError(f"a bare loop ended with {process.wait(_EXIT_TIMEOUT_SECONDS)}")
    return line


class _Recorder:
    """A session that keeps the inputs of its last run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.feed: Feed = {}
        self.get_inputs = session.get_inputs
        self.get_outputs = session.get_outputs
        self.get_modelmeta = session.get_modelmeta

    def run(self, output_names: list[str], feed: Feed) -> Sequence[Array]:
        self.feed = feed
        outputs: Sequence[Array] = self._session.run(output_names, feed)
        return outputs
