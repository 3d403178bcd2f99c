"""BMP."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    begins_with,
    plugin,
)
from app.vision.images.limits import check_pixels
from app.vision.images.memory import Memory, Size, pillow_memory

_MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Pillow decodes run lengths in Python: so many pixels take about half a second."""
_RUN_LENGTHS = (1, 2)


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    def check_opened(image: ImageFile) -> None:
        if image.info.get("compression") in _RUN_LENGTHS:
            check_pixels(image.size, min(max_pixels, _MOST_RUN_LENGTH_PIXELS))

    return Inspection(0, check_opened, _memory)


def _memory(image: ImageFile, full: Size) -> Memory:
    # Run lengths are decoded into a bytearray, which is copied.
    copied = 2 * image.width * image.height if image.info.get("compression") else 0
    return pillow_memory(image, copied)


FORMAT = Format(
    name="BMP",
    variants=(),
    media_type="image/bmp",
    suffixes=(".bmp",),
    begins=begins_with(b"BM"),
    pillow_name="BMP",
    register=plugin("BmpImagePlugin"),
    extra=None,
    scales=False,
    releases_buffers=False,
    has_exif=False,
    orientation=Orientation.IN_HEADER,
    most_reads=USUAL_READS,
    inspect=_inspect,
)
