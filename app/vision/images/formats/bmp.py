"""BMP."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import Format, Inspection, Orientation
from app.vision.images.limits import check_pixels
from app.vision.images.memory import Memory, Size, pillow_memory
from app.vision.images.signatures import begins_with

_MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Pillow decodes run lengths in Python: so many pixels take about half a second."""
_RUN_LENGTHS = (1, 2)


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    def memory(image: ImageFile, full: Size) -> Memory:
        compression = image.info.get("compression")
        if compression in _RUN_LENGTHS:
            check_pixels(image.size, min(max_pixels, _MOST_RUN_LENGTH_PIXELS))
        # Run lengths are decoded into a bytearray, which is copied.
        copied = 2 * image.width * image.height if compression else 0
        return pillow_memory(image, copied)

    return Inspection(0, memory)


FORMAT = Format(
    name="BMP",
    media_type="image/bmp",
    suffixes=(".bmp",),
    begins=begins_with(b"BM"),
    pillow_name="BMP",
    plugin="PIL.BmpImagePlugin",
    orientation=Orientation.NONE,
    inspect=_inspect,
)
