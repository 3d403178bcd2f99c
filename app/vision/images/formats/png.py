"""PNG: the picture without its animation."""

from PIL.ImageFile import ImageFile

from app.errors import InvalidImage
from app.vision.images.formats.record import USUAL_READS, Format, Inspection, Orientation
from app.vision.images.memory import Memory, Size, pillow_memory
from app.vision.images.pieces import cut_too_small
from app.vision.images.signatures import begins_with

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PROFILES = 16
_MOST_TEXT = 8 * 1024 * 1024
"""Characters of all texts, unpacked; in memory each takes one to four bytes."""
_READS_A_CHUNK = 3
_MOST_UNPACKED_BYTES = 1024 * 1024
"""Pillow unpacks no more of a text or a profile."""
_MOST_TIMES_PACKED = 1032
"""How many times larger than its bytes a deflated text can be."""
_COPIES = {b"tEXt": 3, b"zTXt": 3, b"iTXt": 6, b"iCCP": 1, b"eXIf": 2}
"""Bytes of memory for a byte of a chunk, unpacked: a character takes up to four."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from PIL import PngImagePlugin

    PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXT
    if data.count(b"iCCP") > _MOST_PROFILES:  # each is inflated
        raise InvalidImage("The PNG has more colour profiles than are read here.")
    return Inspection(_metadata_bytes(data), _memory)


def _memory(image: ImageFile, full: Size) -> Memory:
    return pillow_memory(image)


def _metadata_bytes(data: bytes) -> int:
    """Memory of texts, profiles and EXIF, wherever they stand.

    Raises InvalidImage if there are more chunks than are read.
    """
    found = 0
    at, chunks = len(_SIGNATURE), 0
    while at + 8 <= len(data):
        size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind in _COPIES:
            found += _COPIES[kind] * _unpacked_bytes(
                kind, data[at + 8 : at + 8 + min(size, 200)], size
            )
        at += 12 + size
        chunks += 1
        if chunks > USUAL_READS // _READS_A_CHUNK:
            raise cut_too_small()
    return min(found, len(data) * 3 + max(_COPIES.values()) * (_MOST_TEXT + _MOST_UNPACKED_BYTES))


def _unpacked_bytes(kind: bytes, start: bytes, size: int) -> int:
    _, _, rest = start.partition(b"\0")
    packed = kind in (b"zTXt", b"iCCP") or (kind == b"iTXt" and rest[:1] != b"\0")
    return min(size * _MOST_TIMES_PACKED, _MOST_UNPACKED_BYTES + size) if packed else size


FORMAT = Format(
    name="PNG",
    media_type="image/png",
    suffixes=(".png",),
    begins=begins_with(_SIGNATURE),
    pillow_name="PNG",
    plugin="PIL.PngImagePlugin",
    orientation=Orientation.AFTER_PIXELS,
    inspect=_inspect,
)
