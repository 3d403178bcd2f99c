"""Where an ISO base media file (AVIF) keeps AV1: in items, and in the samples of tracks."""

from collections.abc import Iterator
from dataclasses import dataclass

_MOST_BOXES = 10_000
_MOST_EXTENTS = 10_000
_IN_FILE, _IN_IDAT = 0, 1
_AV1 = int.from_bytes(b"av01", "big")
_TRACK_TO_TABLES = (b"mdia", b"minf", b"stbl")

Box = tuple[bytes, int, int]
"""Kind, and where its content begins and ends."""


class TooMany(ValueError):
    """More boxes or pieces than any file has."""


def payloads(data: bytes) -> Iterator[bytes]:
    """What each AV1 item holds, and the first sample of each track. Raises TooMany."""
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            yield from _items(data, start + 4, end)
        elif kind == b"moov":
            yield from _first_samples(data, start, end)


def _boxes(data: bytes, start: int, end: int) -> Iterator[Box]:
    for _ in range(_MOST_BOXES):
        if start + 8 > end:
            return
        size = int.from_bytes(data[start : start + 4], "big")
        kind, body = data[start + 4 : start + 8], start + 8
        if size == 1:
            size, body = int.from_bytes(data[body : body + 8], "big"), body + 8
        elif size == 0:
            size = end - start
        if start + size < body:
            return
        yield kind, body, min(start + size, end)
        start += size
    raise TooMany


def _child(data: bytes, start: int, end: int, kind: bytes) -> tuple[int, int] | None:
    return next(((at, to) for name, at, to in _boxes(data, start, end) if name == kind), None)


@dataclass
class _Numbers:
    """Big-endian numbers, one behind the other; 0 behind the end."""

    data: bytes
    at: int

    def take(self, size: int) -> int:
        self.at += size
        return int.from_bytes(self.data[self.at - size : self.at], "big")


def _items(data: bytes, start: int, end: int) -> Iterator[bytes]:
    places = _child(data, start, end, b"iloc")
    infos = _child(data, start, end, b"iinf")
    if places is None or infos is None:
        return
    idat = _child(data, start, end, b"idat")
    wanted = _av1_items(data, *infos)
    for item, pieces in _locations(data, places[0]):
        if item not in wanted:
            continue
        parts = []
        for method, offset, length in pieces:
            origin = idat[0] if method == _IN_IDAT and idat else 0
            stop = origin + offset + length if length else len(data)
            parts.append(data[origin + offset : stop])
        yield b"".join(parts)


def _av1_items(data: bytes, start: int, end: int) -> set[int]:
    wanted = set()
    for kind, at, _ in _boxes(data, start + (8 if data[start] else 6), end):
        entry = _Numbers(data, at)
        version = entry.take(4) >> 24
        item = entry.take(4 if version == 3 else 2)
        entry.take(2)  # protection
        if kind == b"infe" and entry.take(4) == _AV1:
            wanted.add(item)
    return wanted


def _locations(data: bytes, at: int) -> Iterator[tuple[int, list[tuple[int, int, int]]]]:
    """Each item, and its pieces: in the file or in idat, offset, length (0: to the end)."""
    numbers = _Numbers(data, at)
    version = numbers.take(4) >> 24
    sizes = numbers.take(2)
    of_offset, of_length = sizes >> 12, sizes >> 8 & 15
    of_base, of_index = sizes >> 4 & 15, sizes & 15 if version else 0
    left = _MOST_EXTENTS
    for _ in range(numbers.take(4 if version == 2 else 2)):
        item = numbers.take(4 if version == 2 else 2)
        method = numbers.take(2) & 15 if version else _IN_FILE
        numbers.take(2)  # the data reference
        base = numbers.take(of_base)
        count = numbers.take(2)
        left -= count + 1
        if left < 0:
            raise TooMany
        pieces = []
        for _ in range(count):
            numbers.take(of_index)
            offset = base + numbers.take(of_offset)
            pieces.append((method, offset, numbers.take(of_length)))
        yield item, pieces


def _first_samples(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """Of an image sequence only the first picture is read."""
    for kind, at, to in _boxes(data, start, end):
        if kind != b"trak":
            continue
        for name in _TRACK_TO_TABLES:
            at, to = _child(data, at, to, name) or (to, to)
        sizes = _child(data, at, to, b"stsz")
        short, long = _child(data, at, to, b"stco"), _child(data, at, to, b"co64")
        offsets = short or long
        if sizes is None or offsets is None:
            continue
        numbers = _Numbers(data, sizes[0] + 4)
        size = numbers.take(4) or (numbers.take(4), numbers.take(4))[1]
        offset = _Numbers(data, offsets[0] + 8).take(4 if short else 8)
        yield data[offset : offset + size]
