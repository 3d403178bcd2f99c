"""``python -m benchmarks``: the servers one after another, over HTTP, with the same photos."""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy
import onnxruntime

from benchmarks import report
from benchmarks.load import drive, multipart_request
from benchmarks.photos import at_megapixels
from benchmarks.process import run
from benchmarks.servers import Contender, contenders
from benchmarks.share import lambda_share


def main() -> None:
    options = _arguments()
    cores = sorted(os.sched_getaffinity(0))
    photos = {"photo": options.photo.read_bytes()}
    photos |= {f"{mp:g} MP": at_megapixels(options.photo, mp) for mp in options.megapixels}
    places: list[tuple[str, set[int], int | None]] = []
    if "one" in options.places:
        places.append(("1 core", {cores[-1]}, None))
    if "all" in options.places:
        places.append((f"{len(cores)} cores", set(cores), None))
    places += [(f"{size} MB", set(cores), size) for size in options.lambda_sizes]
    rows: list[report.Row] = []
    for contender in contenders(options.model, options.int8, options.square or options.model):
        if options.servers and contender.name not in options.servers:
            continue
        if contender.missing:
            print(f"{contender.name}: left out, {', '.join(contender.missing)} not installed")
            continue
        for name, at, size in places:
            rows += _measure(contender, name, at, size, photos, options)
    print(_machine())
    print(report.table(rows))
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "benchmark.json").write_text(
            json.dumps({"machine": _machine(), "rows": [asdict(row) for row in rows]}, indent=1)
        )
        (options.out / "benchmark.md").write_text(f"{_machine()}\n\n{report.table(rows)}\n")
        report.picture(rows, options.out / "benchmark.png")


def _measure(
    contender: Contender,
    place: str,
    cores: set[int],
    size: int | None,
    photos: dict[str, bytes],
    options: argparse.Namespace,
) -> Iterator[report.Row]:
    for photo, image in photos.items():
        request = multipart_request("/detect", image)
        for concurrency in options.concurrency:
            with ExitStack() as stack:
                enter = None if size is None else stack.enter_context(lambda_share(size))
                server = stack.enter_context(
                    run(contender.command, dict(contender.environment), cores, enter)
                )
                drive(server.port, request, 1, 0)  # one request
                cold = time.perf_counter() - server.began
                drive(server.port, request, concurrency, options.seconds / 4)
                cpu = server.cpu_seconds()
                result = drive(server.port, request, concurrency, options.seconds)
                cpu = server.cpu_seconds() - cpu
                row = report.Row(
                    contender.name,
                    place,
                    photo,
                    concurrency,
                    result.p50 * 1000,
                    result.p95 * 1000,
                    result.per_second,
                    cpu / max(1, len(result.latencies)) * 1000,
                    server.peak_rss() / 1e6,
                    cold,
                    result.errors,
                )
            print(
                f"{place:>8} {photo:>6} x{concurrency:<3} {contender.name:<14}"
                f" p50 {row.p50_ms:7.1f} ms  {row.per_second:6.1f}/s  CPU {row.cpu_ms:6.1f} ms",
                flush=True,
            )
            yield row


def _machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return (
        f"{model}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()},"
        f" onnxruntime {onnxruntime.__version__}, numpy {numpy.__version__}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="ONNX file with dynamic axes")
    parser.add_argument("--square", type=Path, help="the same with static axes, for the others")
    parser.add_argument("--int8", type=Path, help="the same quantised")
    parser.add_argument("--photo", type=Path, required=True, help="a JPEG")
    parser.add_argument("--megapixels", type=float, nargs="*", default=[], help="scaled copies too")
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--places", nargs="*", default=["one", "all"], choices=["one", "all"])
    parser.add_argument(
        "--lambda-sizes", type=int, nargs="*", default=[], help="such as 512 1024 1769 3008 (MB)"
    )
    parser.add_argument("--servers", nargs="*", help="only these, by name")
    parser.add_argument("--seconds", type=float, default=8, help="of load, each measurement")
    parser.add_argument("--out", type=Path, help="folder for benchmark.json, .md and .png")
    return parser.parse_args()


if __name__ == "__main__":
    main()
