"""What requests hold in memory: so many bytes in all, and none on their way for ever."""

import asyncio
import mmap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from app.errors import Overloaded, RequestTimeout

_PATIENCE = 10.0
"""Seconds after which what is still on its way may have to make room for others."""
_OWN_PAGES = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
"""Taken as they are written to and given back at once: the heap would be left full of holes."""
_MANY = 1 << 20
"""Bytes that are worth pages of their own, which cost more to take than to fill."""


class Intake:
    """Its methods, and those of its parcels, are called from the event loop only."""

    def __init__(self, capacity: int, seconds: float, retry_after: Callable[[], int]) -> None:
        """``capacity`` in bytes; ``seconds`` that a body, or an answer, may be on its way."""
        self.capacity = capacity
        self.seconds = seconds
        self.held = 0
        """Bytes, of all parcels."""
        self._retry_after = retry_after
        self._travelling: dict[Parcel, asyncio.Timeout] = {}  # those that began first come first

    def parcel(self) -> "Parcel":
        return Parcel(self)

    def check_room(self, size: int, newcomer: "Parcel") -> None:
        """Raises Overloaded where ``size`` bytes would be too many.

        Before that, whoever has been on the way for long has to give up: else a few that send
        slowly could keep all others out.
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

    def _give_up(self, parcel: "Parcel") -> bool:
        now = asyncio.get_running_loop().time()
        if now - parcel.began < _PATIENCE:
            return False
        deadline = self._travelling.pop(parcel)
        parcel.release()
        if not deadline.expired():
            deadline.reschedule(now)
        return True


class Parcel:
    """What one request holds: its body, later what is made of it."""

    def __init__(self, intake: Intake) -> None:
        self.size = 0
        self.began = 0.0
        self._intake = intake
        self._released = False

    async def collect(self, chunks: AsyncIterator[bytes], declared: int, most: int) -> bytes:
        """All of ``chunks``: ``declared`` bytes, 0 where nobody knows, and ``most`` at most.

        Raises Overloaded or RequestTimeout.
        """
        self._intake.check_room(declared, self)
        few: list[bytes] = []
        room = None
        try:
            async with self.on_its_way():
                async for chunk in chunks:
                    if not chunk:  # the end
                        continue
                    self._intake.check_room(len(chunk), self)
                    self._add(len(chunk))
                    if room:
                        room.write(chunk)
                        continue
                    few.append(chunk)
                    if self.size > _MANY:
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
        """Raises RequestTimeout where the block takes too long.

        Raises Overloaded where it had to make room for others.
        """
        self.began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._intake.seconds) as deadline:
                self._intake._travelling[self] = deadline
                yield
        except TimeoutError as error:
            if self._released:
                raise self._intake.overloaded() from error
            raise RequestTimeout(
                "The body did not arrive in time. Send a smaller image, or over a faster line."
            ) from error
        finally:
            self._intake._travelling.pop(self, None)

    def become(self, size: int) -> None:
        """It holds ``size`` bytes now; that is no question, they are there."""
        self._add(size - self.size)

    def release(self) -> None:
        self._add(-self.size)
        self._released = True

    def _add(self, size: int) -> None:
        if not self._released:
            self.size += size
            self._intake.held += size
