"""Memory that all decoders share: each reserves what it needs, or waits."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from app.errors import ImageTooLarge


class DecodingBudget:
    """Lets decoders run side by side as long as their buffers fit into ``capacity`` bytes.

    They get their memory in the order in which they asked: small ones cannot keep a large one out.
    """

    def __init__(self, capacity: int, remedy: str = "") -> None:
        """``remedy`` ends the advice of a refusal: how to allow more."""
        self.capacity = capacity
        self._remedy = remedy
        self._free = capacity
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """Decoders that wait for memory."""
        return len(self._waiting)

    def check(self, size: int) -> None:
        """Raises ImageTooLarge if ``size`` bytes could never be free."""
        if size > self.capacity:
            raise ImageTooLarge(
                f"Decoding this image takes about {size / 1e6:.0f} MB of memory and at most"
                f" {self.capacity / 1e6:.0f} MB are set aside for it. Send a smaller image"
                f"{self._remedy}."
            )

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until ``size`` bytes are free and hold them.

        Raises ImageTooLarge at once if they could never be free.
        """
        self.check(size)
        place = object()
        with self._changed:
            self._waiting.append(place)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is place and self._free >= size)
                self._free -= size
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()
