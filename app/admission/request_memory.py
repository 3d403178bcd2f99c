"""Limits the memory that all requests hold together and the time that a body may take."""

import asyncio
import mmap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.errors import Overloaded, RequestTimeout

_SLOW_SECONDS = 10.0
"""A body that has been arriving for longer than this may be dropped to make room for others."""
_OWN_PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
"""These pages are allocated on first write and freed at once; the heap would fragment."""
_OWN_PAGES_FROM_BYTES = 1 << 20
"""Smaller bodies stay on the heap, since mapping pages costs more than filling them."""


class RequestMemory:
    """Not thread-safe: call it and its reservations from the event loop only."""

    def __init__(self, capacity: int, seconds: float, retry_after: Callable[[], int]) -> None:
        """``capacity`` is in bytes. A body or an answer may be in transit for ``seconds``."""
        self.capacity = capacity
        self.seconds = seconds
        self.held = 0
        """Bytes held by all reservations."""
        self._retry_after = retry_after
        # In the order in which they started.
        self._in_transit: dict[Reservation, asyncio.Timeout] = {}

    def reservation(self) -> "Reservation":
        return Reservation(self)

    def check_room(self, size: int, newcomer: "Reservation") -> None:
        """Raises Overloaded if there is no room for ``size`` more bytes.

        Before that, bodies that have been arriving for long are dropped. Otherwise a few slow
        clients could keep all others out.
        """
        while self.held + size > self.capacity:
            slowest = next((other for other in self._in_transit if other is not newcomer), None)
            if slowest is None or not self._give_up(slowest):
                raise self.overloaded()

    def overloaded(self) -> Overloaded:
        return Overloaded(
            f"Requests hold {self.held} bytes of memory, and the limit is {self.capacity}.",
            self._retry_after(),
        )

    def _give_up(self, reservation: "Reservation") -> bool:
        now = asyncio.get_running_loop().time()
        if now - reservation.began < _SLOW_SECONDS:
            return False
        deadline = self._in_transit.pop(reservation)
        reservation.release()
        if not deadline.expired():
            deadline.reschedule(now)
        return True


class Reservation:
    """The memory of one request: first its body, later the image in it or the answer."""

    def __init__(self, memory: RequestMemory) -> None:
        self.size = 0
        self.began = 0.0
        self._memory = memory
        self._released = False

    async def collect(self, chunks: AsyncIterator[bytes], declared: int, most: int) -> bytes:
        """Joins ``chunks``, which hold ``declared`` bytes (0: unknown) and at most ``most``.

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

        Raises Overloaded if the reservation was dropped to make room for others.
        """
        self.began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._memory.seconds) as deadline:
                self._memory._in_transit[self] = deadline
                yield
        except TimeoutError as error:
            if self._released:
                raise self._memory.overloaded() from error
            raise RequestTimeout(
                "The body did not arrive in time. Send a smaller image or use a faster connection."
            ) from error
        finally:
            self._memory._in_transit.pop(self, None)

    def grow_to(self, size: int) -> None:
        """Sets the size to ``size`` bytes. Raises Overloaded if there is no room.

        A request may hold more than the capacity if no other holds anything.
        """
        wanted = min(size, self._memory.capacity)
        self._memory.check_room(max(0, wanted - self.size), self)
        self.become(size)

    def become(self, size: int) -> None:
        """Sets the size to ``size`` bytes without a check: they are in memory already."""
        self._add(size - self.size)

    def release(self) -> None:
        self._add(-self.size)
        self._released = True

    def _add(self, size: int) -> None:
        if not self._released:
            self.size += size
            self._memory.held += size
