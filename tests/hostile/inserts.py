"""What can be put into a file of each format to make reading it cost more than it seems."""

import random
import struct
import zlib
from collections.abc import Callable

_MANY = (10, 300, 4000)


def insert(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """``other`` is the file to be nested, where one is."""
    for prefix, at, method in _BY_FORMAT:
        if data[at : at + len(prefix)] == prefix:
            return method(rng, data, other)
    return data + other


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def riff(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def directory(*entries: tuple[int, int, int, int], behind: bytes = b"") -> bytes:
    """A TIFF of one directory; entries are tag, type, count, and value or offset."""
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    return head + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4) + behind


def exif(rng: random.Random) -> bytes:
    entries = []
    for index in range(rng.choice((1, 5, 400))):
        tag = rng.choice((274, 282, 296, 330, 34665, 34853, 40000 + index))
        count = rng.choice((1, 4, 300, 5000, 1 << 28))
        entries.append((tag, rng.randrange(14), count, rng.choice((0, 8, 30, 100))))
    return directory(*entries, behind=rng.randbytes(300) + bytes(rng.choice((0, 40_000))))


def _png(rng: random.Random, data: bytes, other: bytes) -> bytes:
    inflated = zlib.compress(bytes(rng.choice((1000, 1 << 20, 1 << 23))), 9)
    body = rng.choice(
        (
            chunk(b"iCCP", b"k\0\0" + inflated),
            chunk(b"zTXt", b"k\0\0" + inflated),
            chunk(b"iTXt", b"k\0\1\0\0\0" + inflated),
            chunk(b"tEXt", b"k\0" + bytes(3000)),
            chunk(b"eXIf", exif(rng)),
            chunk(b"IDAT", inflated),
            chunk(b"IDAT", b""),
            chunk(b"acTL", struct.pack(">II", rng.choice((0, 1, 1 << 31)), 0)),
            chunk(
                b"fcTL", struct.pack(">IIIIIHHBB", 0, *rng.choices((0, 8, 1 << 20), k=4), *[0] * 4)
            ),
            chunk(b"PLTE", bytes(rng.choice((0, 3, 768, 5000)))),
            chunk(b"tRNS", bytes(rng.choice((0, 1, 6, 256)))),
            chunk(b"quIx", other[:60_000]),
        )
    )
    times = 1 if len(body) > 20_000 else rng.choice((1, 1, *_MANY))
    at = 33 if rng.random() < 0.7 else len(data) - 12
    return data[:at] + body * times + data[at:]


def _jpeg(rng: random.Random, data: bytes, other: bytes) -> bytes:
    body = rng.choice(
        (
            segment(0xE1, (b"Exif\0\0" + exif(rng))[:65_000]),
            segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0tiff:Orientation="6'),
            segment(0xE2, b"ICC_PROFILE\0\1\xff" + bytes(500)),
            segment(0xE2, (b"MPF\0" + exif(rng))[:65_000]),
            segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0" * 200),
            segment(0xEE, b"Adobe\0\0\0\0\0\0" + rng.randbytes(1)),
            segment(0xDB, (b"\0" + bytes(range(1, 65))) * rng.choice((1, 900))),
            segment(0xC4, rng.randbytes(200)),
            segment(0xDD, b"\0\1"),
            segment(0xC0, bytes([8, 0, 9, 0, 9, 3]) + b"\1\x11\0" * rng.choice((3, 9000))),
            segment(0xFE, b""),
            b"\xff" * 50,
            other[:60_000],
        )
    )
    times = 1 if len(body) > 20_000 else rng.choice((1, 1, *_MANY))
    if rng.random() < 0.3:  # another scan, or many
        at, times = len(data) - 2, rng.choice(_MANY)
        body = (
            segment(0xDA, b"\1\1\0" + bytes([0, rng.choice((0, 63)), rng.getrandbits(8)])) + b"\0\0"
        )
    else:
        at = 2
    return data[:at] + body * times + data[at:]


def _webp(rng: random.Random, data: bytes, other: bytes) -> bytes:
    frame = bytes(6) + rng.choice((b"\7\0\0\7\0\0", b"\xff\x3f\0\xff\x3f\0")) + b"\1\0\0\0"
    body = rng.choice(
        (
            riff(b"EXIF", exif(rng)),
            riff(b"ICCP", bytes(5000)),
            riff(b"XMP ", b'tiff:Orientation="8'),
            riff(b"ANMF", frame + data[12:5000]),
            riff(b"ALPH", rng.randbytes(300)),
            riff(b"VP8X", rng.randbytes(1) + bytes(3) + rng.randbytes(6)),
            riff(b"junk", other[:60_000]),
        )
    )
    at = rng.choice((12, 30, len(data)))
    grown = data[:at] + body * (1 if len(body) > 20_000 else rng.choice((1, *_MANY))) + data[at:]
    return grown[:4] + struct.pack("<I", len(grown) - 8) + grown[8:]


def _gif(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = 13 + (3 << (data[10] & 7) + 1 if len(data) > 10 and data[10] & 0x80 else 0)
    body = rng.choice(
        (
            b"!\xfe\1c\0",
            b"!\xfe" + b"\1c" * 3000 + b"\0",
            b"!\1\0",
            b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
            b"!\xf9\4\x0d\0\0\0\0",
            b"," + struct.pack("<HHHHB", 0, 0, *rng.choices((0, 1, 3000, 65535), k=2), 0) + b"\2\0",
            other[:60_000],
        )
    )
    return data[:at] + body * rng.choice((1, *_MANY)) + data[at:]


def _bmp(rng: random.Random, data: bytes, other: bytes) -> bytes:
    out = bytearray(data)
    width, height = rng.choice(((50_000_000, 1), (1, 50_000_000), (7000, 7000), (2000, 2000)))
    out[18:26] = struct.pack("<II", width, height)
    out[28:30] = struct.pack("<H", rng.choice((1, 4, 8, 16, 24, 32)))
    out[30:34] = struct.pack("<I", rng.choice((0, 1, 2, 3, 4, 5)))
    runs = rng.choice(
        (b"\0\2\0\xff", b"\1\7", b"\xff\7", b"\0\0", b"\1\1\0\0", b"\5\1", other[:99])
    )
    return bytes(out) + runs * rng.choice(_MANY)


def _tiff(rng: random.Random, data: bytes, other: bytes) -> bytes:
    side, rows = rng.choice((16, 300, 7000)), rng.choice((1, 16, 299))
    strips = rng.choice((1, 30, 9000))
    compression = rng.choice((1, 1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34925, 50000, 50001, 34676))
    body = other if compression in (6, 7, 50001) else rng.randbytes(2000)
    entries = (
        *((256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, rng.choice((1, 8, 16, 32)))),
        *((259, 3, 1, compression), (262, 3, 1, rng.choice((0, 1, 2, 3, 5, 6, 8)))),
        *((273, 4, strips, 400), (274, 3, 1, rng.randrange(10))),
        *((277, 3, 1, rng.choice((1, 3, 4, 60_000))), (278, 4, 1, rows)),
        *((279, 4, strips, 400), (284, 3, 1, rng.choice((1, 2))), (282, 5, 2000, 400)),
        (rng.choice((34665, 34853, 330, 347, 34675)), rng.choice((4, 7)), 1, rng.choice((8, 400))),
    )
    built = directory(*entries).ljust(400, b"\0")
    return built + struct.pack("<I", 500) * min(strips, 9000) + body[:60_000] + data[:1000]


def _iso_media(rng: random.Random, data: bytes, other: bytes) -> bytes:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", 8 + len(body)) + kind + body

    at = data.find(b"ispe")
    if at > 0 and rng.random() < 0.4:
        size = struct.pack(">II", *rng.choices((1, 16, 64, 7000, 16384, 1 << 31), k=2))
        return data[: at + 8] + size + data[at + 16 :]
    body = rng.choice(
        (
            box(b"free", b""),
            box(b"meta", bytes(4) + box(b"iloc", b"\0\0\0\0\x44\0\xff\xff" + rng.randbytes(900))),
            box(b"moov", box(b"trak", box(b"mdia", rng.randbytes(90)))),
            box(b"Exif", exif(rng)),
            box(b"mdat", other[:60_000]),
        )
    )
    place = rng.choice((int.from_bytes(data[:4], "big"), len(data)))
    return data[:place] + body * rng.choice((1, *_MANY)) + data[place:]


_BY_FORMAT: tuple[tuple[bytes, int, Callable[[random.Random, bytes, bytes], bytes]], ...] = (
    (b"\x89PNG", 0, _png),
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"RIFF", 0, _webp),
    (b"GIF8", 0, _gif),
    (b"BM", 0, _bmp),
    (b"II", 0, _tiff),
    (b"MM", 0, _tiff),
    (b"ftyp", 4, _iso_media),
)
