"""Limits on cgroup trees that are only folders."""

import os
from pathlib import Path

import pytest

from benchmarks.harness import cgroup
from benchmarks.harness.cgroup import lambda_limits, why_unavailable


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders with files in them cannot be removed as cgroups can."""
    monkeypatch.setattr(cgroup, "_REMOVAL_SECONDS", 0)


@pytest.mark.usefixtures("hasty")
def test_the_share_of_a_lambda_size_on_both_versions_of_cgroups(tmp_path: Path) -> None:
    (tmp_path / "v1" / "cpu").mkdir(parents=True)
    (tmp_path / "v1" / "memory").mkdir()
    with lambda_limits(1024, tmp_path / "v1") as enter:
        enter()
    name = f"spotter-benchmark-{os.getpid()}"  # two commands at a time have one each
    cpu, memory = tmp_path / "v1/cpu" / name, tmp_path / "v1/memory" / name
    assert (cpu / "cpu.cfs_quota_us").read_text() == "57885"
    assert (cpu / "cpu.cfs_period_us").read_text() == "100000"
    assert (memory / "memory.limit_in_bytes").read_text() == str(1024 * 1024 * 1024)
    assert (cpu / "cgroup.procs").read_text() == (memory / "cgroup.procs").read_text() != ""
    (tmp_path / "v2").mkdir()
    (tmp_path / "v2" / "cgroup.controllers").touch()
    with lambda_limits(3008, tmp_path / "v2"):
        pass
    assert (tmp_path / "v2" / name / "cpu.max").read_text() == "170039 100000"


def test_where_there_are_no_cgroups_it_says_why(tmp_path: Path) -> None:
    assert why_unavailable(tmp_path) == "no cgroup can be made here (No such file or directory)"
