"""Where the parts of an image file begin and end, and where it keeps sizes and counts."""

import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

Span = tuple[int, int]

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7]")


@dataclass
class Outline:
    parts: list[Span] = field(default_factory=list)
    """Chunks, segments, blocks, boxes or directory entries, as wholes."""
    numbers: list[tuple[int, int, str]] = field(default_factory=list)
    """Offset, bytes and byte order of sizes, counts, offsets and dimensions."""
    tables: list[list[tuple[int, int, str]]] = field(default_factory=list)
    """Of numbers that belong together: the offsets of all strips, the lengths of all extents."""
    sizes: list[tuple[int, int, Span]] = field(default_factory=list)
    """Offset and bytes of a part's own size, and the part, where parts lie within others."""
    offsets: list[tuple[int, int]] = field(default_factory=list)
    """Offset and bytes of what points to a place in the file, where that can be told."""


def outline(data: bytes) -> Outline:
    for prefix, at, read in _READERS:
        if data[at : at + len(prefix)] == prefix:
            return read(data)
    return Outline()


def repeated(data: bytes, part: Span, times: int) -> bytes:
    """With copies of ``part`` behind it; the parts around it grow, what points behind it moves."""
    start, at = part
    piece = data[start:at] * times
    found = outline(data)
    out = bytearray(data)
    for spot, size, (begin, end) in found.sizes:
        if begin < start and at <= end:
            _add(out, spot, size, len(piece))
    for spot, size in found.offsets:
        if int.from_bytes(data[spot : spot + size], "big") >= at:
            _add(out, spot, size, len(piece))
    out[at:at] = piece
    if data.startswith(b"RIFF"):
        out[4:8] = struct.pack("<I", min(len(out) - 8, (1 << 32) - 1))
    return bytes(out)


def _add(out: bytearray, at: int, size: int, number: int) -> None:
    grown = int.from_bytes(out[at : at + size], "big") + number
    out[at : at + size] = (grown % (1 << 8 * size)).to_bytes(size, "big")


def with_checksums(data: bytes) -> bytes:
    """A PNG's chunks with the checksums that belong to them; other files as they are."""
    if not data.startswith(b"\x89PNG"):
        return data
    out, rest = bytearray(data[:8]), 8
    for start, end in _png(data).parts:
        out += data[start : end - 4] + struct.pack(">I", zlib.crc32(data[start + 4 : end - 4]))
        rest = end
    return bytes(out) + data[rest:]


def _png(data: bytes) -> Outline:
    found = Outline(numbers=[(16, 4, "big"), (20, 4, "big")])
    at = 8
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        found.parts.append((at, end))
        found.numbers.append((at, 4, "big"))
        if data[at + 4 : at + 8] in (b"acTL", b"fcTL"):
            found.numbers += [(spot, 4, "big") for spot in range(at + 8, end - 7, 4)]
        at = end
    return found


def _jpeg(data: bytes) -> Outline:
    found = Outline()
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        found.parts.append((at, end))
        found.numbers.append((at + 2, 2, "big"))
        if data[at + 1] in (0xC0, 0xC1, 0xC2):
            found.numbers += [(at + 5, 2, "big"), (at + 7, 2, "big")]
            found.numbers += [(spot, 1, "big") for spot in range(at + 9, end)]
        elif data[at + 1] == 0xE1 and data[at + 4 : at + 8] == b"Exif":
            found.numbers += _tiff(data[at + 10 : end], at + 10).numbers
        at = end
        if data[end - 1 : end] and data[found.parts[-1][0] + 1] == 0xDA:
            at = _next_marker(data, end)
            found.parts.append((end, at))
    return found


def _next_marker(data: bytes, at: int) -> int:
    found = _MARKER.search(data, at)
    return found.start() if found else len(data)


def _riff(data: bytes) -> Outline:
    found = Outline(numbers=[(4, 4, "little")])
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        end = min(at + 8 + size + size % 2, len(data))
        found.parts.append((at, end))
        found.numbers.append((at + 4, 4, "little"))
        if data[at : at + 4] in (b"VP8X", b"ANMF", b"ANIM"):
            found.numbers += [(spot, 3, "little") for spot in range(at + 8, min(at + 24, end - 2))]
        elif data[at : at + 4] == b"VP8 ":
            found.numbers += [(at + 14, 2, "little"), (at + 16, 2, "little")]
        elif data[at : at + 4] == b"VP8L":
            found.numbers.append((at + 9, 4, "little"))
        at = end
    return found


def _gif(data: bytes) -> Outline:
    found = Outline(numbers=[(6, 2, "little"), (8, 2, "little"), (10, 1, "little")])
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    while at + 10 < len(data) and data[at] in b"!,":
        start = at
        at += 2
        if data[start] == 0x2C:
            found.numbers += [(start + spot, 2, "little") for spot in (1, 3, 5, 7)]
            at = start + 11 + (3 << (data[start + 9] & 7) + 1 if data[start + 9] & 0x80 else 0)
        while at < len(data) and data[at]:
            found.numbers.append((at, 1, "little"))
            at += 1 + data[at]
        at += 1
        found.parts.append((start, min(at, len(data))))
    return found


def _bmp(data: bytes) -> Outline:
    numbers = [(at, 4, "little") for at in (2, 10, 14, 18, 22, 30, 34, 46, 50, 54, 58, 62)]
    start = int.from_bytes(data[10:14], "little")
    spans = [(14, 54), (54, start), (start, len(data))]
    parts = [(begin, end) for begin, end in spans if begin < end <= len(data)]
    return Outline(parts, [*numbers, (26, 2, "little"), (28, 2, "little")])


