"""Imitates the CPU share and memory of a Lambda function with a cgroup (v1 or v2)."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MB_PER_VCPU = 1769
_PERIOD_US = 100_000
_ROOT = Path("/sys/fs/cgroup")
_NAME = f"spotter-benchmark-{os.getpid()}"
_REMOVAL_SECONDS = 5.0
"""Time that the kernel may need to remove killed processes from a cgroup."""


@contextmanager
def lambda_limits(megabytes: int, root: Path = _ROOT) -> Iterator[Callable[[], None]]:
    """Yields a function that moves the process that calls it into the cgroup.

    Raises OSError if cgroups cannot be made here. ``root`` is for tests.
    """
    groups = _groups(megabytes, root)
    made: list[Path] = []
    try:
        for folder, files in groups.items():
            folder.mkdir(exist_ok=True)
            made.append(folder)
            for name, value in files.items():
                (folder / name).write_text(value)

        def join() -> None:
            for folder in groups:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        yield join
    finally:
        for folder in made:
            _remove(folder)


def why_unavailable(root: Path = _ROOT) -> str | None:
    """The reason why no cgroup can be created here, or None."""
    try:
        with lambda_limits(MB_PER_VCPU, root):
            return None
    except OSError as error:
        return f"no cgroup can be made here ({error.strerror})"


def lambda_vcpus(megabytes: int) -> int:
    """Number of processors that a Lambda function of that size sees."""
    return 2 if megabytes <= 3008 else -(-megabytes // MB_PER_VCPU)


def _groups(megabytes: int, root: Path) -> dict[Path, dict[str, str]]:
    quota = int(_PERIOD_US * megabytes / MB_PER_VCPU)
    memory = str(megabytes * 1024 * 1024)
    if (root / "cgroup.controllers").exists():
        return {root / _NAME: {"cpu.max": f"{quota} {_PERIOD_US}", "memory.max": memory}}
    return {
        root / "cpu" / _NAME: {
            "cpu.cfs_period_us": str(_PERIOD_US),
            "cpu.cfs_quota_us": str(quota),
        },
        root / "memory" / _NAME: {"memory.limit_in_bytes": memory},
    }


def _remove(folder: Path) -> None:
    end = time.monotonic() + _REMOVAL_SECONDS
    while folder.exists() and time.monotonic() < end:
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.02)
