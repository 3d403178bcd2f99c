"""Measures one server, or the bare session, under a CPU limit."""

import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from benchmarks.harness.bare_session import Feed, run_loops
from benchmarks.harness.cpu_limits import CpuLimit, keep_off
from benchmarks.harness.interference import Interference, quietest
from benchmarks.harness.load import drive, multipart_request
from benchmarks.harness.process import Running, run
from benchmarks.harness.report import BARE, BOUND, Row, of_int8
from benchmarks.harness.servers import Contender


class MeasurementFailed(Exception):
    """A server did not start, stopped, or answered no request with 200."""


@dataclass(frozen=True)
class Task:
    run: str
    photos: Mapping[str, bytes]
    concurrency: Sequence[int]
    seconds: float
    """Length of a measurement; a warm-up of a quarter of it comes first."""
    tries: int = 1
    """Most attempts while other processes disturb a measurement; the least disturbed counts."""


def measure(contender: Contender, python: str, limit: CpuLimit, task: Task) -> Iterator[Row]:
    """Yields a row for each photo and concurrency. Raises MeasurementFailed."""
    with tempfile.TemporaryFile() as log, ExitStack() as stack:
        try:
            command = [python, *contender.arguments]
            join = stack.enter_context(limit.applied())
            started = run(command, contender.environment, set(limit.cores), join, log)
            server = stack.enter_context(started)
            stack.enter_context(keep_off(limit.cores))
            cold = None
            for photo, image in task.photos.items():
                request = multipart_request("/detect", image)
                drive(server.port, request, 1, 0)
                if cold is None:
                    cold = time.perf_counter() - server.began
                    # Work that is done once, soon after a start, must not count as work for images.
                    drive(server.port, request, 1, task.seconds)
                for concurrency in task.concurrency:
                    drive(server.port, request, min(concurrency, 4), task.seconds / 4)
                    attempt = partial(_load, server, limit, request, concurrency, task.seconds)
                    row = quietest(attempt, _other_cores, task.tries)
                    yield replace(
                        row, run=task.run, server=contender.name, photo=photo, cold_s=cold
                    )
        except (OSError, RuntimeError) as error:
            raise MeasurementFailed(_reason(error, log.fileno())) from error


def _load(
    server: Running, limit: CpuLimit, request: bytes, concurrency: int, seconds: float
) -> Row:
    server.forget_peak()
    interference = Interference(_watched(limit))
    cpu = server.cpu_seconds()
    result = drive(server.port, request, concurrency, seconds)
    cpu = server.cpu_seconds() - cpu
    other_cores = interference.used(cpu)
    if not result.latencies:
        raise MeasurementFailed(f"no answer but {result.errors} refusals")
    return Row(
        cpu_limit=limit.name,
        concurrency=concurrency,
        p50_ms=result.p50 * 1000,
        p95_ms=result.p95 * 1000,
        per_second=result.per_second,
        cpu_ms=cpu / result.answered * 1000,
        rss_mb=server.peak_rss() / 1e6,
        errors=result.errors,
        other_cores=other_cores,
    )


def measure_bare(
    model: Path, int8: bool, feeds: Mapping[str, Feed], limit: CpuLimit, task: Task
) -> Iterator[Row]:
    """Yields rows for one session on all cores and, if there are several, for one loop per core."""
    count = limit.parallel_loops
    single_cores = [{core} for core in limit.cores[:count]]
    ways = [(BARE, count, [set(limit.cores)]), (BOUND, 1, single_cores)]
    for photo, feed in feeds.items():
        for name, threads, core_sets in ways[: min(count, 2)]:
            loop = partial(_loop, model, feed, limit, threads, core_sets, task.seconds)
            try:
                row = quietest(loop, _other_cores, task.tries)
            except OSError as error:
                raise MeasurementFailed(str(error)) from error
            yield replace(row, run=task.run, server=of_int8(name) if int8 else name, photo=photo)


def _loop(
    model: Path,
    feed: Feed,
    limit: CpuLimit,
    threads: int,
    core_sets: list[set[int]],
    seconds: float,
) -> Row:
    with limit.applied() as join:
        loops = run_loops(model, feed, seconds, threads, core_sets, join)
    runs = sorted(loops.runs)
    return Row(
        cpu_limit=limit.name,
        concurrency=len(core_sets),
        p50_ms=statistics.median(runs) * 1000,
        p95_ms=runs[int(len(runs) * 0.95)] * 1000,
        per_second=loops.per_second,
        cpu_ms=loops.cpu_ms,
        rss_mb=loops.rss / 1e6,
        other_cores=loops.other_cores,
    )


def _other_cores(row: Row) -> float:
    return row.other_cores


def _watched(limit: CpuLimit) -> set[int]:
    """Cores of the server and of the client."""
    return set(limit.cores) | os.sched_getaffinity(0)


def _reason(error: Exception, log: int) -> str:
    """The error and the last line of the server's log."""
    with open(log, "rb", closefd=False) as file:
        file.seek(0)
        said = file.read().decode(errors="replace").strip().splitlines()
    return f"{error}; last line of its log: {said[-1][:200]}" if said else str(error)
