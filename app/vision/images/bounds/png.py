"""Bounds on what a PNG has beside its pixels."""

from PIL import PngImagePlugin

from app.errors import InvalidImage

_MOST_PROFILES = 16
_MOST_TEXT = 8 * 1024 * 1024
"""Characters of all texts, unpacked; in memory each takes one to four bytes."""


def check_chunks(data: bytes) -> None:
    """Raises InvalidImage."""
    PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXT
    if data.count(b"iCCP") > _MOST_PROFILES:  # each is inflated
        raise InvalidImage("The PNG has more colour profiles than are read here.")
