import os
import subprocess
import sys
import time

import pytest

from benchmarks.harness.interference import QUIET_CORES, Interference, quietest


def test_somebody_else_on_the_core_is_noticed() -> None:
    core = max(os.sched_getaffinity(0))
    busy = "import time; end = time.process_time() + 0.6\nwhile time.process_time() < end: pass"
    interference = Interference({core})
    began = time.perf_counter()
    subprocess.run(["taskset", "-c", str(core), sys.executable, "-c", busy], check=True)
    everybody = interference.used(0)
    spent = time.perf_counter() - began  # read last: this process may have had to wait
    assert everybody * spent > 0.5
    assert everybody < 1.1


def test_what_was_measured_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds of CPU time within two seconds."""
    moments, busy = iter((0.0, 2.0, 2.0, 2.0)), iter((10.0, 13.0, 13.0, 13.0))
    monkeypatch.setattr("benchmarks.harness.interference.time.perf_counter", lambda: next(moments))
    monkeypatch.setattr(Interference, "_busy_seconds", lambda _: next(busy))
    interference = Interference({0})
    assert [interference.used(seconds) for seconds in (0, 1, 5)] == [1.5, 1.0, 0]


def test_the_calmest_of_several_tries_counts() -> None:
    def tries(most: int, *found: float) -> float:
        left = iter(found)
        return quietest(lambda: next(left), lambda other: other, most)

    assert tries(3, 0.5, 0.3, 0.4) == 0.3
    assert tries(3, 0.5, 0.05) == 0.05
    assert tries(1, 0.5) == 0.5
    assert tries(2, QUIET_CORES) == QUIET_CORES
