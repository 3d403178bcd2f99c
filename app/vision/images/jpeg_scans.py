"""Bounds on the scans of a JPEG, alone in its file or as a part of a TIFF.

Each scan goes over the whole picture, however few bytes it has.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.errors import InvalidImage
from app.vision.images import jpeg_header
from app.vision.images.jpeg_header import SCAN, WITHOUT_LENGTH, Header

_MOST_SEGMENTS_OF_PART = 24
_MOST_MARKERS = 10_000
"""From the first scan to the end of the picture, without restart markers."""
_MOST_WORK = 1_500_000_000
"""Nanoseconds on a slow core, by the weights below."""
_PER_SCAN, _PER_BLOCK, _PER_COEFFICIENT = 10_000, 10, 1
_PER_ARITHMETIC_COEFFICIENT = 40
"""Each takes about ten decisions, and predictable ones take next to no bytes."""
_END = 0xD9
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


@dataclass
class _Tally:
    """Counts over all JPEGs of one file."""

    markers: int = 0
    scans: int = 0
    work: int = 0


def check_parts(data: bytes, parts: Sequence[tuple[int, int]]) -> int:
    """Checks JPEGs within a file, as strips of a TIFF are: where each begins and ends.

    The answer is the most memory of the coefficients of one of them. Raises InvalidImage.
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
    while found := _MARKER.search(data, at, end):
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
            raise InvalidImage("The JPEG has more markers between its scans than are read here.")
        if marker not in WITHOUT_LENGTH:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
    else:
        at = end
    if 0 <= header.long_fill < at:
        raise InvalidImage("The JPEG has more fill bytes in its scans than are read here.")


def _work(header: bytes, blocks: Mapping[int, int], per_coefficient: int) -> int:
    """Nanoseconds of a scan; ``header`` begins with its length."""
    components = header[2] if len(header) > 2 else 0
    behind = 3 + 2 * components
    if len(header) < behind + 2:
        return _PER_SCAN
    # Of components that it does not have a decoder stops.
    own = sum(blocks.get(header[3 + 2 * index], 0) for index in range(components))
    first, last = header[behind], header[behind + 1]
    coefficients = min(64, max(0, last - first) + 1)
    return _PER_SCAN + own * (_PER_BLOCK + coefficients * per_coefficient)
