"""Sends files to a worker and judges how it dealt with them; a worker that dies is replaced."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from tests.hostile.rule import HONEST_FACTOR, MOST_SECONDS, Cost, honest_photo, pillow_name
from tests.server import REPOSITORY

EXPECTED = frozenset({"decoded", "InvalidImageFormat", "InvalidImage", "ImageTooLarge"})
DECODERS = frozenset({"Jpeg", "Mpo", "Png", "WebP", "Gif", "Bmp", "Tiff", "Avif", "Qoi"})
MOST_GROWTH = 40_000_000
GIVEN_UP = 10.0
"""Seconds of CPU time after which a worker ends itself."""
_WARM = 300
_KEPT = 50
"""Files after which memory counts as kept: malloc gives back what one file took a little later."""
_PATIENCE = 300.0
"""Seconds on the wall; the worker ends itself after fewer of CPU time."""


@dataclass
class Hunt:
    """What was seen of all files so far."""

    seen: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    costliest: dict[str, Cost] = field(default_factory=dict)
    """The slowest of each format."""
    slowest: float = 0.0
    peak: int = 0
    """Bytes over idle."""
    grown: int = 0
    """Bytes over the first few hundred files that a worker kept through the next ``_KEPT``."""
    decoders: set[str] = field(default_factory=set)
    noise: str = ""
    """What went to standard error."""


class Died(Exception):
    pass


class Worker:
    def __init__(self, most_seconds: float = GIVEN_UP) -> None:
        self._most_seconds = most_seconds
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.worker", str(most_seconds)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_untraced(),
        )
        self._idle = 0
        self.seen = 0
        self.warm = 0
        """Bytes resident after the first few hundred files."""
        self.last: dict[str, Any] = {}
        self._resident: deque[int] = deque(maxlen=_KEPT)

    @property
    def grown(self) -> int:
        """Bytes that it has kept since it was warm."""
        return min(self._resident) - self.warm if len(self._resident) == _KEPT else 0

    def cost(self, data: bytes, *, drawn: bool = False) -> Cost:
        """Of reading ``data``, or of making it ready to be drawn on. Raises Died."""
        if not self._idle:
            self._idle = self._ask(b"none", drawn=False)["resident"]
        self.last = answer = self._ask(data, drawn=drawn)
        width, height = answer["declared"] or (0, 0)
        self.seen += 1
        if self.seen == _WARM:
            self.warm = answer["resident"]
        elif self.seen > _WARM:
            self._resident.append(answer["resident"])
        return Cost(
            answer["outcome"],
            answer["seconds"],
            answer["peak"] - self._idle,
            answer["reserved"],
            width * height,
        )

    def close(self) -> str:
        """What it said to standard error."""
        self._process.communicate()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")
        self._errors.close()
        return said

    def _ask(self, data: bytes, *, drawn: bool) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        try:
            self._process.stdin.write(len(data).to_bytes(4, "big") + bytes([drawn]) + data)
            self._process.stdin.flush()
            ready, _, _ = select.select([self._process.stdout], [], [], _PATIENCE)
            line = self._process.stdout.readline() if ready else b""
        except BrokenPipeError:
            line = b""
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.kill()
        code = self._process.wait()
        if code == -signal.SIGPROF:
            raise Died(f"more than {self._most_seconds:g} s of CPU")
        raise Died(f"died or hung: {code}")


class Workers:
    """One at a time, for as long as it lives."""

    def __init__(self, hunt: Hunt) -> None:
        self._hunt = hunt
        self._worker = Worker()

    def judge(self, data: bytes) -> list[str]:
        """What is wrong with how it dealt with ``data``. One file in five is drawn on."""
        hunt = self._hunt
        hunt.seen += 1
        cost, wrong = self.measured(data, drawn=len(data) % 5 == 0)
        if cost is None:
            hunt.slowest = max(hunt.slowest, GIVEN_UP)
            return wrong
        hunt.outcomes[cost.outcome] += 1
        form = pillow_name(data) or "none"
        slowest = hunt.costliest.setdefault(form, cost)
        hunt.costliest[form] = max(slowest, cost, key=lambda one: one.seconds)
        hunt.slowest = max(hunt.slowest, cost.seconds)
        hunt.peak = max(hunt.peak, cost.memory)
        last = self._worker.last
        if unknown := set(last.get("decoders", ())) - DECODERS - hunt.decoders:
            wrong.append(f"loaded {unknown}")
        hunt.decoders |= set(last.get("decoders", ()))
        hunt.grown = max(hunt.grown, self._worker.grown)
        if cost.outcome not in EXPECTED:
            wrong.append(cost.outcome)
        return wrong

    def measured(self, data: bytes, *, drawn: bool) -> tuple[Cost | None, list[str]]:
        """What ``data`` costs, and what of that is above the rule; None if the worker died.

        What seems to be above it is measured again in a new worker, and the smaller figures
        count: the machine may be busy, and malloc keeps what earlier files took.
        """
        try:
            cost = self._worker.cost(data, drawn=drawn)
        except Died as death:
            self._replace()
            return None, [str(death)]
        if not self._above(cost, data, drawn):
            return cost, []
        self._replace()
        try:
            again = self._worker.cost(data, drawn=drawn)
        except Died as death:
            self._replace()
            return None, [str(death)]
        smaller = Cost(
            again.outcome,
            min(cost.seconds, again.seconds),
            min(cost.memory, again.memory),
            again.reserved,
            again.pixels,
        )
        return smaller, self._above(smaller, data, drawn)

    def close(self) -> None:
        self._hunt.noise += self._worker.close()

    def _replace(self) -> None:
        self._hunt.noise += self._worker.close()
        self._worker = Worker()

    def _above(self, cost: Cost, data: bytes, drawn: bool) -> list[str]:
        wrong = []
        if cost.seconds > MOST_SECONDS and cost.seconds > most_seconds(data, cost.pixels, drawn):
            wrong.append(f"{cost.seconds:.1f} s of CPU")
        if cost.memory > cost.most_memory(len(data)):
            wrong.append(f"{cost.memory / 1e6:.0f} MB, {cost.reserved / 1e6:.0f} set aside")
        return wrong


def most_seconds(data: bytes, pixels: int, drawn: bool) -> float:
    """Of CPU time that ``data`` may take, which declares so many pixels."""
    form = pillow_name(data)
    honest = honest_cost(form, pixels, drawn) if form and pixels else None
    return max(MOST_SECONDS, HONEST_FACTOR * honest.seconds if honest else 0.0)


@cache
def honest_cost(form: str, pixels: int, drawn: bool) -> Cost | None:
    """What a photo of that format and so many pixels costs, in this run.

    None if it cannot be told. A photo with fewer pixels stands for one with as many.
    """
    photo = honest_photo(form, pixels)
    if photo is None:
        return None
    worker = Worker()
    try:
        worker.cost(photo, drawn=drawn)
        cost = worker.cost(photo, drawn=drawn)
    except Died:
        return None
    finally:
        worker.close()
    missing = max(1.0, pixels / cost.pixels) if cost.pixels else 1.0
    return replace(cost, seconds=cost.seconds * missing)


def _untraced() -> dict[str, str]:
    """This environment without what makes coverage trace a child: it multiplies the CPU time."""
    return {name: value for name, value in os.environ.items() if "COVERAGE" not in name}


@contextmanager
def hunting() -> Iterator[tuple[Hunt, Workers]]:
    hunt = Hunt()
    workers = Workers(hunt)
    try:
        yield hunt, workers
    finally:
        workers.close()
