"""Memory that decoding an image takes at its peak.

The figures are bytes over idle, measured with large files of each format; the tests measure them
again.
"""

from typing import NamedTuple

from PIL import Image

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
