"""The number of cores this process may use: the smaller of its affinity and its CPU quota."""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """At least 1; a quota is rounded up to whole cores. ``root`` is for tests."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = min(_quotas(root), default=math.inf)
    return max(1, min(cores or 1, math.ceil(quota) if quota < math.inf else cores or 1))


def _quotas(root: Path) -> Iterator[float]:
    """CPU quotas, in cores, of this process's cgroups and of all their parents."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers == "":
            yield from _climb(root / "sys/fs/cgroup", name, _quota_v2)
        elif "cpu" in controllers.split(","):
            for mount in ("cpu,cpuacct", "cpu"):
                yield from _climb(root / "sys/fs/cgroup" / mount, name, _quota_v1)


def _climb(mount: Path, name: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    """Quotas from the group up to the mount; a container often does not see its own group."""
    folder = mount / name.lstrip("/")
    while True:
        quota = read(folder)
        if quota is not None:
            yield quota
        if folder == mount or mount not in folder.parents:
            return
        folder = folder.parent


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _read(folder / "cpu.max").strip().partition(" ")
    return _cores(quota, period)


def _quota_v1(folder: Path) -> float | None:
    quota = _read(folder / "cpu.cfs_quota_us").strip()
    return _cores(quota, _read(folder / "cpu.cfs_period_us").strip())


def _cores(quota: str, period: str) -> float | None:
    """None if there is no quota ("max" or -1), or if either text is not a number."""
    if not (quota.isdecimal() and period.isdecimal() and int(period) > 0):
        return None
    return int(quota) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
