"""``python -m tests.hostile.fuzz --count 100000 --requests 20000``: bent images and bent requests.

The same seed gives the same of both. What is found wrong is said, images saved; the exit code is
1 then.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.corpus import Sample, attacks
from tests.hostile.hunt import MOST_GROWTH, Hunt, hunting
from tests.hostile.mutate import mutant
from tests.hostile.siege import besiege
from tests.http.scripted import write_model
from tests.server import serve

_EVERY = 5000


def main() -> int:
    options = _options()
    images = _images(options) if options.count else 0
    return images | (_requests(options) if options.requests else 0)


def _requests(options: argparse.Namespace) -> int:
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(write_model(Path(folder) / "scripted.onnx"), allowed_hosts="*") as server,
    ):
        last = options.first_request + options.requests
        siege = besiege(server, options.seed, range(options.first_request, last))
    for number, wrong in siege.wrong.items():
        _say(f"request {number}: {wrong}")
    if siege.log:
        _say(f"log: {siege.log}")
    every = max(1, len(siege.resident) // 10)
    megabytes = [f"{size / 1e6:.1f}" for size in siege.resident[every - 1 :: every]]
    _say(
        f"{options.requests} requests from {options.first_request} with seed {options.seed},"
        f" {time.monotonic() - began:.0f} s: {len(siege.wrong)} dealt with wrongly\n"
        f"{dict(siege.outcomes.most_common())}\n"
        f"resident at the end of each tenth: {', '.join(megabytes)} MB"
    )
    return 1 if siege.wrong or siege.log or siege.grown > MOST_GROWTH else 0


def _images(options: argparse.Namespace) -> int:
    began = time.monotonic()
    bad = 0
    with hunting() as (hunt, workers):
        for name, sample in _samples(options):
            if wrong := workers.judge(sample.data):
                bad += 1
                path = _save(options.save, name, sample.data)
                _say(f"{name} {sample.name}: {', '.join(wrong)}: {path}")
            if hunt.seen % _EVERY == 0:
                _say(f"{hunt.seen}: {time.monotonic() - began:.0f} s, {dict(hunt.outcomes)}")
    _say(
        f"{options.count} files from {options.first} with seed {options.seed},"
        f" {time.monotonic() - began:.0f} s: {bad} dealt with wrongly\n{dict(hunt.outcomes)}\n"
        f"slowest {hunt.slowest:.2f} s of CPU, memory at most {hunt.peak / 1e6:.0f} MB over idle,"
        f" grown by {hunt.grown / 1e6:.1f} MB\nloaded: {', '.join(sorted(hunt.decoders))}"
    )
    _say(costliest(hunt))
    if hunt.noise:
        _say(f"said to standard error:\n{hunt.noise[:5000]}")
    return 1 if bad or hunt.noise or hunt.grown > MOST_GROWTH else 0


def _samples(options: argparse.Namespace) -> Iterator[tuple[str, Sample]]:
    """The files known to be hostile, and then as many mutants as were asked for."""
    if options.first == 0:
        yield from ((f"known-{number}", sample) for number, sample in enumerate(attacks()))
    for number in range(options.first, options.first + options.count):
        yield f"{options.seed}-{number}", mutant(options.seed, number)


def costliest(hunt: Hunt) -> str:
    """The slowest file of each format, a line each."""
    return "\n".join(
        f"{form}: {cost.seconds:.2f} s, {cost.memory / 1e6:.0f} MB over idle with"
        f" {cost.reserved / 1e6:.0f} set aside, {cost.outcome}"
        for form, cost in sorted(hunt.costliest.items())
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=0, help="to a server, after the images")
    parser.add_argument("--first-request", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("--save", type=Path, default=Path("dist/fuzz"))
    return parser.parse_args()


def _save(folder: Path, name: str, data: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(data)
    return path


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
