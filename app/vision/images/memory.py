"""Memory for decoding: what an image takes at its peak, and what all decoders share.

The figures are bytes over idle, measured with large files of each format; the tests measure them
again.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import NamedTuple

from PIL import Image

from app.errors import ImageTooLarge

Size = tuple[int, int]
"""Width and height in pixels, the order that Pillow uses."""

_RGB_BYTES = 4
"""Bytes a pixel of RGB, and of every mode that is not in the table below."""
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}


class Memory(NamedTuple):
    """Bytes that an image takes beside its metadata and the RGB result."""

    decoding: int
    """While the decoder works."""
    held: int
    """From then on, until the image is closed."""


def pillow_memory(image: Image.Image, decoder_bytes: int = 0) -> Memory:
    """Memory of an image that is decoded straight into Pillow's own pixels.

    ``decoder_bytes``: what the decoder takes beside them while it works.
    """
    held = image.width * image.height * _MODE_BYTES.get(image.mode, _RGB_BYTES)
    return Memory(held + decoder_bytes, held)


def peak_bytes(image: Image.Image, memory: Memory, factor: int) -> int:
    """Bytes at the peak if ``image`` is loaded, divided by ``factor``, made RGB and turned."""
    result = -(-image.width // factor) * -(-image.height // factor) * _RGB_BYTES
    return max(memory.decoding, memory.held + result, 2 * result)


class DecodingBudget:
    """Lets decoders run side by side as long as their buffers fit into ``capacity`` bytes.

    Decoders get memory in the order in which they ask, so that small images cannot keep a large
    one waiting for ever.
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
