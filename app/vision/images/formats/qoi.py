"""QOI ("Quite OK Image"), which Pillow decodes in Python."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import (
    Format,
    Inspection,
    Orientation,
    begins_with,
    check_pixels,
)
from app.vision.images.memory import Memory, Size, pillow_memory

_MOST_PIXELS = 640 * 480
"""At most 1.4 s on a processor of 2021, if each pixel differs from the previous one and takes two
bytes."""
_READS_A_PIXEL = 2
_BYTES_DECODING = 16
"""Bytes per pixel in addition to Pillow's own: an array that grows, and its copy."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    def memory(image: ImageFile, full: Size) -> Memory:
        check_pixels(image.size, min(max_pixels, _MOST_PIXELS))
        return pillow_memory(image, image.width * image.height * _BYTES_DECODING)

    return Inspection(0, memory)


FORMAT = Format(
    name="QOI",
    media_type="image/qoi",
    suffixes=(".qoi",),
    begins=begins_with(b"qoif"),
    pillow_name="QOI",
    plugin="PIL.QoiImagePlugin",
    orientation=Orientation.NONE,
    most_reads=_READS_A_PIXEL * _MOST_PIXELS + 100,
    inspect=_inspect,
)
