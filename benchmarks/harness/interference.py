"""Whether somebody else used the cores meanwhile: figures of a busy machine say little."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

_TICKS = os.sysconf("SC_CLK_TCK")
_BUSY = (0, 1, 2, 5, 6, 7)  # user, nice, system, irq, softirq, and what the host took away
CALM = 0.1
"""Cores that others may have used for figures to count as those of a calm machine."""

T = TypeVar("T")


class Neighbours:
    """Cores' worth of time that neither this process nor ``cpu_seconds`` accounts for."""

    def __init__(self, cores: set[int]) -> None:
        self._cores = cores
        self._began = time.perf_counter()
        self._before = self._busy()

    def used(self, cpu_seconds: float) -> float:
        """Since the beginning; ``cpu_seconds`` are those of what was measured."""
        spent = time.perf_counter() - self._began
        return max(0.0, self._busy() - self._before - cpu_seconds) / spent

    def _busy(self) -> float:
        """Seconds of all processes on these cores but this one."""
        ticks = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in self._cores:
                ticks += sum(int(fields[index]) for index in _BUSY)
        return ticks / _TICKS - time.process_time()


def calmest(measure: Callable[[], T], others: Callable[[T], float], tries: int) -> T:
    """Measured again, so many times at most, until the machine was calm; the calmest of all."""
    found = [measure()]
    while others(found[-1]) > CALM and len(found) < tries:
        found.append(measure())
    return min(found, key=others)
