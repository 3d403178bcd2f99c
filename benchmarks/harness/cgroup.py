"""The CPU share and the memory of a Lambda size, by a cgroup (v1 or v2), where permitted."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MB_PER_VCPU = 1769
_PERIOD = 100_000
_ROOT = Path("/sys/fs/cgroup")
_NAME = "spotter-benchmark"
_EMPTY_AFTER = 5.0


@contextmanager
def lambda_share(megabytes: int, root: Path = _ROOT) -> Iterator[Callable[[], None]]:
    """What is yielded puts the process that calls it under the share.

    Raises OSError where cgroups cannot be made here. ``root`` is for tests.
    """
    groups = _groups(megabytes, root)
    made: list[Path] = []
    try:
        for folder, files in groups.items():
            folder.mkdir(exist_ok=True)
            made.append(folder)
            for name, value in files.items():
                (folder / name).write_text(value)

        def enter() -> None:
            for folder in groups:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        yield enter
    finally:
        for folder in made:
            _remove(folder)


def refusal(root: Path = _ROOT) -> str | None:
    """Why there can be no share here; None where there can."""
    try:
        with lambda_share(MB_PER_VCPU, root):
            return None
    except OSError as error:
        return f"no cgroup can be made here ({error.strerror})"


def vcpus(megabytes: int) -> int:
    """How many processors a Lambda function of that size sees."""
    return 2 if megabytes <= 3008 else -(-megabytes // MB_PER_VCPU)


def _groups(megabytes: int, root: Path) -> dict[Path, dict[str, str]]:
    quota = int(_PERIOD * megabytes / MB_PER_VCPU)
    memory = str(megabytes * 1024 * 1024)
    if (root / "cgroup.controllers").exists():
        return {root / _NAME: {"cpu.max": f"{quota} {_PERIOD}", "memory.max": memory}}
    return {
        root / "cpu" / _NAME: {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)},
        root / "memory" / _NAME: {"memory.limit_in_bytes": memory},
    }


def _remove(folder: Path) -> None:
    """As soon as the kernel has taken the killed processes out."""
    end = time.monotonic() + _EMPTY_AFTER
    while folder.exists() and time.monotonic() < end:
        with suppress(OSError):
            folder.rmdir()
            return
        time.sleep(0.02)
