"""BMP."""

from PIL import Image
from PIL.ImageFile import ImageFile

from app.errors import InvalidImageFormat
from app.vision.images.colour import Flatten
from app.vision.images.formats.record import (
    Format,
    Inspection,
    Orientation,
    begins_with,
    check_pixels,
)
from app.vision.images.memory import Memory, Size, pillow_memory

_MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Pillow decodes run lengths in Python: this number of pixels takes about half a second."""
_RUN_LENGTHS = (1, 2)
_MASKS = 3


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    def memory(image: ImageFile, full: Size) -> Memory:
        compression = image.info.get("compression")
        if compression in _RUN_LENGTHS:
            check_pixels(image.size, min(max_pixels, _MOST_RUN_LENGTH_PIXELS))
        # Run lengths are decoded into a bytearray, which is copied.
        copied = 2 * image.width * image.height if compression else 0
        return pillow_memory(image, copied)

    _check_masks(data)
    return Inspection(0, memory, _flatten)


def _flatten(image: ImageFile) -> Flatten | None:
    """Alpha that is 0 everywhere is unused, as in Windows' screenshots; viewers ignore it."""
    # `getbbox` looks for alpha without a copy of it.
    return _drop_alpha if image.mode == "RGBA" and image.getbbox() is None else None


def _drop_alpha(image: Image.Image) -> Image.Image:
    return image.convert("RGB")


def _check_masks(data: bytes) -> None:
    """Raises InvalidImageFormat if a colour has more bits than are supported."""
    if int.from_bytes(data[30:34], "little") != _MASKS:
        return
    bits = max(int.from_bytes(data[at : at + 4], "little").bit_count() for at in (54, 58, 62))
    if bits > 8:
        raise InvalidImageFormat(
            f"This is a BMP with masks (bitfields) of {bits} bits a colour, which is not supported."
            " Send it with 8 bits a colour, or as PNG or JPEG."
        )


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
