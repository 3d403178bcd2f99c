"""``python -m benchmarks.events``: compares the speed of the event pipeline with ``/detect``.

A worker takes messages from a queue, reads photos from S3 and writes rows and index items, on one
core. Moto simulates AWS in its own process, whose CPU time is not counted. A server answers
``/detect`` with the same photo, model and core, in turns with the worker.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.cloud.sqs import Queue
from app.events.enqueue import message
from benchmarks.harness.cpu_limits import keep_off
from benchmarks.harness.load import drive, raw_request
from benchmarks.harness.process import Running, run, start, stop
from tests.aws.moto import Cloud, run_cloud
from tests.events.results import TABLE_KEYS

_TABLE = "results"
_BUCKET = "photos"
_CONNECTIONS = 2
_WARM_UP_SECONDS = 1.0
_POLL_SECONDS = 0.1
_QUEUE_TIMEOUT_SECONDS = 600.0


@dataclass(frozen=True)
class Rate:
    images: int
    seconds: float
    cpu_seconds: float
    """CPU time of the measured process."""

    @property
    def per_second(self) -> float:
        return self.images / self.seconds

    @property
    def cpu_ms(self) -> float:
        return 1000 * self.cpu_seconds / self.images


@dataclass(frozen=True)
class Setup:
    cloud: Cloud
    photo: bytes
    core: int
    environment: dict[str, str]


def detect_rate(setup: Setup, seconds: float) -> Rate:
    """Rate of a server that is always busy: one request waits while another is processed."""
    request = raw_request("/detect?alt_text=true", setup.photo)
    with run([sys.executable, "-m", "app"], setup.environment, {setup.core}) as server:
        drive(server.port, request, _CONNECTIONS, _WARM_UP_SECONDS)
        before = server.cpu_seconds()
        result = drive(server.port, request, _CONNECTIONS, seconds)
        return Rate(result.answered, result.seconds, server.cpu_seconds() - before)


def worker_rate(setup: Setup, images: int, turn: int) -> Rate:
    """Rate of a worker after the first tenth of the images."""
    queue = _filled_queue(setup, images, turn)
    command = [sys.executable, "-m", "app.events.worker", queue.url]
    with _started(command, setup) as worker:
        left = _wait_until(queue, images - images // 10)
        before, began = worker.cpu_seconds(), time.perf_counter()
        after = _wait_until(queue, 0)
        seconds = time.perf_counter() - began
        return Rate(left - after, seconds, worker.cpu_seconds() - before)


def create_resources(cloud: Cloud) -> None:
    cloud.bucket(_BUCKET)
    cloud.client("dynamodb").create_table(
        TableName=_TABLE, BillingMode="PAY_PER_REQUEST", **TABLE_KEYS
    )


def _filled_queue(setup: Setup, images: int, turn: int) -> Queue:
    keys = [f"turn {turn}/{number:06}.jpg" for number in range(images)]
    s3, sqs = setup.cloud.client("s3"), setup.cloud.client("sqs")
    for key in keys:
        s3.put_object(Bucket=_BUCKET, Key=key, Body=setup.photo)
    queue = Queue(sqs.create_queue(QueueName=f"arrivals-{turn}")["QueueUrl"])
    queue.send([message(_BUCKET, key, stale=False) for key in keys])
    return queue


def _wait_until(queue: Queue, most: int) -> int:
    """Waits until at most ``most`` messages are left, and returns their number.

    Raises TimeoutError if that takes longer than ten minutes.
    """
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    client = queue.connection.client
    end = time.monotonic() + _QUEUE_TIMEOUT_SECONDS
    while time.monotonic() < end:
        found = client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
        left = sum(int(found["Attributes"][name]) for name in names)
        if left <= most:
            return left
        time.sleep(_POLL_SECONDS)
    raise TimeoutError("The worker did not process its messages in time.")


@contextmanager
def _started(command: list[str], setup: Setup) -> Iterator[Running]:
    process = start(command, setup.environment, {setup.core})
    try:
        yield Running(process, 0, time.perf_counter())
    finally:
        stop(process)


def report(detect: list[Rate], worker: list[Rate]) -> str:
    """A Markdown table of medians; ratios are medians of the turns' ratios."""
    lines = ["| | images/s | CPU ms an image |", "|---|---|---|"]
    for name, rates in (("`/detect`", detect), ("worker", worker)):
        per_second = statistics.median(rate.per_second for rate in rates)
        cpu_ms = statistics.median(rate.cpu_ms for rate in rates)
        lines.append(f"| {name} | {per_second:.1f} | {cpu_ms:.1f} |")
    pairs = list(zip(detect, worker, strict=True))
    speed = statistics.median(w.per_second / d.per_second for d, w in pairs)
    cpu = statistics.median(d.cpu_ms / w.cpu_ms for d, w in pairs)
    lines.append(f"| worker / `/detect` | {speed:.2f} | {cpu:.2f} of its images a CPU second |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.events", description=__doc__)
    parser.add_argument("--photo", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="ONNX file (the shipped one)")
    parser.add_argument(
        "--images", type=int, default=200, help="images per turn of the worker (200)"
    )
    parser.add_argument("--seconds", type=float, default=5, help="length of a turn of /detect (5)")
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    core = max(os.sched_getaffinity(0))
    with (
        keep_off([core]),
        run_cloud(keeps_connections=True) as cloud,
    ):  # moto inherits the other cores
        os.environ.update(cloud.environment)
        model = {"SPOTTER_MODEL": str(options.model)} if options.model else {}
        environment = {**model, "SPOTTER_TABLE": _TABLE, "SPOTTER_LOG_LEVEL": "warning"}
        setup = Setup(cloud, options.photo.read_bytes(), core, environment)
        create_resources(cloud)
        detect, worker = [], []
        for turn in range(options.turns):
            detect.append(detect_rate(setup, options.seconds))
            worker.append(worker_rate(setup, options.images, turn))
    print(f"{platform.processor() or platform.machine()}, one core, {options.photo.name}\n")
    print(report(detect, worker))


if __name__ == "__main__":
    main()
