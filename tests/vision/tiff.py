"""TIFF files written by hand, as no encoder would write them."""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence

SHORT, LONG, RATIONAL, UNDEFINED, LONG8 = 3, 4, 5, 7, 16
_FORMS = {SHORT: "H", LONG: "I", RATIONAL: "II", UNDEFINED: "B", LONG8: "Q"}

Entry = tuple[int, Sequence[int] | bytes]
"""A field's type, and its values."""


def tiff(
    size: tuple[int, int],
    pieces: Iterable[bytes],
    *,
    tags: Mapping[int, Entry] | None = None,
    rows: int | None = None,
    tile: tuple[int, int] | None = None,
    compression: int = 1,
    photometric: int = 2,
    bits: Sequence[int] = (8, 8, 8),
    places: Sequence[tuple[int, int]] | None = None,
    big: bool = False,
    order: str = "<",
) -> bytes:
    """A TIFF of strips of ``rows`` rows, or of tiles; ``pieces`` are their compressed bytes.

    ``places`` are offsets and byte counts to declare in place of the true ones. ``tags`` are
    added, or replace what is written otherwise.
    """
    start = 16 if big else 8
    parts: list[bytes] = []
    found: list[tuple[int, int]] = []
    at = start
    for piece in pieces:
        found.append((at, len(piece)))
        parts += [piece, bytes(len(piece) % 2)]
        at += len(piece) + len(piece) % 2
    body = b"".join(parts)
    declared = found if places is None else places
    where, lengths = [at for at, _ in declared], [length for _, length in declared]
    entries: dict[int, Entry] = {
        256: (LONG, [size[0]]),
        257: (LONG, [size[1]]),
        258: (SHORT, bits),
        259: (SHORT, [compression]),
        262: (SHORT, [photometric]),
        277: (SHORT, [len(bits)]),
    }
    if tile:
        entries |= {322: (LONG, [tile[0]]), 323: (LONG, [tile[1]])}
    else:
        entries[278] = (LONG, [size[1] if rows is None else rows])
    entries |= {324 if tile else 273: (LONG, where), 325 if tile else 279: (LONG, lengths)}
    entries |= tags or {}
    return join(body, sorted(entries.items()), big=big, order=order)


def join(
    body: bytes, entries: Sequence[tuple[int, Entry]], *, big: bool = False, order: str = "<"
) -> bytes:
    """The header, ``body``, and one directory behind it."""
    inline, count_form = (8, "Q") if big else (4, "I")
    start = (16 if big else 8) + len(body)
    head = struct.pack(order + ("Q" if big else "H"), len(entries))
    behind = start + len(head) + len(entries) * (20 if big else 12) + inline
    directory, tail = head, b""
    for tag, (kind, values) in entries:
        raw = values if isinstance(values, bytes) else _packed(kind, values, order)
        count = len(raw) // struct.calcsize(order + _FORMS.get(kind, "B"))
        directory += struct.pack(order + "HH" + count_form, tag, kind, count)
        if len(raw) > inline:
            directory += struct.pack(order + count_form, behind + len(tail))
            tail += raw + bytes(len(raw) % 2)
        else:
            directory += raw.ljust(inline, b"\0")
    mark = b"II" if order == "<" else b"MM"
    if big:
        header = mark + struct.pack(order + "HHHQ", 43, 8, 0, start)
    else:
        header = mark + struct.pack(order + "HI", 42, start)
    return header + body + directory + bytes(inline) + tail


def _packed(kind: int, values: Sequence[int], order: str) -> bytes:
    return struct.pack(f"{order}{len(values)}{_FORMS[kind][0]}", *values)


def one_tile(size: tuple[int, int], tile: tuple[int, int]) -> bytes:
    """Black, deflated, in a single tile of any size."""
    body = zlib.compress(bytes(tile[0] * tile[1] * 3), 9)
    return tiff(size, [body], tile=tile, compression=8)
