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


@contextmanager
def lambda_share(megabytes: int) -> Iterator[Callable[[], None]]:
    """What is yielded puts the process that calls it under the share.

    Raises OSError where cgroups cannot be made here.
    """
    quota = int(_PERIOD * megabytes / MB_PER_VCPU)
    memory = str(megabytes * 1024 * 1024)
    if (_ROOT / "cgroup.controllers").exists():
        values = {_ROOT / _NAME: {"cpu.max": f"{quota} {_PERIOD}", "memory.max": memory}}
    else:
        values = {
            _ROOT / "cpu" / _NAME: {
                "cpu.cfs_period_us": str(_PERIOD),
                "cpu.cfs_quota_us": str(quota),
            },
            _ROOT / "memory" / _NAME: {"memory.limit_in_bytes": memory},
        }
    try:
        for folder, files in values.items():
            folder.mkdir(exist_ok=True)
            for name, value in files.items():
                (folder / name).write_text(value)

        def enter() -> None:
            for folder in values:
                (folder / "cgroup.procs").write_text(str(os.getpid()))

        yield enter
    finally:
        time.sleep(0.2)  # until the kernel has taken the killed process out
        for folder in values:
            with suppress(OSError):
                folder.rmdir()
