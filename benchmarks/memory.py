"""``python -m benchmarks.memory``: resident memory of the server beside that of a bare script.

The script imports the same packages, creates the session, decodes the photo and runs the session on
the same input, first once and then, under load, in as many threads as the server has; the server is
sent 8 requests at a time. Both run in turns on all cores; the medians count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from app.settings import DEFAULT_MODEL
from app.vision.runtime.limits import usable_cores
from benchmarks.harness.bare_session import Feed, feed_of
from benchmarks.harness.load import drive, multipart_request
from benchmarks.harness.process import run
from benchmarks.harness.servers import REPOSITORY

_BARE = Path(__file__).parent / "contenders" / "bare_memory.py"
_PHOTO = REPOSITORY / "app" / "page" / "files" / "samples" / "astronaut.jpg"
_AT_ONCE = 8
_IDLE, _LOADED = "first photo", "under load"
"""The script's parts that the server's two figures are divided by."""

Bytes = dict[str, int]


def bare(model: Path, feed: Feed, photo: Path, runs: int) -> Bytes:
    """Resident bytes of the script after each part; the last is its peak under load."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "feed.npz"
        np.savez(file, **feed)  # type: ignore[arg-type]
        command = [sys.executable, *map(str, (_BARE, model, file, photo, usable_cores(), runs))]
        printed = subprocess.check_output(command, text=True)
    return dict(json.loads(line) for line in printed.splitlines())


def served(model: Path, photo: Path, runs: int) -> Bytes:
    """Resident bytes of the server after its first photo, and its peak under load."""
    request = multipart_request("/detect", photo.read_bytes())
    environment = {"SPOTTER_MODEL": str(model), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "app"]
    with run(command, environment, os.sched_getaffinity(0)) as server:
        drive(server.port, request, 1, 0)
        idle = server.rss()
        server.forget_peak()
        for _ in range(-(-runs * usable_cores() // _AT_ONCE)):
            drive(server.port, request, _AT_ONCE, 0)
        return {_IDLE: idle, _LOADED: server.peak_rss()}


def table(scripts: list[Bytes], servers: list[Bytes]) -> str:
    """Markdown, in MB; ``added`` is what a part of the script adds to those before it."""
    script = _medians(scripts)
    server = _medians(servers)
    lines = ["| part | bare MB | added | Spotter MB | Spotter / bare |", "|---|---|---|---|---|"]
    before = 0.0
    for part, size in script.items():
        cells = [part, f"{size:.0f}", f"{size - before:.0f}"]
        cells += (
            [f"{server[part]:.0f}", f"{server[part] / size:.2f}"] if part in server else ["", ""]
        )
        lines.append("| " + " | ".join(cells) + " |")
        before = size
    return "\n".join(lines)


def _medians(turns: list[Bytes]) -> dict[str, float]:
    return {part: statistics.median(turn[part] for turn in turns) / 1e6 for part in turns[0]}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="(the shipped one)")
    parser.add_argument("--photo", type=Path, default=_PHOTO, help="a JPEG")
    parser.add_argument("--runs", type=int, default=40, help="images for a thread (%(default)s)")
    parser.add_argument("--turns", type=int, default=3, help="(%(default)s)")
    given = parser.parse_args(arguments)
    feed = feed_of(given.model, given.photo.read_bytes())
    scripts, servers = [], []
    for _ in range(given.turns):
        scripts.append(bare(given.model, feed, given.photo, given.runs))
        servers.append(served(given.model, given.photo, given.runs))
    print(f"{usable_cores()} cores, {given.turns} turns\n\n{table(scripts, servers)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