def _tiff(data: bytes, origin: int = 0) -> Outline:
    """``origin`` is where the TIFF begins within its file, as an EXIF block does."""
    order = "little" if data[:1] == b"I" else "big"
    large = data[2:4] in (b"+\0", b"\0+")
    word, count_size, entry_size = (8, 8, 20) if large else (4, 2, 12)
    at = int.from_bytes(data[word : 2 * word], order)  # type: ignore[arg-type]
    found = Outline(numbers=[(origin + word, word, order)])
    seen: set[int] = set()
    while 0 < at < len(data) and at not in seen:
        seen.add(at)
        count = int.from_bytes(data[at : at + count_size], order)  # type: ignore[arg-type]
        found.numbers.append((origin + at, count_size, order))
        at += count_size
        for _ in range(min(count, 200)):
            if at + entry_size > len(data):
                return found
            found.parts.append((origin + at, origin + at + entry_size))
            fields = ((0, 2), (2, 2), (4, word), (4 + word, word))
            found.numbers += [(origin + at + spot, size, order) for spot, size in fields]
            _strip_table(data, at, order, word, origin, found)
            at += entry_size
        at = int.from_bytes(data[at : at + word], order)  # type: ignore[arg-type]
    return found


_STRIP_TABLES = frozenset({273, 279, 324, 325})
_MOST_OF_TABLE = 2000


def _strip_table(data: bytes, at: int, order: str, word: int, origin: int, found: Outline) -> None:
    """The offsets or lengths that the entry at ``at`` tells of, if it does."""

    def number(spot: int, size: int) -> int:
        return int.from_bytes(data[spot : spot + size], order)  # type: ignore[arg-type]

    each = {3: 2, 4: 4, 16: 8}.get(number(at + 2, 2), 0)
    count = number(at + 4, word)
    if number(at, 2) not in _STRIP_TABLES or not each or not 1 < count <= _MOST_OF_TABLE:
        return
    start = at + 4 + word if count * each <= word else number(at + 4 + word, word)
    spots = range(origin + start, origin + start + each * count, each)
    if spots[-1] + each <= origin + len(data):
        found.tables.append([(spot, each, order) for spot in spots])
        found.numbers += found.tables[-1][:50]


def _iso_media(data: bytes) -> Outline:
    found = Outline()
    _boxes(data, 0, len(data), found)
    for start, end in found.parts:
        name = data[start + 4 : start + 8]
        if name == b"iloc":
            _locations(data, start + 8, end, found)
        elif name in (b"stco", b"stsz"):
            begin = start + (16 if name == b"stco" else 20)
            found.tables.append(
                [(at, 4, "big") for at in range(begin, min(end, begin + 8000) - 3, 4)]
            )
            found.offsets += [(at, 4) for at, _, _ in found.tables[-1] if name == b"stco"]
    found.tables = [table for table in found.tables if table]
    return found


def _locations(data: bytes, at: int, end: int, found: Outline) -> None:
    """The offsets and lengths of all extents of all items."""
    version, wide = data[at], 4 if data[at] == 2 else 2
    sizes = int.from_bytes(data[at + 4 : at + 6], "big")
    of_offset, of_length = sizes >> 12, sizes >> 8 & 15
    of_base, of_index = sizes >> 4 & 15, sizes & 15 if version else 0
    count = int.from_bytes(data[at + 6 : at + 6 + wide], "big")
    found.numbers.append((at + 6, wide, "big"))
    at += 6 + wide
    starts: list[tuple[int, int, str]] = []
    lengths: list[tuple[int, int, str]] = []
    for _ in range(min(count, 500)):
        at += wide
        in_file = not version or data[at + 1 : at + 2] == b"\0"
        at += (2 if version else 0) + 2 + of_base
        extents = int.from_bytes(data[at : at + 2], "big")
        found.numbers.append((at, 2, "big"))
        at += 2
        for _ in range(min(extents, 500)):
            at += of_index
            if at + of_offset + of_length > end:
                break
            starts.append((at, of_offset, "big"))
            found.offsets += [(at, of_offset)] if in_file and of_offset else []
            lengths.append((at + of_offset, of_length, "big"))
            at += of_offset + of_length
    for table in (starts, lengths):
        if table and table[0][1]:
            found.tables.append(table)
            found.numbers += table[:100]


_NESTED = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"iprp", b"ipco"}
_NESTED_BEHIND = {b"meta": 4, b"iinf": 6, b"iref": 4, b"dref": 8, b"stsd": 8}


def _boxes(data: bytes, at: int, limit: int, found: Outline) -> None:
    while at + 8 <= limit and len(found.parts) < 500:
        size = int.from_bytes(data[at : at + 4], "big")
        kind, end = data[at + 4 : at + 8], at + size if size else limit
        if size == 1 or end <= at + 7 or end > limit:
            return
        found.parts.append((at, end))
        found.numbers.append((at, 4, "big"))
        found.sizes += [(at, 4, (at, end))] if size else []
        if kind in _NESTED or kind in _NESTED_BEHIND:
            _boxes(data, at + 8 + _NESTED_BEHIND.get(kind, 0), end, found)
        elif kind != b"mdat":
            found.numbers += [(spot, 4, "big") for spot in range(at + 8, min(end - 3, at + 80), 2)]
        at = end


_READERS: tuple[tuple[bytes, int, Callable[[bytes], Outline]], ...] = (
    (b"\x89PNG", 0, _png),
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"RIFF", 0, _riff),
    (b"GIF8", 0, _gif),
    (b"BM", 0, _bmp),
    (b"II", 0, _tiff),
    (b"MM", 0, _tiff),
    (b"ftyp", 4, _iso_media),
)
