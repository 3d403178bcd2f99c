"""The bounds of each format: some are known from the bytes, some once Pillow has the header."""

from typing import Any

from app.errors import ImageTooLarge
from app.vision.images.bounds import jpeg, webp

_MOST_RUN_LENGTH_PIXELS = 4_000_000
"""Of a BMP in run lengths, which Pillow decodes in Python: about half a second."""
_RUN_LENGTHS = (1, 2)
_LONGEST_SIDE = 500_000
"""Pixels: beside them every row takes a pointer, and what scales them a table as long."""


def check_file(name: str, data: bytes, max_pixels: int) -> None:
    """``name`` is Pillow's of the format. Raises InvalidImage or InvalidImageFormat, and for AVIF
    and HEIC all that ``check_opened`` raises: their decoders copy while they open a file.
    """
    if name == "JPEG":
        jpeg.check_header(data)
    elif name == "TIFF":
        from app.vision.images.bounds.tiff import check_directory

        check_directory(data)
    elif name == "PNG":
        from app.vision.images.bounds import png

        png.check_chunks(data)
    elif name == "WEBP":
        webp.check_chunks(data)
    elif name == "AVIF":
        from app.vision.images.bounds import avif

        avif.check_file(data, max_pixels)
    elif name == "HEIF":
        from app.vision.images.bounds import heif

        heif.check_file(data, max_pixels)


def check_opened(image: Any, data: bytes, max_pixels: int) -> None:
    """``image`` has been opened and not loaded. Raises InvalidImage or ImageTooLarge."""
    check_pixels(image.size, max_pixels)
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):
        jpeg.check_scans(data)
    elif image.format == "AVIF":
        from app.vision.images.bounds import avif

        avif.check_opened(data, pixels)
    elif image.format == "TIFF":
        from app.vision.images.bounds.tiff import check_parts

        check_parts(image, data)
    elif image.format == "BMP" and image.info.get("compression") in _RUN_LENGTHS:
        check_pixels(image.size, min(max_pixels, _MOST_RUN_LENGTH_PIXELS))


def check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    """Raises ImageTooLarge."""
    width, height = size
    if width * height > max_pixels:
        allowed = f"{max_pixels} are allowed"
    elif max(size) > _LONGEST_SIDE:
        allowed = f"{_LONGEST_SIDE} on a side are allowed"
    else:
        return
    raise ImageTooLarge(
        f"The image has {width} x {height} pixels and at most {allowed}. Send a smaller one."
    )
