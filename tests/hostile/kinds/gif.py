"""GIF: blocks, frames and codes."""

import random
import struct

from tests.hostile.kinds import kind, times

_SIDES = (16, 1000, 7000)


def _head(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)


def _frame(box: tuple[int, int, int, int], data: bytes, flags: int = 0) -> bytes:
    palette = bytes(3 << (flags & 7) + 1) if flags & 0x80 else b""
    return b"," + struct.pack("<HHHHB", *box, flags) + palette + b"\2" + data + b"\0"


def _blocks(data: bytes, size: int) -> bytes:
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(bytes([len(piece)]) + piece for piece in pieces)


@kind("GIF")
def block_flood(rng: random.Random, size: int) -> bytes:
    """In front of the first frame, or behind it."""
    piece = rng.choice(
        (
            b"!\xfe\1c\0",
            b"!\xfe\0",
            b"!\1\0",
            b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
            b"!\xff\x0bICCRGBG1012\1x\0",
            b"!\xff\x0bXMP DataXMP\1x\0",
            b"!\xf9\4\x0d\0\0\0\0",
            b"\0",
            b"!" + bytes([rng.randrange(256)]) + b"\1x\0",
        )
    )
    side = rng.choice(_SIDES)
    frame = _frame((0, 0, side, side), _blocks(b"\x44\1", 255))
    flood = times(piece, size)
    parts = (flood, frame) if rng.random() < 0.7 else (frame, flood)
    return _head(side, side) + b"".join(parts) + b";"


@kind("GIF")
def frame_flood(rng: random.Random, size: int) -> bytes:
    side = rng.choice(_SIDES)
    control = b"!\xf9\4" + bytes([rng.choice((0, 4, 8, 12, 13))]) + bytes(4)
    flags = rng.choice((0, 0x40, 0x80, 0x87))
    frame = control + _frame((0, 0, side, side), _blocks(b"\x44\1", 255), flags)
    return _head(side, side) + times(frame, size) + b";"


@kind("GIF")
def codes(rng: random.Random, size: int) -> bytes:
    """Codes that write no pixel, one that writes thousands, or any; in blocks of any size."""
    width, height = rng.choice(_SIDES), rng.choice(_SIDES)
    filled = rng.choice((b"\x24\x49\x92", b"\0", b"\xff", bytes(range(256)), rng.randbytes(300)))
    data = _blocks(times(filled, size), rng.choice((1, 2, 255)))
    interlaced = rng.choice((0, 0x40))
    return _head(width, height) + _frame((0, 0, width, height), data[:size], interlaced) + b";"


@kind("GIF")
def comment_of_pieces(rng: random.Random, size: int) -> bytes:
    """One block, in pieces of a byte, that is put together again."""
    start = rng.choice((b"!\xfe", b"!\xff\x0bICCRGBG1012", b"!\xff\x0bXMP DataXMP", b"!\1"))
    flood = start + times(b"\1c", size) + b"\0"
    return _head(16, 16) + flood + _frame((0, 0, 16, 16), _blocks(b"\x44\1", 255)) + b";"
