"""The image formats that are read; a file's format is told from its first bytes only.

A new format is a module beside, and a line in ``FORMATS``.
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
    """The format that ``data`` begins like."""
    return next((each for each in FORMATS if each.begins(data)), None)


def require(data: bytes) -> Format:
    """Like ``recognise``. Raises InvalidImageFormat if no format begins like this."""
    found = recognise(data)
    if found is None:
        what = "This is not an image known here." if data else "The image is empty (0 bytes)."
        raise InvalidImageFormat(f"{what} Send one of {', '.join(names())}.")
    return found


def names() -> list[str]:
    """Names for people of the formats that every server reads: those without an extra."""
    always = [each for each in FORMATS if each.extra is None]
    return [each.name for each in always] + [name for each in always for name in each.variants]


def listed() -> str:
    """The names as the end of a sentence: "JPEG, PNG or WebP"."""
    *others, last = names()
    return f"{', '.join(others)} or {last}"


def suffixes() -> frozenset[str]:
    """Ends of file names, in lower case with the dot, of the formats that every server reads."""
    return frozenset(s for each in FORMATS if each.extra is None for s in each.suffixes)
