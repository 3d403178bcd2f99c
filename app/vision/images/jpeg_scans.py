"""Limits the scans of a JPEG, in its own file or inside a TIFF.

Each scan processes the whole picture, however few bytes it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import InvalidImage
from app.vision.images import jpeg_header
from app.vision.images.jpeg_header import MARKER_IN_PIXELS, SCAN, WITHOUT_LENGTH, Header

_MOST_SEGMENTS_OF_PART = 24
_MOST_MARKERS = 10_000
"""Markers from the first scan to the end of the picture, without restart markers."""
_MOST_WORK = 1_500_000_000
"""Nanoseconds on a slow core, estimated with the weights below."""
_PER_SCAN, _PER_BLOCK, _PER_COEFFICIENT = 10_000, 10, 1
_PER_ARITHMETIC_COEFFICIENT = 40
"""Each coefficient takes about ten decisions, and predictable ones take almost no bytes."""
_END = 0xD9


@dataclass
class _Tally:
    """Totals of all JPEGs in one file."""

    markers: int = 0
    scans: int = 0
    work: int = 0


def check_parts(data: bytes, parts: Sequence[tuple[int, int]]) -> int:
    """Checks JPEGs inside a file, such as strips of a TIFF, by their starts and ends.

    Returns the largest coefficient memory of one of them. Raises InvalidImage.
    """
    tally = _Tally()
    segments_left = jpeg_header.MOST_SEGMENTS + _MOST_SEGMENTS_OF_PART * len(parts)
    largest = 0
    for start, end in parts:
        header = jpeg_header.read(data, start, end, segments_left)
        segments_left -= header.segments
        check(header, tally)
        largest = max(largest, header.block_bytes())
    return largest


def check(header: Header, tally: _Tally | None = None) -> None:
    """Raises InvalidImage."""
    frame, data, at, end = header.frame, header.data, header.scan - 2, header.end
    if frame is None or header.has_plain_scan:
        return
    tally = tally or _Tally()
    per_coefficient = _PER_ARITHMETIC_COEFFICIENT if frame.arithmetic else _PER_COEFFICIENT
    blocks = frame.blocks(frame.size)
    while found := MARKER_IN_PIXELS.search(data, at, end):
        marker, at = found[1][0], found.end()
        if marker == _END:
            break
        tally.markers += 1
        if marker == SCAN:
            tally.scans += 1
            tally.work += _work(data[at : at + 14], blocks, per_coefficient)
        if tally.work > _MOST_WORK:
            raise InvalidImage(f"The JPEG has {tally.scans} scans or more, too many for its size.")
        if tally.markers > _MOST_MARKERS:
            raise InvalidImage("The JPEG has too many markers between its scans.")
        if marker not in WITHOUT_LENGTH:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    else:
        at = end
    if 0 <= header.long_fill < at:
        raise InvalidImage("The JPEG has too many fill bytes in its scans.")


def _work(header: bytes, blocks: Mapping[int, int], per_coefficient: int) -> int:
    """Nanoseconds of a scan; ``header`` begins with its length."""
    components = header[2] if len(header) > 2 else 0
    behind = 3 + 2 * components
    if len(header) < behind + 2:
        return _PER_SCAN
    # A decoder stops at components that the frame does not have.
    own = sum(blocks.get(header[3 + 2 * index], 0) for index in range(components))
    first, last = header[behind], header[behind + 1]
    coefficients = min(64, max(0, last - first) + 1)
    return _PER_SCAN + own * (_PER_BLOCK + coefficients * per_coefficient)
