"""One server, or the bare session, at one place: a row for each photo and concurrency."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.harness.bound import Feed, Loops, run_loops
from benchmarks.harness.cpu_limits import Place, aside
from benchmarks.harness.interference import Neighbours, calmest
from benchmarks.harness.load import drive, multipart_request
from benchmarks.harness.process import Running, run
from benchmarks.harness.report import BARE, BOUND, Row, of_int8
from benchmarks.harness.servers import Contender


class Unmeasured(Exception):
    """The server did not start, went away, or gave no answer."""


@dataclass(frozen=True)
class Task:
    run: str
    photos: Mapping[str, bytes]
    concurrency: Sequence[int]
    seconds: float
    """Of each measurement, after a quarter of that to warm up."""
    tries: int = 1
    """How often to measure where somebody else uses the machine."""


def measure(contender: Contender, python: str, place: Place, task: Task) -> Iterator[Row]:
    """Raises Unmeasured; what was measured before has been yielded."""
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        try:
            command = [python, *contender.arguments]
            enter = stack.enter_context(place.enter())
            started = run(command, contender.environment, set(place.cores), enter, log)
            server = stack.enter_context(started)
            stack.enter_context(aside(place))
            cold = None
            for photo, image in task.photos.items():
                request = multipart_request("/detect", image)
                drive(server.port, request, 1, 0)
                if cold is None:
                    cold = time.perf_counter() - server.began
                    # What is done once, soon after a start, is not counted to the images.
                    drive(server.port, request, 1, task.seconds)
                for concurrency in task.concurrency:
                    drive(server.port, request, min(concurrency, 4), task.seconds / 4)
                    ask = partial(_ask, server, place, request, concurrency, task.seconds)
                    row = calmest(ask, _others, task.tries)
                    yield replace(
                        row, run=task.run, server=contender.name, photo=photo, cold_s=cold
                    )
        except (OSError, RuntimeError) as error:
            raise Unmeasured(_reason(error, log.fileno())) from error


def _ask(server: Running, place: Place, request: bytes, concurrency: int, seconds: float) -> Row:
    server.forget_peak()
    neighbours = Neighbours(_watched(place))
    cpu = server.cpu_seconds()
    result = drive(server.port, request, concurrency, seconds)
    cpu = server.cpu_seconds() - cpu
    others = neighbours.used(cpu)
    if not result.latencies:
        raise Unmeasured(f"no answer but {result.errors} refusals")
    return Row(
        place=place.name,
        concurrency=concurrency,
        p50_ms=result.p50 * 1000,
        p95_ms=result.p95 * 1000,
        per_second=result.per_second,
        cpu_ms=cpu / result.answered * 1000,
        rss_mb=server.peak_rss() / 1e6,
        errors=result.errors,
        others=others,
    )


def measure_bare(
    model: Path, int8: bool, feeds: Mapping[str, Feed], place: Place, task: Task
) -> Iterator[Row]:
    """One session on all cores; where there are several, as many one-thread loops as well."""
    together = place.at_a_time
    apart = [{core} for core in place.cores[:together]]
    ways = [(BARE, together, [set(place.cores)]), (BOUND, 1, apart)]
    for photo, feed in feeds.items():
        for name, threads, sets in ways[: min(together, 2)]:
            loop = partial(_loop, model, feed, place, threads, sets, task.seconds)
            try:
                row = calmest(loop, _others, task.tries)
            except OSError as error:
                raise Unmeasured(str(error)) from error
            yield replace(row, run=task.run, server=of_int8(name) if int8 else name, photo=photo)


def _loop(
    model: Path, feed: Feed, place: Place, threads: int, sets: list[set[int]], seconds: float
) -> Row:
    with place.enter() as enter:
        loops: Loops = run_loops(model, feed, seconds, threads, sets, enter)
    runs = sorted(loops.runs)
    return Row(
        place=place.name,
        concurrency=len(sets),
        p50_ms=statistics.median(runs) * 1000,
        p95_ms=runs[int(len(runs) * 0.95)] * 1000,
        per_second=loops.per_second,
        cpu_ms=loops.cpu_ms,
        rss_mb=loops.rss / 1e6,
        others=loops.others,
    )


def _others(row: Row) -> float:
    return row.others


def _watched(place: Place) -> set[int]:
    """The server's cores, and those of the client."""
    return set(place.cores) | os.sched_getaffinity(0)


def _reason(error: Exception, log: int) -> str:
    """With the last line that the server said."""
    with open(log, "rb", closefd=False) as file:
        file.seek(0)
        said = file.read().decode(errors="replace").strip().splitlines()
    return f"{error}; its last words: {said[-1][:200]}" if said else str(error)
