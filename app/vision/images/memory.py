"""Memory for decoding: the peak of one image, and the budget that all decoders share.

The figures are bytes above idle, measured with large files of each format; the tests measure them
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
"""Width and height in pixels, in Pillow's order."""

_RGB_BYTES = 4
"""Bytes per pixel of RGB, and of every mode that is not in the table below."""
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}


class Memory(NamedTuple):
    """Bytes that an image takes in addition to its metadata and the RGB result."""

    decoding: int
    """While the decoder works."""
    held: int
    """After decoding, until the image is closed."""


def pillow_memory(image: Image.Image, decoder_bytes: int = 0) -> Memory:
    """Memory of an image that is decoded straight into Pillow's own pixels.

    ``decoder_bytes`` is what the decoder needs in addition while it works.
    """
    held = image.width * image.height * _MODE_BYTES.get(image.mode, _RGB_BYTES)
    return Memory(held + decoder_bytes, held)


def peak_bytes(image: Image.Image, memory: Memory, factor: int) -> int:
    """Peak memory if ``image`` is loaded, divided by ``factor``, converted to RGB and rotated."""
    result = -(-image.width // factor) * -(-image.height // factor) * _RGB_BYTES
    return max(memory.decoding, memory.held + result, 2 * result)


class DecodingBudget:
    """Lets decoders run concurrently as long as their buffers fit into ``capacity`` bytes.

    Memory is granted in the order of the requests, so that small images cannot starve a large one.
    """

    def __init__(self, capacity: int, remedy: str = "") -> None:
        """``remedy`` completes the advice in an error message: how to allow more memory."""
        self.capacity = capacity
        self._remedy = remedy
        self._free = capacity
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @property
    def waiting(self) -> int:
        """Number of decoders that wait for memory."""
        return len(self._waiting)

    def check(self, size: int) -> None:
        """Raises ImageTooLarge if ``size`` exceeds the capacity."""
        if size > self.capacity:
            raise ImageTooLarge(
                f"Decoding this image takes about {size / 1e6:.0f} MB of memory, and at most"
                f" {self.capacity / 1e6:.0f} MB are set aside for it. Send a smaller image"
                f"{self._remedy}."
            )

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Waits until ``size`` bytes are free and holds them for the block.

        Raises ImageTooLarge at once if ``size`` exceeds the capacity.
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
