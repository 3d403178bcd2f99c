"""TIFF: strips and tiles that share bytes, directories, and codecs inside."""

import io
import lzma
import random
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from PIL import Image

from tests.hostile.kinds import kind, times
from tests.hostile.kinds.jpeg import empty_scans
from tests.vision.pictures import encode, quarters

Entry = tuple[int, int, Sequence[int]]
"""Tag, type, values."""
_SHORT, _LONG, _RATIONAL = 3, 4, 5
_FORMATS = {1: "B", 2: "B", 3: "H", 4: "I", 5: "II", 7: "B"}
_PACKBITS, _LZW, _JPEG, _DEFLATE, _LZMA, _ZSTD, _WEBP = 32773, 5, 7, 8, 34925, 50000, 50001


def write(entries: Sequence[Entry], data: bytes, following: int = 0) -> bytes:
    """``data`` begins at offset 8; the directory and what does not fit into it stand behind."""
    data += bytes(len(data) % 2)
    entries = sorted(entries, key=lambda entry: entry[0])
    behind = 8 + len(data) + 6 + 12 * len(entries)
    directory, tail = struct.pack("<H", len(entries)), b""
    for tag, form, values in entries:
        count = len(values) // len(_FORMATS[form])
        raw = struct.pack(f"<{len(values)}{_FORMATS[form][0]}", *values)
        if len(raw) > 4:
            where, tail = behind + len(tail), tail + raw + bytes(len(raw) % 2)
            directory += struct.pack("<HHII", tag, form, count, where)
        else:
            directory += struct.pack("<HHI", tag, form, count) + raw.ljust(4, b"\0")
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + directory + struct.pack("<I", following) + tail


def _picture(width: int, height: int, bits: int, samples: int, compression: int) -> list[Entry]:
    photometric = {1: 1, 2: 1, 3: 2, 4: 2}[samples]
    extra: list[Entry] = [(338, _SHORT, [2])] if samples in (2, 4) else []
    return [
        (256, _LONG, [width]),
        (257, _LONG, [height]),
        (258, _SHORT, [bits] * samples),
        (259, _SHORT, [compression]),
        (262, _SHORT, [photometric]),
        (277, _SHORT, [samples]),
        *extra,
    ]


