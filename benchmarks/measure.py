"""One server, or the bare session, at one place: a row for each photo and concurrency."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bound import Feed, Loops, run_loops
from benchmarks.load import drive, multipart_request
from benchmarks.places import Place, aside
from benchmarks.process import run
from benchmarks.report import BARE, BOUND, Row, of_int8
from benchmarks.servers import Contender


class Unmeasured(Exception):
    """The server did not start, went away, or gave no answer."""


@dataclass(frozen=True)
class Task:
    run: str
    photos: Mapping[str, bytes]
    concurrency: Sequence[int]
    seconds: float
    """Of each measurement, after a quarter of that to warm up."""


def measure(contender: Contender, python: str, place: Place, task: Task) -> Iterator[Row]:
    """Raises Unmeasured; what was measured before has been yielded."""
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        try:
            server = stack.enter_context(
                run(
                    [python, *contender.arguments],
                    contender.environment,
                    set(place.cores),
                    stack.enter_context(place.enter()),
                    log,
                )
            )
            stack.enter_context(aside(place))
            cold = None
            for photo, image in task.photos.items():
                request = multipart_request("/detect", image)
                drive(server.port, request, 1, 0)
                if cold is None:
                    cold = time.perf_counter() - server.began
                for concurrency in task.concurrency:
                    drive(server.port, request, min(concurrency, 4), task.seconds / 4)
                    server.forget_peak()
                    cpu = server.cpu_seconds()
                    result = drive(server.port, request, concurrency, task.seconds)
                    cpu = server.cpu_seconds() - cpu
                    if not result.latencies:
                        raise Unmeasured(f"no answer but {result.errors} refusals")
                    yield Row(
                        task.run,
                        contender.name,
                        place.name,
                        photo,
                        concurrency,
                        result.p50 * 1000,
                        result.p95 * 1000,
                        result.per_second,
                        cpu / result.answered * 1000,
                        server.peak_rss() / 1e6,
                        cold,
                        result.errors,
                    )
        except (OSError, RuntimeError) as error:
            raise Unmeasured(_reason(error, log.fileno())) from error


def measure_bare(
    model: Path, int8: bool, feeds: Mapping[str, Feed], place: Place, task: Task
) -> Iterator[Row]:
    """One session on all cores; where there are several, as many one-thread loops as well."""
    together = place.at_a_time
    apart = [{core} for core in place.cores[:together]]
    ways = [(BARE, together, [set(place.cores)]), (BOUND, 1, apart)]
    for photo, feed in feeds.items():
        for name, threads, sets in ways[: min(together, 2)]:
            try:
                with place.enter() as enter:
                    loops = run_loops(model, feed, task.seconds, threads, sets, enter)
            except OSError as error:
                raise Unmeasured(str(error)) from error
            yield _bare_row(of_int8(name) if int8 else name, loops, photo, len(sets), place, task)


def _bare_row(name: str, loops: Loops, photo: str, at_once: int, place: Place, task: Task) -> Row:
    runs = sorted(loops.runs)
    return Row(
        task.run,
        name,
        place.name,
        photo,
        at_once,
        statistics.median(runs) * 1000,
        runs[int(len(runs) * 0.95)] * 1000,
        loops.per_second,
        loops.cpu_ms,
        loops.rss / 1e6,
        None,
    )


def _reason(error: Exception, log: int) -> str:
    """With the last line that the server said."""
    with open(log, "rb", closefd=False) as file:
        file.seek(0)
        said = file.read().decode(errors="replace").strip().splitlines()
    return f"{error}; its last words: {said[-1][:200]}" if said else str(error)
