"""A TIFF file written by hand, as no encoder would write it."""

import struct
import zlib

_SHORT, _LONG = 3, 4


def one_tile(size: tuple[int, int], tile: tuple[int, int]) -> bytes:
    """Black, deflated, in a single tile of any size."""
    body = zlib.compress(bytes(tile[0] * tile[1] * 3), 9)
    body += b"\0" * (len(body) % 2)
    entries = [
        (256, _LONG, [size[0]]),
        (257, _LONG, [size[1]]),
        (258, _SHORT, [8, 8, 8]),
        (259, _SHORT, [8]),  # deflate
        (262, _SHORT, [2]),  # RGB
        (277, _SHORT, [3]),
        (322, _LONG, [tile[0]]),
        (323, _LONG, [tile[1]]),
        (324, _LONG, [8]),
        (325, _LONG, [len(body)]),
    ]
    directory = struct.pack("<H", len(entries))
    behind = 8 + len(body) + 2 + 12 * len(entries) + 4
    tail = b""
    for tag, kind, values in entries:
        raw = b"".join(struct.pack("<H" if kind == _SHORT else "<I", value) for value in values)
        if len(raw) > 4:
            directory += struct.pack("<HHII", tag, kind, len(values), behind + len(tail))
            tail += raw
        else:
            directory += struct.pack("<HHI", tag, kind, len(values)) + raw.ljust(4, b"\0")
    header = b"II*\0" + struct.pack("<I", 8 + len(body))
    return header + body + directory + struct.pack("<I", 0) + tail