@lru_cache(maxsize=64)
def _packed(compression: int, size: int, form: tuple[int, int, int], rough: bool = False) -> bytes:
    """``size`` bytes, all zero or ``rough``, as that codec writes them.

    ``form`` is width, height and samples.
    """
    plain = random.Random(size).randbytes(size).translate(_ROUGH) if rough else bytes(size)
    if compression == _DEFLATE:
        return zlib.compress(plain, 9)
    if compression == _LZMA:
        return lzma.compress(plain, preset=1)
    if compression == _PACKBITS:
        return b"\x81\0" * (size // 128 + 1)
    if compression == _JPEG:
        scans = random.Random(size).choice((1, 30, 85, 85, 20_000))  # libtiff allows a hundred
        return empty_scans(form[0], form[1], random.Random(size), scans, "RGB")
    if compression == _WEBP:
        return encode(Image.new("RGB", form[:2]), "WEBP", lossless=True, method=0)
    if compression in (_LZW, _ZSTD):
        return _by_pillow(compression, form)
    return plain[: 1 << 20]


_ROUGH = bytes(value & 0x1F for value in range(256))
"""Fewer different bytes deflate to fewer, and cost as much to inflate."""


@cache
def _by_pillow(compression: int, form: tuple[int, int, int]) -> bytes:
    """The one strip of a picture that Pillow writes."""
    width, height, samples = form
    name = {_LZW: "tiff_lzw", _ZSTD: "zstd"}[compression]
    image = Image.new({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[samples], (width, height))
    data = encode(image, "TIFF", compression=name, tiffinfo={278: height})
    tags = Image.open(io.BytesIO(data)).tag_v2  # type: ignore[attr-defined]
    return data[tags[273][0] : tags[273][0] + tags[279][0]]


def _codec(rng: random.Random) -> tuple[int, int, int]:
    """Compression, bits and samples."""
    compression = rng.choice(
        (1, _PACKBITS, _LZW, _JPEG, _JPEG, _DEFLATE, _DEFLATE, _LZMA, _LZMA, _ZSTD, _WEBP)
    )
    if compression in (_JPEG, _WEBP):
        return compression, 8, 3
    if compression in (_LZW, _ZSTD):
        return compression, 8, rng.choice((1, 3, 4))
    return compression, rng.choice((8, 16)), rng.choice((1, 3, 4, 4))


_SIDES = (256, 1000, 2048, 4000, 6000, 6000, 7000, 7000)
_ROUGH_BYTES = 2_000_000
"""More of them would be a large file, and no amplified one."""


@dataclass(frozen=True)
class _Form:
    compression: int
    bits: int
    samples: int
    width: int
    height: int


def _form(rng: random.Random) -> _Form:
    """Half of them the dearest there are: as many samples of as many bits as may be decoded."""
    compression, bits, samples = _codec(rng)
    width, height = rng.choice(_SIDES), rng.choice(_SIDES)
    if rng.random() < 0.5:
        width, height = (2048, 22_528) if compression == _JPEG else (6000, 6000)
        if compression not in (_JPEG, _WEBP):
            samples = 4
            bits = 8 if compression in (_LZW, _ZSTD) else 16
    return _Form(compression, bits, samples, width, height)


def _places(rng: random.Random, count: int, length: int) -> tuple[list[int], list[int]]:
    """Offsets and byte counts: all the same, overlapping, or with lengths that mean the file."""
    offsets, lengths = [8] * count, [length] * count
    way = rng.choice((0, 0, 0, 1, 2, 3))
    if way == 1:
        offsets = [8 + number % max(1, length) for number in range(count)]
    elif way == 2:
        lengths = [rng.choice((0, 1 << 24, (1 << 32) - 1))] * count
    elif way == 3:
        lengths = [length * 2] * count
    return offsets, lengths


@kind("TIFF")
def shared_strips(rng: random.Random, size: int) -> bytes:
    """All strips are the same bytes, or overlap."""
    form = _form(rng)
    compression, bits, samples = form.compression, form.bits, form.samples
    width, height = form.width, form.height
    fitting = max(1, size // (width * samples * bits // 8))
    rows = min(height, rng.choice((1, 2, fitting, fitting, fitting, 64, 512)))
    if compression == _JPEG:
        rows = rng.choice((64, 512, 2048, 2048))
    unpacked = width * rows * samples * bits // 8
    rough = unpacked < min(size, _ROUGH_BYTES) * 2
    body = _packed(compression, min(unpacked, 40_000_000), (width, rows, samples), rough)
    count = -(-height // rows) * rng.choice((1, 1, 1, 3))
    offsets, lengths = _places(rng, count, len(body))
    entries = [
        *_picture(width, height, bits, samples, compression),
        (273, _LONG, offsets),
        (278, _LONG, [rows]),
        (279, _LONG, lengths),
    ]
    if compression in (_DEFLATE, _LZW, _LZMA, _ZSTD) and rng.random() < 0.3:
        entries.append((317, _SHORT, [2]))  # predictor
    if rng.random() < 0.2:
        entries.append((274, _SHORT, [rng.randrange(1, 9)]))
    return write(entries, body + bytes(max(0, size - len(body) - 8 * count)))


@kind("TIFF")
def shared_tiles(rng: random.Random, size: int) -> bytes:
    form = _form(rng)
    compression, bits, samples = form.compression, form.bits, form.samples
    width, height = form.width, form.height
    across, down = rng.choice((16, 64, 256, 2048)), rng.choice((16, 64, 256, 2048))
    unpacked = across * down * samples * bits // 8
    rough = unpacked < min(size, _ROUGH_BYTES) * 2
    body = _packed(compression, unpacked, (across, down, samples), rough)
    count = -(-width // across) * -(-height // down)
    count = min(count * rng.choice((1, 1, 1, 4)), 300_000)
    offsets, lengths = _places(rng, count, len(body))
    entries = [
        *_picture(width, height, bits, samples, compression),
        (322, _LONG, [across]),
        (323, _LONG, [down]),
        (324, _LONG, offsets),
        (325, _LONG, lengths),
    ]
    return write(entries, body + bytes(max(0, size - len(body) - 8 * count)))


@kind("TIFF")
def planes(rng: random.Random, size: int) -> bytes:
    """Samples one after the other: as many times the strips, all of the same bytes."""
    compression, bits = rng.choice((1, _DEFLATE, _LZMA, _PACKBITS)), rng.choice((8, 16))
    side, rows = rng.choice(_SIDES[:4]), rng.choice((1, 16, 500))
    samples = rng.choice((3, 4))
    body = _packed(compression, side * rows * bits // 8, (side, rows, 1))
    count = -(-side // rows) * samples
    offsets, lengths = _places(rng, count, len(body))
    entries = [
        *_picture(side, side, bits, samples, compression),
        *((273, _LONG, offsets), (278, _LONG, [rows]), (279, _LONG, lengths)),
        (284, _SHORT, [2]),
    ]
    return write(entries, body + bytes(max(0, size - len(body) - 8 * count)))


@kind("TIFF")
def large_tile(rng: random.Random, size: int) -> bytes:
    """A picture of a few pixels in a tile, or a strip, of millions."""
    compression, bits, samples = _codec(rng)
    side = rng.choice((16, 64, 500))
    tile = rng.choice((2048, 4096, 6000))
    body = _packed(compression, tile * tile * samples * bits // 8, (tile, tile, samples))
    entries = _picture(side, side, bits, samples, compression)
    if rng.random() < 0.7:
        entries += [(322, _LONG, [tile]), (323, _LONG, [tile])]
        entries += [(324, _LONG, [8]), (325, _LONG, [len(body)])]
    else:
        entries += [(278, _LONG, [1 << 30]), (273, _LONG, [8]), (279, _LONG, [len(body)])]
    return write(entries, body + bytes(max(0, size - len(body))))


@kind("TIFF")
def strips_without_end(rng: random.Random, size: int) -> bytes:
    """As many strips as fit: rows of a picture, or more than it has."""
    count = max(1, size // 8)
    width, height = rng.choice((1, 16, 1000)), rng.choice((1, 1000, count, 500_000))
    entries = _picture(width, height, 8, 1, rng.choice((1, _DEFLATE, _PACKBITS)))
    offsets, lengths = _places(rng, count, 8)
    entries += [(273, _LONG, offsets), (278, _LONG, [1]), (279, _LONG, lengths)]
    return write(entries, zlib.compress(bytes(64)))


@kind("TIFF")
def entries_over_each_other(rng: random.Random, size: int) -> bytes:
    """Thousands of entries whose values are the same bytes of the file."""
    count = min(65_000, rng.choice((10, 400, 5000, 65_000)), 1 + size // 12)
    form = rng.choice((1, 2, 3, 4, 5, 7, 10, 12, 13, 16))
    each = rng.choice((1, 1000, 40_000, max(1, size // 8)))
    first = rng.choice((300, 32768, 50_000))
    table = b"".join(
        struct.pack("<HHII", (first + number % 30_000) & 0xFFFF, form, each, 8)
        for number in range(count)
    )
    plain = encode(quarters(64, 64), "TIFF")
    place = int.from_bytes(plain[4:8], "little")
    own = int.from_bytes(plain[place : place + 2], "little")
    entries = plain[place + 2 : place + 2 + 12 * own]
    head = struct.pack("<H", min(65_535, own + count)) + entries + table + bytes(4)
    padded = plain + bytes(max(0, size - len(head) - len(plain)))
    padded += bytes(len(padded) % 2)
    return padded[:4] + struct.pack("<I", len(padded)) + padded[8:] + head


@kind("TIFF")
def chained_directories(rng: random.Random, size: int) -> bytes:
    """Pages or directories below the first, by the thousand or in a ring."""
    plain = encode(quarters(64, 64), "TIFF")
    place = int.from_bytes(plain[4:8], "little")
    own = int.from_bytes(plain[place : place + 2], "little")
    one = plain[place : place + 2 + 12 * own]
    ring = rng.random() < 0.3
    out = bytearray(plain + bytes(len(plain) % 2))
    last = place + 2 + 12 * own
    while len(out) < size:
        out[last : last + 4] = struct.pack("<I", len(out))
        out += one + bytes(4)
        last = len(out) - 4
        out += bytes(len(out) % 2)
    if ring:
        out[last : last + 4] = struct.pack("<I", place)
    return bytes(out)


@kind("TIFF")
def sub_directories(rng: random.Random, size: int) -> bytes:
    """EXIF, GPS and SubIFDs that point at each other, at themselves, or thousands of them."""
    tag = rng.choice((330, 34665, 34853, 40965))
    count = rng.choice((1, 1, 1000, max(1, size // 4)))
    entries = _picture(64, 64, 8, 1, 1)
    entries += [(273, _LONG, [8]), (278, _LONG, [64]), (279, _LONG, [4096])]
    entries += [(tag, _LONG, [8 + 4096] * count)]
    return write(entries, bytes(4096))


@kind("TIFF")
def numbers(rng: random.Random, size: int) -> bytes:
    """One entry with as many numbers as fit."""
    tag = rng.choice((282, 283, 258, 339, 306, 320, 324, 333, 347, 700, 34675, 50_000))
    form = rng.choice((_SHORT, _LONG, _RATIONAL, 1, 2, 7))
    each = struct.calcsize(f"<{_FORMATS[form]}")
    values = [1] * (max(1, size // each) * len(_FORMATS[form]))
    entries = [entry for entry in _picture(64, 64, 8, 1, 1) if entry[0] != tag]
    entries += [(273, _LONG, [8]), (278, _LONG, [64]), (279, _LONG, [4096])]
    return write([*entries, (tag, form, values)], bytes(4096))


@kind("TIFF")
def jpeg_tables(rng: random.Random, size: int) -> bytes:
    """Tables of JPEG, read again for each strip, full of markers or of scans."""
    width, rows = rng.choice((256, 2048)), rng.choice((8, 16, 512))
    strip = encode(Image.new("RGB", (width, rows)), "JPEG", subsampling=0)
    count = rng.choice((1, 8, 100, 2000))
    flood = times(rng.choice((b"\xff\xfe\0\2", b"\xff\xe5\0\2", b"\xff\xff", b"\xff\1")), size)
    tables = b"\xff\xd8" + flood + b"\xff\xd9"
    if rng.random() < 0.5:
        strip, tables = strip[:2] + flood + strip[2:], b"\xff\xd8\xff\xd9"
    entries = [
        *_picture(width, rows * count, 8, 3, _JPEG),
        *((273, _LONG, [8] * count), (278, _LONG, [rows]), (279, _LONG, [len(strip)] * count)),
        (347, 7, list(tables)),
    ]
    return write(entries, strip)
