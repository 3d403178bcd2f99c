"""The number of cores and the bytes of memory that this process may use.

The limits come from the machine, from the kernel's control groups (versions 1 and 2), and from
Lambda.
"""

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

_LAMBDA_MEBIBYTES = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"


def usable_cores(root: Path = Path("/")) -> int:
    """The smaller of affinity and CPU quota, rounded up to a whole core. ``root`` is for tests."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    quota = min(_of_groups(root, "cpu", _quota_v2, _quota_v1), default=math.inf)
    return max(1, min(cores or 1, math.ceil(quota) if quota < math.inf else cores or 1))


def usable_memory(root: Path = Path("/")) -> int | None:
    """Bytes; None if unknown, as on systems without /proc. ``root`` is for tests."""
    return min(_limits(root), default=None)


def _limits(root: Path) -> Iterator[int]:
    if (function := os.environ.get(_LAMBDA_MEBIBYTES, "")).isdecimal():
        yield int(function) << 20
    if total := re.search(r"^MemTotal: +(\d+) kB", _text(root / "proc/meminfo"), re.M):
        yield int(total[1]) << 10
    yield from _of_groups(root, "memory", _limit_v2, _limit_v1)


def _quota_v2(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    return _cores(quota, period)


def _quota_v1(folder: Path) -> float | None:
    quota = _text(folder / "cpu.cfs_quota_us").strip()
    return _cores(quota, _text(folder / "cpu.cfs_period_us").strip())


def _cores(quota: str, period: str) -> float | None:
    """None if there is no quota ("max" or -1), or if either text is not a number."""
    if not (quota.isdecimal() and period.isdecimal() and int(period) > 0):
        return None
    return int(quota) / int(period)


def _limit_v2(folder: Path) -> int | None:
    return _bytes(folder / "memory.max")


def _limit_v1(folder: Path) -> int | None:
    return _bytes(folder / "memory.limit_in_bytes")


def _bytes(path: Path) -> int | None:
    """None if there is no limit ("max") or no file."""
    limit = _text(path).strip()
    return int(limit) if limit.isdecimal() else None


def _of_groups(
    root: Path,
    controller: str,
    version_2: Callable[[Path], T | None],
    version_1: Callable[[Path], T | None],
) -> Iterator[T]:
    """The limits of this process's groups and their parents, each read from its folder.

    ``root`` is ``/`` except in tests. The functions return None if a group sets no limit.
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers == "":
            yield from _climb(root / "sys/fs/cgroup", name, version_2)
        elif controller in controllers.split(","):
            for mount in dict.fromkeys((controllers, controller)):
                yield from _climb(root / "sys/fs/cgroup" / mount, name, version_1)


def _text(path: Path) -> str:
    """Empty if the file cannot be read."""
    try:
        return path.read_text()
    except OSError:
        return ""


def _climb(mount: Path, name: str, read: Callable[[Path], T | None]) -> Iterator[T]:
    """Yields limits from the group up to the mount; containers often cannot see their own group."""
    folder = mount / name.lstrip("/")
    while True:
        limit = read(folder)
        if limit is not None:
            yield limit
        if folder == mount or mount not in folder.parents:
            return
        folder = folder.parent
