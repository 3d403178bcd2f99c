"""The bytes of memory this process may use: the smallest of the machine's and its limits."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from app.vision.runtime import cgroups

_LAMBDA_MEBIBYTES = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"


def usable_memory(root: Path = Path("/")) -> int | None:
    """Bytes; None if nothing says it, as on a system without /proc. ``root`` is for tests."""
    return min(_limits(root), default=None)


def _limits(root: Path) -> Iterator[int]:
    if (function := os.environ.get(_LAMBDA_MEBIBYTES, "")).isdecimal():
        yield int(function) << 20
    if total := re.search(r"^MemTotal: +(\d+) kB", cgroups.text(root / "proc/meminfo"), re.M):
        yield int(total[1]) << 10
    yield from cgroups.limits(root, "memory", _limit_v2, _limit_v1)


def _limit_v2(folder: Path) -> int | None:
    return _bytes(folder / "memory.max")


def _limit_v1(folder: Path) -> int | None:
    return _bytes(folder / "memory.limit_in_bytes")


def _bytes(path: Path) -> int | None:
    """None without a limit: "max", or no file."""
    limit = cgroups.text(path).strip()
    return int(limit) if limit.isdecimal() else None
