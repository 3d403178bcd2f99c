"""GIF: the first frame."""

import re
import struct
from functools import partial

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    begins_with,
    check_pixels,
    cut_too_small,
)
from app.vision.images.memory import Memory, Size

_BYTES_DECODING, _BYTES_HELD = 3, 2
"""Bytes per pixel: the frame, and the canvas that it is drawn on."""
_HEADER_BYTES = 13
_CANVAS_AT = 6
_PART = re.compile(rb"[!,;]")
"""An extension, a frame or the end; decoders skip any other byte in front of one."""
_EXTENSION = b"!"
_BLOCK_BYTES = 48
"""Memory overhead of one block of a comment."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    if len(data) < _HEADER_BYTES:
        return Inspection(0, _memory)
    check_pixels(struct.unpack_from("<HH", data, _CANVAS_AT), max_pixels)
    metadata_bytes, frame_at = _metadata(data)
    place = data[frame_at + 1 : frame_at + 9]
    left, top, width, height = struct.unpack("<4H", place) if len(place) == 8 else (0, 0, 0, 0)
    # Pillow makes what is to replace the frame when it opens the file.
    background = min(width * height, 2 * max_pixels)
    return Inspection(
        metadata_bytes + background,
        partial(_memory, background=background),
        # Pillow fills the canvas around the frame with the first colour, and viewers show nothing.
        frame=(left, top, left + width, top + height),
    )


def _memory(image: ImageFile, full: Size, background: int = 0) -> Memory:
    """``background``: bytes that are reserved already."""
    pixels = image.width * image.height
    return Memory(
        max(0, pixels * _BYTES_DECODING - background), max(0, pixels * _BYTES_HELD - background)
    )


def _metadata(data: bytes) -> tuple[int, int]:
    """Memory of the comments before the first frame, and where that frame begins.

    The memory is that of each block, and of all of them joined. Raises InvalidImage if there are
    too many blocks.
    """
    flags = data[10]
    start = at = _HEADER_BYTES + (3 << (flags & 7) + 1 if flags & 128 else 0)
    blocks = 0
    while (part := _PART.search(data, at)) and part[0] == _EXTENSION:
        at = part.start() + 2
        while at < len(data) and data[at]:
            at += 1 + data[at]
            blocks += 1
            if blocks > USUAL_READS // 2:
                raise cut_too_small()
        at += 1
    end = part.start() if part else len(data)
    return 2 * (end - start) + _BLOCK_BYTES * blocks, end


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
