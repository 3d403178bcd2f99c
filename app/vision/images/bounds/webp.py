"""Bounds on the chunks of a WebP."""

from app.errors import InvalidImage

_MOST_CHUNKS = 20_000
"""Of an animation each frame is one; the decoder keeps a record of each that it does not know."""
_HEADER = 12


def check_chunks(data: bytes) -> None:
    """Raises InvalidImage."""
    at = _HEADER
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    raise InvalidImage("The WebP has more chunks than are read here.")
