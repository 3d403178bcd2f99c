"""Measures the CPU that other processes use during a measurement, which distorts the figures."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

QUIET_CORES = 0.1
"""A measurement counts as undisturbed if other processes used less than this."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_BUSY_FIELDS = (0, 1, 2, 5, 6, 7)
"""user, nice, system, irq, softirq and steal in a line of /proc/stat."""

T = TypeVar("T")


class Interference:
    """Counts the CPU time on ``cores`` since its creation."""

    def __init__(self, cores: set[int]) -> None:
        self._cores = cores
        self._began = time.perf_counter()
        self._before = self._busy_seconds()

    def used(self, cpu_seconds: float) -> float:
        """Average number of cores that other processes kept busy.

        ``cpu_seconds`` is what the measured processes used; this process is left out as well.
        """
        spent = time.perf_counter() - self._began
        return max(0.0, self._busy_seconds() - self._before - cpu_seconds) / spent

    def _busy_seconds(self) -> float:
        """CPU seconds of all processes but this one."""
        ticks = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name.startswith("cpu") and name[3:].isdecimal() and int(name[3:]) in self._cores:
                ticks += sum(int(fields[index]) for index in _BUSY_FIELDS)
        return ticks / _TICKS_PER_SECOND - time.process_time()


def quietest(measure: Callable[[], T], other_cores: Callable[[T], float], tries: int) -> T:
    """Measures until one measurement is undisturbed, at most ``tries`` times.

    Returns the one with the least interference.
    """
    found = [measure()]
    while other_cores(found[-1]) > QUIET_CORES and len(found) < tries:
        found.append(measure())
    return min(found, key=other_cores)
