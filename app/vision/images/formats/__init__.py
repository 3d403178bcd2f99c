"""The supported image formats; a file's format is determined by its first bytes only.

A new format is a module in this package and a line in ``FORMATS``.
"""

from app.errors import InvalidImageFormat
from app.vision.images.formats import avif, bmp, gif, heif, jpeg, png, qoi, tiff, webp
from app.vision.images.formats.record import Format

FORMATS = (
    jpeg.FORMAT,
    png.FORMAT,
    webp.FORMAT,
    gif.FORMAT,
    bmp.FORMAT,
    tiff.FORMAT,
    avif.FORMAT,
    qoi.FORMAT,
    heif.FORMAT,
)
"""In the order in which they are tried and listed."""


def recognise(data: bytes) -> Format | None:
    """The format whose signature ``data`` begins with, or None."""
    return next((each for each in FORMATS if each.begins(data)), None)


def require(data: bytes) -> Format:
    """Like ``recognise``, but raises InvalidImageFormat if there is none."""
    found = recognise(data)
    if found is None:
        what = "This is not an image known here." if data else "The image is empty (0 bytes)."
        raise InvalidImageFormat(f"{what} Send one of {', '.join(names())}.")
    return found


def names() -> list[str]:
    """Display names of the formats that every installation reads, that is, without an extra."""
    always = [each for each in FORMATS if each.extra is None]
    return [each.name for each in always] + [name for each in always for name in each.variants]


def listed() -> str:
    """The names for the end of a sentence: "JPEG, PNG or WebP"."""
    *others, last = names()
    return f"{', '.join(others)} or {last}"


def suffixes() -> frozenset[str]:
    """File name suffixes, lower case with the dot, of the formats that every installation reads."""
    return frozenset(s for each in FORMATS if each.extra is None for s in each.suffixes)
