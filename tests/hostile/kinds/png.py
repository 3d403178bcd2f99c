"""PNG: chunks, and what is deflated in them."""

import random
import struct
import zlib
from functools import cache

from PIL import Image

from tests.hostile.inserts import chunk, directory
from tests.hostile.kinds import kind, times
from tests.vision.pictures import encode

_END = chunk(b"IEND", b"")


def _header(width: int, height: int, bits: int, colours: int, interlaced: int) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", body)


@cache
def _plain() -> bytes:
    return encode(Image.new("RGB", (64, 64)), "PNG")


@cache
def _inflated(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def _piece(rng: random.Random) -> bytes:
    bomb = _inflated(rng.choice((1000, 1 << 20, 1 << 24)))
    return rng.choice(
        (
            chunk(b"abCd", b""),
            chunk(b"tEXt", b"k\0v"),
            chunk(b"tEXt", b"k" * 79 + b"\0" + bytes(rng.choice((1, 3000)))),
            chunk(b"zTXt", b"k\0\0" + bomb),
            chunk(b"iTXt", b"k\0\1\0\0\0" + bomb),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
            chunk(b"iCCP", b"k\0\0" + bomb),
            chunk(b"eXIf", directory((274, 3, 1, 6))),
            chunk(b"PLTE", bytes(768)),
            chunk(b"tRNS", bytes(256)),
            chunk(b"gAMA", bytes(4)),
            chunk(b"sPLT", b"k\0\x08" + bytes(600)),
            chunk(b"IDAT", b""),
            chunk(b"IDAT", b"\0"),
            chunk(b"acTL", struct.pack(">II", rng.choice((1, 1 << 31)), 0)),
            chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 64, 64, 0, 0, 1, 1, 0, 0)),
            chunk(b"fdAT", bytes(4) + zlib.compress(bytes(64 * 193))),
            chunk(b"IEND", b""),
            _header(64, 64, 8, 2, 0)[8:],
        )
    )


@kind("PNG")
def chunk_flood(rng: random.Random, size: int) -> bytes:
    plain = _plain()
    flood = b"".join(_piece(rng) for _ in range(rng.choice((1, 1, 1, 2))))
    at = rng.choice((8, 33, len(plain) - 12, len(plain)))
    return plain[:at] + times(flood, size - len(plain)) + plain[at:]


@kind("PNG")
def data_in_pieces(rng: random.Random, size: int) -> bytes:
    """The pixels in chunks of a few bytes each."""
    side = rng.choice((64, 1000, 4000))
    deflated = zlib.compress(bytes(side * (3 * side + 1)), rng.choice((0, 1)))
    step = rng.choice((1, 2, 30))
    pieces = [deflated[at : at + step] for at in range(0, min(len(deflated), size // 12), step)]
    body = b"".join(chunk(b"IDAT", piece) for piece in pieces)
    return _header(side, side, 8, 2, 0) + body + _END


@kind("PNG")
def nothing_but_pixels(rng: random.Random, size: int) -> bytes:
    """Any size, depth and interlacing, of which the data has as much as fits, or far too much."""
    width, height = (rng.choice((1, 16, 1000, 7000, 400_000)) for _ in "wh")
    bits, colours = rng.choice(((1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (8, 3), (8, 4), (16, 6)))
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    row = width * samples * bits // 8 + 1
    fill = bytes([rng.randrange(5)]) + bytes(row - 1)
    rows = min(height, max(1, 200_000_000 // row))
    packer = zlib.compressobj(1)
    step = max(1, 1_000_000 // row)
    body, left = b"", rows
    while left > 0 and len(body) < size:
        body += packer.compress(fill * min(step, left))
        left -= step
    body += packer.flush()
    palette = chunk(b"PLTE", bytes(768)) if colours == 3 else b""
    much = chunk(b"IDAT", _inflated(1 << 24)) if rng.random() < 0.3 else b""
    head = _header(width, height, bits, colours, rng.choice((0, 1)))
    return head + palette + chunk(b"IDAT", body) + much + _END
