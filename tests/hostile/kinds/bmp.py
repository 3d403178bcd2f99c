"""BMP: headers, run lengths and masks."""

import random
import struct

from tests.hostile.kinds import kind, times


def _file(width: int, height: int, bits: int, compression: int, data: bytes, colours: int) -> bytes:
    palette = bytes(range(1, 256)) * 5
    palette = palette[: 4 * colours]
    start = 54 + len(palette)
    head = struct.pack("<IHHI", start + len(data), 0, 0, start)
    form = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 1, 1, colours, 0
    )
    return b"BM" + head + form + palette + data


@kind("BMP")
def run_lengths(rng: random.Random, size: int) -> bytes:
    """Runs of nothing, of a pixel, jumps, and absolute ones."""
    sides = (1, 16, 1000, 2000, 7000, 400_000)
    compression = rng.choice((1, 2))
    pieces: tuple[bytes, ...] = (
        b"\1\7",
        b"\xff\7",
        b"\0\0",
        b"\1\1\0\0",
        b"\5\1",
        b"\0\2\0\0",
        b"\0\2\0\1",
    )
    pieces += (b"\0\2\xff\0", b"\0\xff" + bytes(256), b"\0\3\1\2\3\0", b"\0\0\0\2\1\0")
    runs = times(b"".join(rng.choices(pieces, k=rng.choice((1, 1, 2)))), size)
    bits = 8 if compression == 1 else 4
    return _file(rng.choice(sides), rng.choice(sides), bits, compression, runs + b"\0\1", 256)


@kind("BMP")
def any_header(rng: random.Random, size: int) -> bytes:
    sides = (1, -1, 16, 1000, -4000, 7000, 50_000_000, -(1 << 31))
    colours = rng.choice((0, 2, 256))
    bits, compression = rng.choice((1, 4, 8, 16, 24, 32)), rng.choice((0, 0, 3, 6))
    data = bytes(size)
    return _file(rng.choice(sides), rng.choice(sides), bits, compression, data, colours)
