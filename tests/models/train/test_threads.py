"""Seen from a process of its own: OpenMP reads its environment once."""

import json
import os
import subprocess
import sys

import pytest

from models.train import threads

pytestmark = pytest.mark.kit

PROBE = """
import json, os
from models.train import threads
threads.bind()
import torch
torch.ones(1_000_000).add(1)
bound = [sorted(os.sched_getaffinity(int(task))) for task in os.listdir("/proc/self/task")]
threads.roam()
print(json.dumps([bound, sorted(os.sched_getaffinity(0)), torch.get_num_threads()]))
"""


def probe(**environment: str) -> tuple[list[list[int]], list[int], int]:
    found = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    bound, roaming, number = json.loads(found.stdout)
    return bound, roaming, number


def test_every_thread_has_a_core_and_may_leave_it() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    bound, roaming, number = probe(OMP_NUM_THREADS=str(len(allowed)))
    assert number == len(allowed)
    assert {(core,) for core in allowed} <= {tuple(cores) for cores in bound}
    assert roaming == allowed


def test_who_says_otherwise_is_heard() -> None:
    allowed = sorted(os.sched_getaffinity(0))
    bound, _, _ = probe(OMP_PROC_BIND="false")
    assert {tuple(cores) for cores in bound} == {tuple(allowed)}


def test_places_leave_the_first_core_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "_ALLOWED", {2, 3, 5})
    assert threads.places(3) == "4;6"
    assert threads.places(2) == "4"
    assert threads.places(1) == threads.places(4) == ""
