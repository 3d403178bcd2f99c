"""Limits the memory that all requests hold together, and the time that a body may take."""

import asyncio
import mmap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.errors import Overloaded, RequestTimeout

_PATIENCE_SECONDS = 10.0
"""A body that has been on its way for longer may be dropped to make room for others."""
_OWN_PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
"""Such pages are taken when written to and given back at once; the heap would keep holes."""
_OWN_PAGES_FROM_BYTES = 1 << 20
"""Smaller bodies stay on the heap, since taking pages costs more than filling them."""


class RequestMemory:
    """Its methods, and those of its reservations, are called from the event loop only."""

    def __init__(self, capacity: int, seconds: float, retry_after: Callable[[], int]) -> None:
        """``capacity`` is in bytes. A body, or an answer, may be on its way for ``seconds``."""
        self.capacity = capacity
        self.seconds = seconds
        self.held = 0
        """Bytes that all reservations hold."""
        self._retry_after = retry_after
        # In the order in which they began.
        self._travelling: dict[Reservation, asyncio.Timeout] = {}

    def reservation(self) -> "Reservation":
        return Reservation(self)

    def check_room(self, size: int, newcomer: "Reservation") -> None:
        """Raises Overloaded if ``size`` bytes more would be too many.

        Before that, bodies that have been on their way for long are given up: else a few clients
        that send slowly could keep all others out.
        """
        while self.held + size > self.capacity:
            slowest = next((other for other in self._travelling if other is not newcomer), None)
            if slowest is None or not self._give_up(slowest):
                raise self.overloaded()

    def overloaded(self) -> Overloaded:
        return Overloaded(
            f"Requests hold {self.held} bytes, with {self.capacity} at most for all together.",
            self._retry_after(),
        )

    def _give_up(self, reservation: "Reservation") -> bool:
        now = asyncio.get_running_loop().time()
        if now - reservation.began < _PATIENCE_SECONDS:
            return False
        deadline = self._travelling.pop(reservation)
        reservation.release()
        if not deadline.expired():
            deadline.reschedule(now)
        return True


class Reservation:
    """The memory of one request: its body, later the image in it or the answer."""

    def __init__(self, memory: RequestMemory) -> None:
        self.size = 0
        self.began = 0.0
        self._memory = memory
        self._released = False

    async def collect(self, chunks: AsyncIterator[bytes], declared: int, most: int) -> bytes:
        """Joins ``chunks``: ``declared`` bytes, or 0 if the length is unknown; ``most`` at most.

        Raises Overloaded or RequestTimeout.
        """
        self._memory.check_room(declared, self)
        few: list[bytes] = []
        room = None
        try:
            async with self.on_its_way():
                async for chunk in chunks:
                    if not chunk:  # the end
                        continue
                    self._memory.check_room(len(chunk), self)
                    self._add(len(chunk))
                    if room:
                        room.write(chunk)
                        continue
                    few.append(chunk)
                    if self.size > _OWN_PAGES_FROM_BYTES:
                        room = mmap.mmap(-1, most, flags=_OWN_PAGES)
                        for earlier in few:
                            room.write(earlier)
                        few.clear()
            return room[: room.tell()] if room else b"".join(few)
        finally:
            if room:
                room.close()

    @asynccontextmanager
    async def on_its_way(self) -> AsyncIterator[None]:
        """Raises RequestTimeout if the block takes too long.

        Raises Overloaded if it had to make room for others.
        """
        self.began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._memory.seconds) as deadline:
                self._memory._travelling[self] = deadline
                yield
        except TimeoutError as error:
            if self._released:
                raise self._memory.overloaded() from error
            raise RequestTimeout(
                "The body did not arrive in time. Send a smaller image, or over a faster line."
            ) from error
        finally:
            self._memory._travelling.pop(self, None)

    def become(self, size: int) -> None:
        """Counts ``size`` bytes instead, unconditionally: they are in memory already."""
        self._add(size - self.size)

    def release(self) -> None:
        self._add(-self.size)
        self._released = True

    def _add(self, size: int) -> None:
        if not self._released:
            self.size += size
            self._memory.held += size
