"""Limits the rate of each client by the generic cell rate algorithm.

A client's allowance is refilled steadily: ``60/m`` allows sixty requests at once, and then one per
second. Each client costs one number, the arithmetic is exact, and the clock is monotonic.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class Rate:
    count: int
    seconds: int


class Standing(NamedTuple):
    allowed: bool
    remaining: int
    """Number of requests that are allowed right now."""
    more_in: int
    """Whole seconds until one more request is allowed, at least 1."""


class RateLimiter:
    """Not thread-safe: call its methods from the event loop only."""

    def __init__(
        self,
        rate: Rate,
        clock: Callable[[], int] = time.monotonic_ns,
        most_clients: int = 20_000,
    ) -> None:
        """Remembers at most ``most_clients``; the least recently seen client is evicted."""
        self.rate = rate
        self._clock = clock
        self._most = most_clients
        # All times are multiplied by the count, so that the interval between requests is whole.
        self._interval = rate.seconds * _NANOSECONDS
        self._window = self._interval * rate.count
        self._free_at: dict[str, int] = {}
        """The time at which a client has its full allowance again, least recently seen first."""

    def __len__(self) -> int:
        """Number of remembered clients."""
        return len(self._free_at)

    def peek(self, client: str) -> Standing:
        """Returns what ``consume`` would return, without counting a request."""
        owed = self._owed(client, self._now())
        allowed = owed + self._interval <= self._window
        return self._standing(owed + self._interval if allowed else owed, allowed=allowed)

    def consume(self, client: str) -> Standing:
        """Counts a request if it is allowed."""
        now = self._now()
        owed = self._owed(client, now)
        allowed = owed + self._interval <= self._window
        if allowed:
            owed += self._interval
        self._remember(client, now, owed)
        return self._standing(owed, allowed=allowed)

    def _now(self) -> int:
        return self._clock() * self.rate.count

    def _owed(self, client: str, now: int) -> int:
        return max(0, self._free_at.get(client, now) - now)

    def _remember(self, client: str, now: int, owed: int) -> None:
        self._free_at.pop(client, None)
        self._free_at[client] = now + owed
        # Up to two are evicted per request, so that clients with a full allowance do not pile up.
        for _ in range(2):
            oldest = next(iter(self._free_at))
            if len(self._free_at) > self._most or self._free_at[oldest] <= now:
                del self._free_at[oldest]

    def _standing(self, owed: int, *, allowed: bool) -> Standing:
        remaining = (self._window - owed) // self._interval
        until_more = owed - (self._window - (remaining + 1) * self._interval)
        return Standing(
            allowed, remaining, max(1, -(-until_more // (self.rate.count * _NANOSECONDS)))
        )
