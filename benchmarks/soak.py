"""``python -m benchmarks.soak``: runs a server at a steady load and reports whether memory grows.

The server is pinned to one core. Images of all kinds are sent at random; the rate follows the time
per image, so that the server is busy for the given share of the time. Each file is sent once at
first, and any later answer with a different status is an error.
"""

import argparse
import asyncio
import json
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.load import raw_request
from benchmarks.harness.open_loop import ask
from benchmarks.harness.photos import at_megapixels
from benchmarks.harness.process import Running, run
from benchmarks.harness.trend import Slope, slope

_EXPECTED_STATUSES = {200, 413, 415, 422}
_SMOOTHING = 0.05
_SAMPLE_SECONDS = 2.0
_HTTP_SECONDS = 0.003
"""Time per image in addition to the stages in Server-Timing."""
_MOST_OPEN = 12
"""Most concurrent requests; below the capacity of the pool, so that none is refused by chance."""
_WARM_UP_SHARE = 0.5
"""Share of the time that the slope ignores. For the first ten thousand images or so, memory rises
in steps whenever large images happen to arrive together."""


@dataclass
class Soak:
    idle: int
    """Resident bytes before the first image was sent."""
    statuses: "Counter[int]" = field(default_factory=Counter)
    errors: "Counter[str]" = field(default_factory=Counter)
    times: list[float] = field(default_factory=list)
    """Seconds since the beginning, for each sample."""
    resident: list[int] = field(default_factory=list)
    descriptors: list[int] = field(default_factory=list)
    seconds: float = 0.0
    busy: float = 0.0
    """CPU seconds of the server."""

    def growth(self) -> Slope:
        """Growth of resident memory after the warm-up, in bytes per second."""
        first = self._warm()
        block = (self.times[-1] - self.times[first]) / 24
        return slope(self.times[first:], self.resident[first:], block)

    def _warm(self) -> int:
        """Index of the first sample after the warm-up."""
        return next(i for i, t in enumerate(self.times) if t >= _WARM_UP_SHARE * self.times[-1])

    def facts(self) -> dict[str, object]:
        growth = self.growth()
        later = self.resident[self._warm() :]
        per_hour = 3600 / 1e6
        return {
            "minutes": round(self.seconds / 60, 1),
            "requests": self.statuses.total(),
            "per_s": round(self.statuses.total() / self.seconds, 1),
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
            "errors": dict(self.errors),
            "cpu_share": round(self.busy / self.seconds, 2),
            "rss_idle_mb": round(self.idle / 1e6, 1),
            "rss_mb_max": round(max(self.resident) / 1e6, 1),
            "rss_mb_warm_min_mean_max": [
                round(v / 1e6, 1) for v in (min(later), sum(later) / len(later), max(later))
            ],
            "rss_slope_mb_per_hour": round(growth.value * per_hour, 2),
            "rss_slope_95_percent": [
                round(growth.low * per_hour, 2),
                round(growth.high * per_hour, 2),
            ],
            "descriptors_first_last": [self.descriptors[0], self.descriptors[-1]],
        }


async def soak(
    server: Running,
    requests: Sequence[bytes],
    load: float,
    seconds: float,
    every: float = _SAMPLE_SECONDS,
) -> Soak:
    """Sends ``requests`` at random for ``seconds``; ``every`` is the time between samples.

    ``load`` is the share of the time, 0 to 1, during which the server should be busy.
    """
    result = Soak(server.rss())
    expected, service_time = [], 0.05
    for request in requests:
        status, _ = await ask(server.port, request)
        if status not in _EXPECTED_STATUSES:
            result.errors[f"{status} at first"] += 1
        expected.append(status)
    chance = random.Random(1)
    tasks: set[asyncio.Task[None]] = set()

    async def one(number: int) -> None:
        nonlocal service_time
        try:
            status, headers = await ask(server.port, requests[number])
        except (OSError, EOFError) as error:
            result.errors[type(error).__name__] += 1
            return
        result.statuses[status] += 1
        if status != expected[number]:
            result.errors[f"{status} instead of {expected[number]}"] += 1
        service_time += _SMOOTHING * (_busy(headers) - service_time)

    began, busy = time.perf_counter(), server.cpu_seconds()
    due, sampled = began, began
    while (now := time.perf_counter()) < began + seconds:
        if now >= sampled:
            sampled += every
            result.times.append(now - began)
            result.resident.append(server.rss())
            result.descriptors.append(server.descriptors())
        if due > now:
            await asyncio.sleep(min(due, sampled) - now)
            continue
        due += chance.expovariate(load / service_time)
        if len(tasks) >= _MOST_OPEN:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.create_task(one(chance.randrange(len(requests))))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    result.seconds = time.perf_counter() - began
    result.busy = server.cpu_seconds() - busy
    return result


def _busy(headers: dict[str, str]) -> float:
    """Seconds that the server spent on a request, from its Server-Timing header."""
    stages = re.findall(r"dur=([\d.]+)", headers.get("server-timing", ""))
    return sum(map(float, stages)) / 1000 + _HTTP_SECONDS


def corpus(
    folders: Sequence[Path], photo: Path | None, megapixels: float, share: float
) -> list[bytes]:
    """Images to choose from: all files of ``folders``, and ``photo`` enlarged to ``megapixels``.

    ``share`` is the number of copies of the enlarged photo relative to the number of files.
    """
    images = [path.read_bytes() for folder in folders for path in sorted(folder.iterdir())]
    if photo is None:
        return images
    large = at_megapixels(photo, megapixels)
    return images + [large] * max(1, round(share * len(images)))


def main() -> None:
    options = _arguments()
    images = corpus(options.images, options.photo, options.megapixels, options.share)
    cores = os.sched_getaffinity(0)
    mine = {options.core} if options.core is not None else {max(cores)}
    os.sched_setaffinity(0, cores - mine or cores)
    environment = {"SPOTTER_MODEL": str(options.model)} if options.model else {}
    with run([sys.executable, "-m", "app"], environment, mine) as server:
        requests = [raw_request("/detect", image) for image in images]
        result = asyncio.run(soak(server, requests, options.load, options.minutes * 60))
    facts = result.facts()
    print(json.dumps(facts, indent=1))
    if options.out:
        samples = [result.times, result.resident, result.descriptors]
        options.out.write_text(json.dumps({**facts, "samples": samples}))
    if result.errors or not result.growth().is_flat:
        raise SystemExit(1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--images", type=Path, nargs="+", required=True, help="folders of files")
    parser.add_argument("--photo", type=Path, help="a JPEG that is enlarged")
    parser.add_argument(
        "--megapixels", type=float, default=12, help="size of the enlarged photo (%(default)s)"
    )
    parser.add_argument(
        "--share", type=float, default=0.1, help="share of requests with it (%(default)s)"
    )
    parser.add_argument("--model", type=Path, help="ONNX file (the shipped one)")
    parser.add_argument("--minutes", type=float, default=30, help="(%(default)s)")
    parser.add_argument(
        "--load",
        type=float,
        default=0.8,
        help="share of the time that the server is busy, 0 to 1 (%(default)s)",
    )
    parser.add_argument("--core", type=int, help="number of the server's core (the last one)")
    parser.add_argument("--out", type=Path, help="file for the figures and all samples, as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
