"""``python -m benchmarks``: measures servers one after another over HTTP with the same photos."""

import argparse
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import numpy
import onnxruntime

from app.vision.model.load import load
from benchmarks.harness import report
from benchmarks.harness.bare_session import Feed, feed_of
from benchmarks.harness.cgroup import why_unavailable
from benchmarks.harness.cpu_limits import CpuLimit, cpu_limits
from benchmarks.harness.interference import QUIET_CORES
from benchmarks.harness.measure import MeasurementFailed, Task, measure, measure_bare
from benchmarks.harness.photos import at_megapixels, size_of
from benchmarks.harness.report import Row
from benchmarks.harness.servers import REPOSITORY, Contender, contenders

_BARE = "bare"
_PHOTO = REPOSITORY / "app" / "page" / "files" / "samples" / "astronaut.jpg"


def main(arguments: list[str] | None = None) -> int:
    options = _arguments(arguments)
    found = cpu_limits(options.cores, options.lambda_sizes)
    if options.lambda_sizes and (why := why_unavailable()):
        print(f"Lambda sizes left out: {why}")
        found = [limit for limit in found if limit.megabytes is None]
    task = Task(
        time.strftime("%Y-%m-%d %H:%M:%S"),
        _photos(options),
        options.concurrency,
        options.seconds,
        options.tries,
    )
    started = _startable(options)
    machine = _machine()
    kept = options.out / "benchmark.json"
    before = report.read(kept) if options.add and kept.exists() else []
    rows: list[Row] = []
    for limit in found:
        turns: list[Row] = []
        for _ in range(options.turns):
            for row in _at(limit, started, task, options):
                turns.append(row)
                print(_progress(row), flush=True)
                so_far = rows + report.medians(turns)
                report.save(options.out, machine, report.merge(before, so_far))
        rows += report.medians(turns)
    if not rows:
        return 1
    report.write(options.out, machine, report.merge(before, rows))
    print(f"\n{machine}\n\n{report.table(rows)}\n\n{options.out / 'benchmark.png'}, .md and .json")
    return 0


def _startable(options: argparse.Namespace) -> list[tuple[Contender, str]]:
    """The chosen servers, each with its Python interpreter."""
    square = options.square or options.model
    side = max(load(square).description.input.size)
    found = []
    for contender in contenders(options.model, options.int8, square, side):
        python = contender.interpreter(options.others)
        if options.servers and contender.name not in options.servers:
            continue
        if python is None:
            print(f"{contender.name}: left out, not installed ({', '.join(contender.needs)})")
            continue
        found.append((contender, python))
    if options.int8 is None:
        print("int8: left out, no --int8 (python -m models.quantize makes such a file)")
    return found


def _at(
    limit: CpuLimit, started: list[tuple[Contender, str]], task: Task, options: argparse.Namespace
) -> Iterator[Row]:
    for contender, python in started:
        try:
            yield from measure(contender, python, limit, task)
        except MeasurementFailed as error:
            print(f"{limit.name}: {contender.name}: {error}", flush=True)
    if options.servers and _BARE not in options.servers:
        return
    for model in filter(None, (options.model, options.int8)):
        try:
            feeds = _feeds(model, task)
            yield from measure_bare(model, model == options.int8, feeds, limit, task)
        except MeasurementFailed as error:
            print(f"{limit.name}: session.run of {model.name}: {error}", flush=True)


def _feeds(model: Path, task: Task) -> dict[str, Feed]:
    return {name: feed_of(model, image) for name, image in task.photos.items()}


def _photos(options: argparse.Namespace) -> dict[str, bytes]:
    photos = {}
    for megapixels in sorted(options.megapixels):
        if megapixels:
            photos[f"{megapixels:g} MP"] = at_megapixels(options.photo, megapixels)
        else:
            photos[size_of(options.photo)] = options.photo.read_bytes()
    return photos


def _progress(row: Row) -> str:
    return (
        f"{row.cpu_limit:>8} {row.photo:>9} x{row.concurrency:<3} {row.server:<26}"
        f" p50 {row.p50_ms:7.1f} ms  {row.per_second:6.1f}/s  CPU {row.cpu_ms:6.1f} ms"
        + (
            f"  (other processes used {row.other_cores:.1f} cores)"
            if row.other_cores > QUIET_CORES
            else ""
        )
    )


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


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        default=REPOSITORY / "models" / "default.onnx",
        help="ONNX file (the shipped one)",
    )
    parser.add_argument(
        "--square", type=Path, help="the same model with static axes, for the other servers"
    )
    parser.add_argument("--int8", type=Path, help="the same model, made by models.quantize")
    parser.add_argument("--photo", type=Path, default=_PHOTO, help="a JPEG")
    parser.add_argument(
        "--megapixels", type=float, nargs="+", help="sizes of the photo; 0: unchanged (0.3 1 12)"
    )
    parser.add_argument("--concurrency", type=int, nargs="+", help="requests at once (1 8 32)")
    parser.add_argument(
        "--cores", nargs="*", default=["one", "all"], choices=["one", "all"],
        help="cores of the server (one all)",
    )  # fmt: skip
    parser.add_argument("--lambda-sizes", type=int, nargs="*", help="MB (512 1024 1769 3008)")
    parser.add_argument(
        "--servers", nargs="+", help=f"names of servers; {_BARE}: session.run (all)"
    )
    parser.add_argument(
        "--others", action="append", default=[], metavar="PYTHON",
        help="a Python with packages that this one lacks; may be given several times",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, help="length of a measurement (4)")
    parser.add_argument(
        "--turns", type=int, help="measurements of every server, of which medians are taken (3)"
    )
    parser.add_argument(
        "--tries", type=int, default=1,
        help="most attempts at a measurement that other processes disturb (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--quick",
        action="store_true",
        help="one photo, 1 and 8 at once, no Lambda sizes, 2 seconds, once",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=REPOSITORY / "dist" / "benchmark",
        help="folder (dist/benchmark)",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the rows that --out has, except those measured again",
    )
    given = parser.parse_args(arguments)
    full = {"megapixels": [0.3, 1, 12], "concurrency": [1, 8, 32], "seconds": 4.0, "turns": 3}
    full["lambda_sizes"] = [512, 1024, 1769, 3008]
    quick = {"megapixels": [0], "concurrency": [1, 8], "seconds": 2.0, "turns": 1}
    quick["lambda_sizes"] = []
    for name, value in (quick if given.quick else full).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    for path in (given.model, given.square, given.int8, given.photo):
        if path is not None and not path.is_file():
            parser.error(f"there is no file {path}")
    return given


if __name__ == "__main__":
    raise SystemExit(main())
