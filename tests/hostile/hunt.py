"""Sends files to a worker and judges how it dealt with them; a worker that dies is replaced."""

import json
import select
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from app.settings import DECODING_BUDGET
from tests.server import REPOSITORY

EXPECTED = frozenset({"decoded", "InvalidImageFormat", "InvalidImage", "ImageTooLarge"})
DECODERS = frozenset({"Jpeg", "Mpo", "Png", "WebP", "Gif", "Bmp", "Tiff", "Avif"})
MOST_SECONDS = 10.0
"""Of CPU time for any one file. Fifty honest megapixels take less."""
MOST_MEMORY = DECODING_BUDGET + 90_000_000
"""Bytes over idle at any time: the allowance, and what a file and its metadata take beside it."""
MOST_GROWTH = 40_000_000
_WARM = 300
_PATIENCE = 60.0


@dataclass
class Hunt:
    """What was seen of all files so far."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    peak: int = 0
    """Bytes over idle; ``grown`` likewise over the first few hundred files."""
    grown: int = 0
    decoders: set[str] = field(default_factory=set)
    noise: str = ""
    """What went to standard error."""


class Worker:
    def __init__(self, hunt: Hunt) -> None:
        self._hunt = hunt
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.worker"],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._idle = self._peak = self._warm = self._seen = 0

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def judge(self, data: bytes) -> list[str]:
        """What is wrong with how it dealt with ``data``."""
        if not self._idle:
            self._idle = self._warm = self._ask(b"none")["resident"]
        answer = self._ask(data)
        if not answer:
            self._process.kill()
            return [f"died or hung: {self._process.wait()}"]
        return self._remember(answer)

    def close(self) -> None:
        self._process.communicate()
        self._errors.seek(0)
        self._hunt.noise += self._errors.read().decode(errors="replace")
        self._errors.close()

    def _ask(self, data: bytes) -> dict[str, Any]:
        """Empty where no answer came."""
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(len(data).to_bytes(4, "big") + data)
            self._process.stdin.flush()
        except BrokenPipeError:
            return {}
        ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
        line = self._process.stdout.readline() if ready else b""
        answer: dict[str, Any] = json.loads(line) if line else {}
        return answer

    def _remember(self, answer: dict[str, Any]) -> list[str]:
        hunt = self._hunt
        outcome, seconds = answer["outcome"], answer["seconds"]
        over_idle = answer["peak"] - self._idle
        unknown = set(answer["decoders"]) - DECODERS - hunt.decoders
        hunt.outcomes[outcome] += 1
        hunt.slowest = max(hunt.slowest, seconds)
        hunt.decoders |= set(answer["decoders"])
        self._seen += 1
        if self._seen == _WARM:
            self._warm = answer["resident"]
        if self._seen > _WARM:
            hunt.grown = max(hunt.grown, answer["resident"] - self._warm)
        wrong = [] if outcome in EXPECTED else [outcome]
        if seconds > MOST_SECONDS:
            wrong.append(f"{seconds:.1f} s")
        if over_idle > max(self._peak, MOST_MEMORY):
            wrong.append(f"{over_idle / 1e6:.0f} MB over idle")
        if unknown:
            wrong.append(f"loaded {unknown}")
        self._peak = max(self._peak, over_idle)
        hunt.peak = max(hunt.peak, self._peak)
        return wrong


class Workers:
    """One at a time, for as long as it lives."""

    def __init__(self, hunt: Hunt) -> None:
        self._hunt = hunt
        self._worker = Worker(hunt)

    def judge(self, data: bytes) -> list[str]:
        wrong = self._worker.judge(data)
        if not self._worker.alive:
            self._worker.close()
            self._worker = Worker(self._hunt)
        return wrong

    def close(self) -> None:
        self._worker.close()


@contextmanager
def hunting() -> Iterator[tuple[Hunt, Workers]]:
    hunt = Hunt()
    workers = Workers(hunt)
    try:
        yield hunt, workers
    finally:
        workers.close()
