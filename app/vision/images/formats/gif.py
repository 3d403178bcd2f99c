"""GIF: the first frame."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    begins_with,
    cut_too_small,
)
from app.vision.images.memory import Memory, Size

_BYTES_DECODING, _BYTES_HELD = 3, 2
"""Bytes per pixel: the frame, and the canvas that it is drawn on."""
_HEADER_BYTES = 13
_EXTENSION = 0x21
_BLOCK_BYTES = 48
"""Memory overhead of one block of a comment."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    return Inspection(_metadata_bytes(data), _memory)


def _memory(image: ImageFile, full: Size) -> Memory:
    pixels = image.width * image.height
    return Memory(pixels * _BYTES_DECODING, pixels * _BYTES_HELD)


def _metadata_bytes(data: bytes) -> int:
    """Memory of the comments before the first frame: each block, and all of them joined.

    Raises InvalidImage if there are too many blocks.
    """
    if len(data) < _HEADER_BYTES:
        return 0
    flags = data[10]
    start = at = _HEADER_BYTES + (3 << (flags & 7) + 1 if flags & 128 else 0)
    blocks = 0
    while at < len(data) and data[at] == _EXTENSION:
        at += 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > USUAL_READS // 2:
                raise cut_too_small()
        at += 1
    return 2 * (at - start) + _BLOCK_BYTES * blocks


FORMAT = Format(
    name="GIF",
    media_type="image/gif",
    suffixes=(".gif",),
    begins=begins_with(b"GIF87a", b"GIF89a"),
    pillow_name="GIF",
    plugin="PIL.GifImagePlugin",
    orientation=Orientation.NONE,
    inspect=_inspect,
)
