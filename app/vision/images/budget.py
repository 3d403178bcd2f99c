"""Memory that all decoders share: each reserves what it needs, or waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from app.errors import ImageTooLarge


class DecodingBudget:
    """Lets decoders run side by side as long as their buffers fit into ``capacity`` bytes."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._free = capacity
        self._changed = Condition()

    def check(self, size: int) -> None:
        """Raises ImageTooLarge if ``size`` bytes could never be free."""
        if size > self.capacity:
            raise ImageTooLarge(
                f"Decoding this image takes about {size / 1e6:.0f} MB of memory and at most"
                f" {self.capacity / 1e6:.0f} MB are set aside for it. Send a smaller image."
            )

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until ``size`` bytes are free and hold them.

        Raises ImageTooLarge at once if they could never be free.
        """
        self.check(size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= size)
            self._free -= size
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()
