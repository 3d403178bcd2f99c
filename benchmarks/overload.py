"""``python -m benchmarks.overload``: sends many times more requests than a server can answer.

The server has one core; the client and the process that asks for ``/healthz`` have the others. The
capacity is measured before the overload and again one second after it. A bare uvicorn, which
refuses every photo, is then sent as many requests: what its ``/healthz`` takes is the floor. At the
end both are asked over many connections at once, each of which asks again after every answer.
"""

import argparse
import asyncio
import json
import math
import multiprocessing
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.load import drive, raw_request, read_answer
from benchmarks.harness.open_loop import Tally, offer
from benchmarks.harness.process import Running, run

_PROBE_INTERVAL_SECONDS = 0.02
_SETTLE_SECONDS = 1.0
_CONNECTIONS = (32, 256)
_CONNECTED_SECONDS = 10.0
_BARE = [sys.executable, "-m", "uvicorn", "benchmarks.contenders.bare_uvicorn:app"]
_BARE += ["--port", "{port}", "--no-access-log", "--log-level", "warning"]


@dataclass(frozen=True)
class Report:
    capacity: float
    """Images per second with two connections, each of which waits for its answer."""
    places: int
    """Capacity of the pool: images being processed and images waiting."""
    tally: Tally
    health: list[float]
    """Seconds that each ``/healthz`` took during the overload."""
    resident: list[int]
    """Resident bytes, sampled once a second during the overload."""
    capacity_after: float
    """The same as ``capacity``, measured from one second after the overload."""

    def facts(self) -> dict[str, object]:
        tally = self.tally
        half = len(self.resident) // 2
        return {
            "capacity_per_s": round(self.capacity, 1),
            "offered_per_s": round(tally.sent / tally.seconds, 1),
            "times_capacity": round(tally.sent / tally.seconds / self.capacity, 1),
            "accepted": len(tally.accepted),
            "accepted_per_s": round(len(tally.accepted) / tally.seconds, 1),
            "accepted_p50_ms": _ms(tally.accepted, 0.5),
            "accepted_p95_ms": _ms(tally.accepted, 0.95),
            "queue_x_service_ms": round(self.places / self.capacity * 1000),
            "refused": len(tally.refused),
            "refused_p95_ms": _ms(tally.refused, 0.95),
            "retry_after_s": {str(s): n for s, n in sorted(tally.retry_after.items())},
            "drained_s": round(tally.drained, 2),
            "anything_else": dict(tally.others),
            "healthz": len(self.health),
            "healthz_p50_ms": _ms(self.health, 0.5),
            "healthz_p99_ms": _ms(self.health, 0.99),
            "healthz_max_ms": _ms(self.health, 1),
            "rss_mb_first_and_second_half_max": [
                round(max(part) / 1e6, 1) for part in (self.resident[:half], self.resident[half:])
            ],
            "capacity_after_per_s": round(self.capacity_after, 1),
        }


def measure(server: Running, image: bytes, places: int, times: float, seconds: float) -> Report:
    """Overloads ``server`` with ``times`` its capacity for ``seconds``.

    ``places`` is the capacity of its pool for running and waiting images.
    """
    request = raw_request("/detect", image)
    settled = min(5.0, seconds / 2)
    drive(server.port, request, 2, 1)
    capacity = drive(server.port, request, 2, settled).per_second
    with _watched(server) as resident:
        tally, health = _overloaded(server.port, request, times * capacity, seconds)
    time.sleep(max(0.0, _SETTLE_SECONDS - tally.drained))
    after = drive(server.port, request, 2, settled).per_second
    return Report(capacity, places, tally, health, resident, after)


def health_over_connections(port: int, request: bytes, number: int, seconds: float) -> list[float]:
    """Seconds that each ``/healthz`` takes while ``number`` connections ask without a pause."""
    with _probed(port, seconds) as probed:
        drive(port, request, number, seconds)
        return probed.result()


def _overloaded(
    port: int, request: bytes, rate: float, seconds: float
) -> tuple[Tally, list[float]]:
    with _probed(port, seconds) as probed:
        return asyncio.run(offer(port, [request], rate, seconds)), probed.result()


@contextmanager
def _probed(port: int, seconds: float) -> Iterator[Future[list[float]]]:
    """Runs ``probe`` in another process during the block."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as other:
        other.submit(os.getpid).result()  # wait until the process has started
        yield other.submit(probe, port, seconds)


def probe(port: int, seconds: float) -> list[float]:
    """Seconds that each ``/healthz`` takes, asked every 20 ms over one connection."""
    spent = []
    end = time.perf_counter() + seconds
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while (began := time.perf_counter()) < end:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            status = read_answer(connection)[0]
            assert status == 200, status
            spent.append(time.perf_counter() - began)
            time.sleep(_PROBE_INTERVAL_SECONDS)
    return spent


@contextmanager
def _watched(server: Running) -> Iterator[list[int]]:
    """Yields a list to which the server's resident bytes are added once a second."""
    resident = [server.rss()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1):
            resident.append(server.rss())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield resident
    finally:
        over.set()
        watcher.join()


def _ms(seconds: list[float], share: float) -> float:
    if not seconds:
        return math.nan
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1)


def main() -> None:
    options = _arguments()
    cores = os.sched_getaffinity(0)
    mine = {max(cores)}
    os.sched_setaffinity(0, cores - mine or cores)
    environment = {"SPOTTER_LOG_LEVEL": "info"}
    if options.model:
        environment["SPOTTER_MODEL"] = str(options.model)
    photo = options.photo.read_bytes()
    request = raw_request("/detect", photo)

    def over_connections(server: Running) -> dict[str, object]:
        return {
            f"{number}_connections_healthz_p99_ms": _ms(
                health_over_connections(server.port, request, number, _CONNECTED_SECONDS), 0.99
            )
            for number in _CONNECTIONS
        }

    with run([sys.executable, "-m", "app"], environment, mine) as server:
        places = 1 + 16  # the default on one core
        report = measure(server, photo, places, options.times, options.seconds)
        facts = report.facts() | over_connections(server)
    with run(_BARE, {}, mine) as server:
        rate = options.times * report.capacity
        tally, health = _overloaded(server.port, request, rate, options.seconds)
        bare = {
            "refused_p95_ms": _ms(tally.refused, 0.95),
            "healthz_p50_ms": _ms(health, 0.5),
            "healthz_p99_ms": _ms(health, 0.99),
            **over_connections(server),
        }
    print(json.dumps({"spotter": facts, "bare uvicorn": bare}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--photo", type=Path, required=True, help="an image file")
    parser.add_argument("--model", type=Path, help="ONNX file (the shipped one)")
    parser.add_argument(
        "--times", type=float, default=20, help="multiple of the capacity (%(default)s)"
    )
    parser.add_argument("--seconds", type=float, default=120, help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
