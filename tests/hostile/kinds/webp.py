"""WebP: chunks, frames, and what their headers declare."""

import random
import struct
from functools import cache

from PIL import Image

from tests.hostile.inserts import directory, riff
from tests.hostile.kinds import kind, times
from tests.vision.pictures import encode, quarters


@cache
def _plain(lossless: bool, side: int) -> bytes:
    """The chunk of one picture."""
    image = quarters(side, side) if not lossless else Image.new("RGBA", (side, side), (1, 2, 3, 4))
    return encode(image, "WEBP", lossless=lossless, method=0)[12:]


def _file(*chunks: bytes) -> bytes:
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _three(value: int) -> bytes:
    return struct.pack("<I", value)[:3]


def _extended(flags: int, side: int) -> bytes:
    return riff(b"VP8X", bytes([flags, 0, 0, 0]) + _three(side - 1) * 2)


@kind("WEBP")
def chunk_flood_in_riff(rng: random.Random, size: int) -> bytes:
    piece = rng.choice(
        (
            riff(b"junk", b""),
            riff(b"EXIF", directory((274, 3, 1, 6))),
            riff(b"ICCP", bytes(200)),
            riff(b"XMP ", b"<x/>"),
            riff(b"ALPH", bytes(30)),
            riff(b"ANIM", bytes(6)),
            riff(b"ANMF", bytes(16)),
            _plain(rng.random() < 0.5, 16),
        )
    )
    image = _plain(lossless=False, side=64)
    flood = times(piece, size)
    parts = (flood, image) if rng.random() < 0.5 else (image, flood)
    return _file(_extended(rng.randrange(64), 64), *parts)


@kind("WEBP")
def frames(rng: random.Random, size: int) -> bytes:
    """An animation on a large canvas, of thousands of frames."""
    side = rng.choice((16, 64, 1000))
    canvas = rng.choice((64, 1000, 3000, 7000, 16_384))
    plain = _plain(rng.random() < 0.5, side)
    frame = riff(b"ANMF", bytes(6) + _three(side - 1) * 2 + _three(1) + bytes(1) + plain)
    return _file(_extended(0x12, canvas), riff(b"ANIM", bytes(6)), times(frame, size))


@kind("WEBP")
def declared_sizes(rng: random.Random, size: int) -> bytes:
    """The picture's own header says another size than its container, and has data for neither."""
    lossless = rng.random() < 0.5
    side = rng.choice((1000, 3500, 7000, 16_383))
    plain = bytearray(_plain(lossless, 64))
    if lossless:
        plain[9:13] = struct.pack("<I", (side - 1) | (side - 1) << 14 | 1 << 28)
    else:
        plain[14:18] = struct.pack("<HH", side, side)
    filled = rng.choice((bytes, rng.randbytes))(max(0, size - len(plain)))
    body = bytes(plain) + filled
    body = body[:4] + struct.pack("<I", len(body) - 8) + body[8:] + bytes(len(body) % 2)
    if rng.random() < 0.5:
        return _file(body)
    alpha = riff(b"ALPH", bytes([rng.choice((0, 1, 5))]) + filled[: size // 2])
    return _file(_extended(0x10, rng.choice((64, side))), alpha, body)
