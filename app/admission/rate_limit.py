"""Limits the rate of each client, by the generic cell rate algorithm.

What a client has used up comes back steadily: of ``60/m`` sixty may come at once, and then one a
second. A client costs one number, all arithmetic is exact, and the clock only goes forward.
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
    """Requests that may be made at once."""
    more_in: int
    """Whole seconds until there may be one more, at least 1."""


class RateLimiter:
    """Its methods are called from the event loop only."""

    def __init__(
        self,
        rate: Rate,
        clock: Callable[[], int] = time.monotonic_ns,
        most_clients: int = 20_000,
    ) -> None:
        """If more than ``most_clients`` come, the one not seen for longest is forgotten."""
        self.rate = rate
        self._clock = clock
        self._most = most_clients
        # All times are multiplied by the count, so that an interval between two is whole.
        self._interval = rate.seconds * _NANOSECONDS
        self._window = self._interval * rate.count
        self._free_at: dict[str, int] = {}
        """The time at which a client has everything back; the client seen last is the last one."""

    def __len__(self) -> int:
        """The number of clients that are remembered."""
        return len(self._free_at)

    def peek(self, client: str) -> Standing:
        """The answer that ``consume`` would give, without counting."""
        owed = self._owed(client, self._now())
        allowed = owed + self._interval <= self._window
        return self._standing(owed + self._interval if allowed else owed, allowed=allowed)

    def consume(self, client: str) -> Standing:
        """Counts a request, unless it is not allowed."""
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
        # Two for each that comes, so that clients with nothing to remember do not pile up.
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
