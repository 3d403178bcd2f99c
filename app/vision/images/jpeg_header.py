"""Reads a JPEG up to its first scan: frame, orientation, and segments that can be skipped.

Browsers use only the EXIF application segment, and show the picture even if one is broken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.errors import InvalidImage, InvalidImageFormat
from app.vision.images import exif

MOST_SEGMENTS = 2000
"""Segments before the first scan."""
_MOST_TAKEN_APART = 64
"""Segments that Pillow parses, or joins with others."""
_MOST_LAYERS = 4
_MOST_BETWEEN = 500_000
"""Bytes outside all segments before the first scan. Pillow reads them one by one."""
_LONGEST_FILL = 70_000
"""Consecutive fill bytes. Two segments and a marker can hold 65,536; a decoder that gets its file
in pieces begins a run again with each piece."""
_FILL = b"\xff" * _LONGEST_FILL
_BLOCK_BYTES = 64 * 2
"""Memory of a block of 8 x 8 coefficients."""
_AFTER_START = 3
"""Pillow has already read the first byte of the first segment with the start of the file."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HIERARCHICAL = frozenset({0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF})
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ARITHMETIC = frozenset(range(0xC9, 0xD0)) - {0xCC}
_APPLICATION, _COMMENT, _EXIF = range(0xE0, 0xF0), 0xFE, 0xE1
_TAKEN_APART = frozenset({0xDB, 0xE1, 0xED}) | _FRAMES  # quantisation, EXIF, Photoshop
SCAN = 0xDA
# A decoder that looks for a restart marker skips the two bytes of reserved markers.
WITHOUT_LENGTH = frozenset({*range(1, 0xC0), *range(0xD0, 0xDA)})
MARKER_IN_PIXELS = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
"""A marker after the first scan has begun, without those that restart a scan."""
_MARKER = re.compile(rb"\xff([^\x00\xff])")


@dataclass(frozen=True)
class Frame:
    size: tuple[int, int]
    layers: tuple[tuple[int, int, int], ...]
    """Identifier, horizontal and vertical sampling factor of each component."""
    progressive: bool
    arithmetic: bool

    def blocks(self, size: tuple[int, int]) -> dict[int, int]:
        """Blocks of 8 x 8 coefficients for each component, by its identifier."""
        across = -(-size[0] // (8 * max(h for _, h, _ in self.layers)))
        down = -(-size[1] // (8 * max(v for _, _, v in self.layers)))
        return {name: across * down * h * v for name, h, v in self.layers}


@dataclass(frozen=True)
class Header:
    data: bytes
    end: int
    frame: Frame | None
    """None if there is no scan, or if no decoder accepts the frame."""
    scan: int
    """Position of the first scan's header (its length field); the end if there is no scan."""
    segments: int
    """Number of segments before the first scan."""

    @property
    def in_several_scans(self) -> bool:
        if self.frame is None:
            return False
        components = self.data[self.scan + 2] if self.scan + 2 < self.end else 0
        return self.frame.progressive or components < len(self.frame.layers)

    @property
    def has_plain_scan(self) -> bool:
        """Whether its one scan takes time in proportion to its pixels and its bytes."""
        assert self.frame is not None
        return not (self.in_several_scans or self.frame.arithmetic or self.long_fill >= 0)

    @property
    def long_fill(self) -> int:
        """Position of a run of too many fill bytes; -1 if there is none."""
        if self.end - self.scan < _LONGEST_FILL:
            return -1
        return self.data.find(_FILL, self.scan, self.end)

    def block_bytes(self, full: tuple[int, int] | None = None) -> int:
        """Memory of the coefficients of a JPEG with several scans, all kept until the last scan.

        0 if it has one scan. ``full`` is its size in pixels if the decoder's differs.
        """
        if self.frame is None or not self.in_several_scans:
            return 0
        return sum(self.frame.blocks(full or self.frame.size).values()) * _BLOCK_BYTES


@dataclass
class Metadata:
    orientation: int = 1
    kept_bytes: int = 0
    """Total size of the segments that Pillow reads."""
    skips: dict[int, int] = field(default_factory=dict)
    """Start and end of each segment that Pillow can skip.

    libjpeg reads the file in blocks from its start; each segment is passed or skipped as a whole.
    """


def read(
    data: bytes, start: int = 0, end: int | None = None, most_segments: int = MOST_SEGMENTS
) -> Header:
    """Raises InvalidImage if more data precedes the first scan than in any photo."""
    end = len(data) if end is None else min(end, len(data))
    frame = None
    seen = taken_apart = frames = 0
    for marker, at, length in _segments(data, start + 2, end):
        if marker == SCAN:
            return Header(data, end, frame, at - 2, seen)
        seen += 1
        layers = 0
        if marker in _FRAMES:
            frame = _read_frame(marker, data[at : min(at + length, end)])
            frames += 1
            layers = (length - 8) // 3
        taken_apart += marker in _TAKEN_APART and (marker != _EXIF or data.startswith(b"Exif", at))
        too_many = seen > most_segments or taken_apart > _MOST_TAKEN_APART
        if too_many or layers > _MOST_LAYERS or frames > 1:
            raise InvalidImage("The JPEG has too many segments or frames before its pixels.")
    return Header(data, end, None, end, seen)


def read_metadata(data: bytes, scan: int) -> Metadata:
    """``scan`` is the position of the first scan's header.

    Raises InvalidImageFormat if the JPEG is of an unsupported kind.
    """
    found = Metadata()
    exif_seen = False
    for marker, at, length in _segments(data, 2, scan):
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


def _segments(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Marker, start of its content, and the content's length (0 for a marker without a length).

    Raises InvalidImage if too many bytes are outside all segments.
    """
    between = _MOST_BETWEEN
    while found := _MARKER.search(data, at, min(end, at + between + len(b"\xff\xd8"))):
        between -= found.start() - at
        marker, at = found[1][0], found.end()
        if marker in WITHOUT_LENGTH:
            yield marker, at, 0
            continue
        length = max(0, int.from_bytes(data[at : at + 2], "big") - 2)
        yield marker, at + 2, length
        at += 2 + length
    if end - at > between:
        raise InvalidImage("The JPEG has too many bytes between its segments.")


def _read_frame(marker: int, body: bytes) -> Frame | None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not 1 <= body[5] <= _MOST_LAYERS:
        return None  # no decoder accepts such a frame
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    layers = tuple(
        (body[at], max(1, body[at + 1] >> 4), max(1, body[at + 1] & 15))
        for at in range(6, 6 + 3 * body[5], 3)
    )
    return Frame((width, height), layers, marker in _PROGRESSIVE, marker in _ARITHMETIC)


def _check_kind(marker: int, precision: bytes) -> None:
    if marker in _HIERARCHICAL:
        kind = "a hierarchical JPEG"
    elif precision and 9 <= precision[0] <= 16:
        kind = f"a JPEG of {precision[0]} bits a sample"
    else:
        return
    raise InvalidImageFormat(
        f"This is {kind}, which is not supported. Send it as JPEG of 8 bits, or as PNG."
    )
