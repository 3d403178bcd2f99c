"""The number of cores this process may use: the smaller of its affinity and its CPU quota."""

import math
import os
from pathlib import Path

from app.vision.runtime import cgroups


def usable_cores(root: Path = Path("/")) -> int:
    """At least 1; a quota is rounded up to whole cores. ``root`` is for tests."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = min(cgroups.limits(root, "cpu", _quota_v2, _quota_v1), default=math.inf)
    return max(1, min(cores or 1, math.ceil(quota) if quota < math.inf else cores or 1))


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = cgroups.text(folder / "cpu.max").strip().partition(" ")
    return _cores(quota, period)


def _quota_v1(folder: Path) -> float | None:
    quota = cgroups.text(folder / "cpu.cfs_quota_us").strip()
    return _cores(quota, cgroups.text(folder / "cpu.cfs_period_us").strip())


def _cores(quota: str, period: str) -> float | None:
    """None if there is no quota ("max" or -1), or if either text is not a number."""
    if not (quota.isdecimal() and period.isdecimal() and int(period) > 0):
        return None
    return int(quota) / int(period)
