"""The CPU that a server may use: some cores, or the share of a Lambda function."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.harness.cgroup import MB_PER_VCPU, lambda_limits, lambda_vcpus

Join = Callable[[], None]


@dataclass(frozen=True)
class CpuLimit:
    name: str
    cores: tuple[int, ...]
    """Numbers of the cores that the server is pinned to."""
    megabytes: int | None = None
    """Memory size of the Lambda function that is imitated; None: whole cores."""

    @property
    def parallel_loops(self) -> int:
        """Number of single-threaded loops that each have a core, at least most of the time."""
        if self.megabytes is None:
            return len(self.cores)
        return min(len(self.cores), max(1, round(self.megabytes / MB_PER_VCPU)))

    @contextmanager
    def applied(self) -> Iterator[Join | None]:
        """Yields what each process of the server has to call before it starts, or None.

        Raises OSError if cgroups cannot be made here.
        """
        if self.megabytes is None:
            yield None
        else:
            with lambda_limits(self.megabytes) as join:
                yield join


def cpu_limits(kinds: Sequence[str], lambda_sizes: Sequence[int]) -> list[CpuLimit]:
    """``kinds`` are "one" and "all"; "one" is the last core, which leaves the client the others."""
    cores = sorted(os.sched_getaffinity(0))
    found = []
    if "one" in kinds:
        found.append(CpuLimit("1 core", (cores[-1],)))
    if "all" in kinds and (len(cores) > 1 or "one" not in kinds):
        found.append(CpuLimit(f"{len(cores)} cores", tuple(cores)))
    return found + [
        CpuLimit(f"{size} MB", tuple(cores[-lambda_vcpus(size) :]), size) for size in lambda_sizes
    ]


@contextmanager
def keep_off(cores: Sequence[int]) -> Iterator[None]:
    """Keeps this process off ``cores``, if it has any others."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, allowed - set(cores) or allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
