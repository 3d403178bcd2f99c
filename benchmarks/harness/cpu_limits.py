"""Where a server runs: so many cores, or the share of a Lambda size."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.harness.cgroup import MB_PER_VCPU, lambda_share, vcpus

Enter = Callable[[], None]


@dataclass(frozen=True)
class Place:
    name: str
    cores: tuple[int, ...]
    """That the server may use."""
    megabytes: int | None = None
    """Of the Lambda function whose share and memory it has."""

    @property
    def at_a_time(self) -> int:
        """Loops that the place has processors for, at least in part."""
        if self.megabytes is None:
            return len(self.cores)
        return min(len(self.cores), max(1, round(self.megabytes / MB_PER_VCPU)))

    @contextmanager
    def enter(self) -> Iterator[Enter | None]:
        """What a process of the server has to call. Raises OSError where that is not permitted."""
        if self.megabytes is None:
            yield None
        else:
            with lambda_share(self.megabytes) as enter:
                yield enter


def places(kinds: Sequence[str], lambda_sizes: Sequence[int]) -> list[Place]:
    """``kinds``: one, all. The last core is the one; those who ask have the others."""
    cores = sorted(os.sched_getaffinity(0))
    found = []
    if "one" in kinds:
        found.append(Place("1 core", (cores[-1],)))
    if "all" in kinds and (len(cores) > 1 or "one" not in kinds):
        found.append(Place(f"{len(cores)} cores", tuple(cores)))
    return found + [
        Place(f"{size} MB", tuple(cores[-vcpus(size) :]), size) for size in lambda_sizes
    ]


@contextmanager
def aside(place: Place) -> Iterator[None]:
    """This process stays off the server's cores where there are others."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, mine - set(place.cores) or mine)
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)
