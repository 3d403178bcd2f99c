"""Segments in front of a JPEG's first scan: what Pillow need not take apart, and what EXIF says.

Browsers heed none of the application segments but EXIF's, and show the picture if one is broken.
"""

from dataclasses import dataclass, field

from app.errors import InvalidImageFormat
from app.vision.images import exif
from app.vision.images.jpeg_scans import segments

_APPLICATION = range(0xE0, 0xF0)
_COMMENT = 0xFE
_EXIF = 0xE1
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB}) | _HIERARCHICAL
_AFTER_START = 3
"""Pillow has read the first byte of the first segment with the start of the file."""


@dataclass
class Segments:
    orientation: int = 1
    kept_bytes: int = 0
    """Of segments that Pillow reads."""
    skips: dict[int, int] = field(default_factory=dict)
    """Where a segment begins that Pillow need not read, and where it ends.

    libjpeg reads the file in blocks from its start, and takes all segments or leaves one out whole.
    """


def read(data: bytes, scan: int) -> Segments:
    """``scan`` is where the header of the first scan begins.

    Raises InvalidImageFormat if the JPEG is of a kind that is not read here.
    """
    found = Segments()
    exif_seen = False
    for marker, at, length in segments(data, 2, scan):
        if marker in _APPLICATION or marker == _COMMENT:
            found.skips[at - 4] = at + length
            if marker == _EXIF and not exif_seen and data.startswith(b"Exif\0", at):
                exif_seen = True
                found.orientation = exif.orientation(data[at : at + length])
            continue
        found.kept_bytes += length
        if marker in _FRAMES:
            _check_kind(marker, data[at : at + 1])
    end = 2
    while end in found.skips:
        end = found.skips[end]
    if end > 2:
        found.skips[_AFTER_START] = data.find(b"\xff", end) + 1 or len(data)
    return found


def _check_kind(marker: int, precision: bytes) -> None:
    if marker in _HIERARCHICAL:
        kind = "a hierarchical JPEG"
    elif precision and 9 <= precision[0] <= 16:
        kind = f"a JPEG of {precision[0]} bits a sample"
    else:
        return
    raise InvalidImageFormat(
        f"This is {kind}, which is not read here. Send it as JPEG of 8 bits, or as PNG."
    )
