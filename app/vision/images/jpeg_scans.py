"""Bounds on the segments and scans of a JPEG, alone in its file or as a part of a TIFF."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.errors import InvalidImage

_MOST_SEGMENTS = 2000
_MOST_SEGMENTS_OF_PART = 24
_MOST_MARKERS = 10_000
"""From the first scan to the end of the picture, without restart markers."""
_MOST_TAKEN_APART = 64
"""Segments that Pillow takes apart, or puts together one behind the other."""
_MOST_LAYERS = 4
_LONGEST_FILL = 70_000
"""Fill bytes in a row. Two segments and a marker can hold 65,536; a decoder that is given its
file in pieces begins a run again with each piece."""
_BLOCK_BYTES = 64 * 2
"""Memory of a block of 8 x 8 coefficients."""
_FILL = b"\xff" * _LONGEST_FILL
_MOST_WORK = 1_500_000_000
"""Nanoseconds on a slow core, by the weights below."""
_PER_SCAN, _PER_BLOCK, _PER_COEFFICIENT = 10_000, 10, 1
_PER_ARITHMETIC_COEFFICIENT = 40
"""Each takes about ten decisions, and predictable ones take next to no bytes."""

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_ARITHMETIC = frozenset(range(0xC9, 0xD0)) - {0xCC}
_TAKEN_APART = frozenset({0xDB, 0xE1, 0xED}) | _FRAMES  # quantisation, EXIF, Photoshop
_SCAN, _END = 0xDA, 0xD9
# A decoder that looks for a restart marker steps over the reserved ones by their two bytes.
WITHOUT_LENGTH = frozenset({*range(1, 0xC0), *range(0xD0, 0xDA)})
_MARKER = re.compile(rb"\xff([^\x00\xff])")
_MARKER_IN_SCAN = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")


@dataclass
class _Tally:
    """Counts over all JPEGs of one file."""

    segments_left: int = _MOST_SEGMENTS
    """Segments in front of the first scan of each JPEG."""
    markers: int = 0
    scans: int = 0
    work: int = 0


@dataclass(frozen=True)
class _Frame:
    size: tuple[int, int]
    layers: tuple[tuple[int, int, int], ...]
    """Identifier, horizontal and vertical sampling factor of each component."""
    progressive: bool
    arithmetic: bool

    def blocks(self, size: tuple[int, int]) -> dict[int, int]:
        """Blocks of 8 x 8 coefficients of each component, by its identifier."""
        across = -(-size[0] // (8 * max(h for _, h, _ in self.layers)))
        down = -(-size[1] // (8 * max(v for _, _, v in self.layers)))
        return {name: across * down * h * v for name, h, v in self.layers}


@dataclass(frozen=True)
class Header:
    """A JPEG up to its first scan."""

    data: bytes
    end: int
    frame: _Frame | None
    """None if there is no scan, or a frame that no decoder takes."""
    scan: int
    """Where the header of the first scan begins, with its length; the end if there is none."""

    def block_bytes(self, full: tuple[int, int] | None = None) -> int:
        """Memory of the coefficients of a JPEG in several scans, held whole until the last.

        0 if it is in one scan. ``full`` is its size in pixels if the decoder has another.
        """
        if self.frame is None or not self.in_several_scans:
            return 0
        return sum(self.frame.blocks(full or self.frame.size).values()) * _BLOCK_BYTES

    def check_scans(self, tally: _Tally | None = None) -> None:
        """Each scan goes over the whole picture, however few bytes it has. Raises InvalidImage."""
        frame, data, at, end = self.frame, self.data, self.scan, self.end
        if frame is None:
            return
        filled = data.find(_FILL, at, end) if end - at >= _LONGEST_FILL else -1
        if not self.in_several_scans and not frame.arithmetic and filled < 0:
            return
        tally = tally or _Tally()
        per_coefficient = _PER_ARITHMETIC_COEFFICIENT if frame.arithmetic else _PER_COEFFICIENT
        blocks = frame.blocks(frame.size)
        at -= 2
        while found := _MARKER_IN_SCAN.search(data, at, end):
            marker, at = found[1][0], found.end()
            if marker == _END:
                break
            tally.markers += 1
            if marker == _SCAN:
                tally.scans += 1
                tally.work += _scan_work(data[at : at + 14], blocks, per_coefficient)
            if tally.work > _MOST_WORK:
                raise InvalidImage(
                    f"The JPEG has {tally.scans} scans or more, too many for its size."
                )
            if tally.markers > _MOST_MARKERS:
                raise InvalidImage(
                    "The JPEG has more markers between its scans than are read here."
                )
            if marker not in WITHOUT_LENGTH:
                at += max(2, int.from_bytes(data[at : at + 2], "big"))
        else:
            at = end
        if 0 <= filled < at:
            raise InvalidImage("The JPEG has more fill bytes in its scans than are read here.")

    @property
    def in_several_scans(self) -> bool:
        if self.frame is None:
            return False
        components = self.data[self.scan + 2] if self.scan + 2 < self.end else 0
        return self.frame.progressive or components < len(self.frame.layers)


def read_header(data: bytes) -> Header:
    """Raises InvalidImage if more stands in front of the first scan than a photo has."""
    return _read_header(data, 0, len(data), _Tally())


def check_parts(data: bytes, parts: Sequence[tuple[int, int]]) -> int:
    """Checks JPEGs within a file, as strips of a TIFF are: where each begins and ends.

    The answer is the most memory of the coefficients of one of them. Raises InvalidImage.
    """
    tally = _Tally(segments_left=_MOST_SEGMENTS + _MOST_SEGMENTS_OF_PART * len(parts))
    largest = 0
    for start, end in parts:
        header = _read_header(data, start, min(end, len(data)), tally)
        header.check_scans(tally)
        largest = max(largest, header.block_bytes())
    return largest


def _read_header(data: bytes, start: int, end: int, tally: _Tally) -> Header:
    frame = None
    taken_apart = frames = 0
    for marker, at, length in segments(data, start + 2, end):
        if marker == _SCAN:
            return Header(data, end, frame, at - 2)
        tally.segments_left -= 1
        layers = 0
        if marker in _FRAMES:
            frame = _read_frame(marker, data[at : min(at + length, end)])
            frames += 1
            layers = (length - 8) // 3
        taken_apart += marker in _TAKEN_APART and (marker != 0xE1 or data.startswith(b"Exif", at))
        too_many = tally.segments_left < 0 or taken_apart > _MOST_TAKEN_APART
        if too_many or layers > _MOST_LAYERS or frames > 1:
            raise InvalidImage("The JPEG has more in front of its pixels than is read here.")
    return Header(data, end, None, end)


def _scan_work(header: bytes, blocks: Mapping[int, int], per_coefficient: int) -> int:
    components = header[2] if len(header) > 2 else 0
    behind = 3 + 2 * components
    if len(header) < behind + 2:
        return _PER_SCAN
    # Of components that it does not have a decoder stops.
    own = sum(blocks.get(header[3 + 2 * index], 0) for index in range(components))
    first, last = header[behind], header[behind + 1]
    coefficients = min(64, max(0, last - first) + 1)
    return _PER_SCAN + own * (_PER_BLOCK + coefficients * per_coefficient)


def _read_frame(marker: int, body: bytes) -> _Frame | None:
    if len(body) < 6 or len(body) < 6 + 3 * body[5] or not 1 <= body[5] <= _MOST_LAYERS:
        return None  # which no decoder takes
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    layers = tuple(
        (body[at], max(1, body[at + 1] >> 4), max(1, body[at + 1] & 15))
        for at in range(6, 6 + 3 * body[5], 3)
    )
    return _Frame((width, height), layers, marker in _PROGRESSIVE, marker in _ARITHMETIC)


def segments(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Marker, where its content begins, and the content's length (0 for a marker without)."""
    while found := _MARKER.search(data, at, end):
        marker, at = found[1][0], found.end()
        if marker in WITHOUT_LENGTH:
            yield marker, at, 0
            continue
        length = max(0, int.from_bytes(data[at : at + 2], "big") - 2)
        yield marker, at + 2, length
        at += 2 + length
