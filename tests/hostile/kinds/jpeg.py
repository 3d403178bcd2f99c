"""JPEG: markers, segments, scans, and pictures one behind the other."""

import random
import struct
from functools import cache

from tests.hostile.inserts import segment
from tests.hostile.kinds import kind, times
from tests.vision.pictures import encode, quarters

_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_SIDES = (64, 1000, 4000, 7000)


@cache
def _plain(mode: str, progressive: bool) -> bytes:
    image = quarters(64, 64).convert(mode)
    return encode(
        image,
        "JPEG",
        progressive=progressive,
        restart_marker_blocks=0 if progressive else 4,
        subsampling=0,
    )


def _resized(data: bytes, width: int, height: int, marker: int | None = None) -> bytes:
    """With another size in its frame header, and another kind of frame."""
    at = _frame(data)
    kept = bytes([0xFF, marker if marker else data[at + 1]]) + data[at + 2 : at + 5]
    return data[:at] + kept + struct.pack(">HH", height, width) + data[at + 9 :]


def _frame(data: bytes) -> int:
    return next(at for at in range(len(data)) if data[at] == 0xFF and data[at + 1] in _FRAMES)


def _marks(data: bytes) -> dict[str, int]:
    """Where a flood can go: behind the first marker, before and in the scan, and at the end."""
    scan = data.index(b"\xff\xda")
    header = int.from_bytes(data[scan + 2 : scan + 4], "big")
    return {
        "first": 2,
        "frame": _frame(data),
        "scan": scan,
        "within": scan + 2 + header + 5,
        "end": len(data) - 2,
        "behind": len(data),
    }


def _pieces(rng: random.Random) -> bytes:
    """One thing that is read marker by marker."""
    return rng.choice(
        (
            b"\xff\xfe\0\2",  # a comment of nothing
            b"\xff\1",
            b"\xff\xd0",
            b"\xff\xd7\0",
            b"\xff\0",
            b"\xff",
            b"\xff\xff\0",
            b"\xff\xd8",
            b"\xff\xd9",
            b"\xff\xd8\xff\xd9",
            b"\xff" + bytes([rng.randrange(1, 255)]) + b"\0\2",
            b"\xff" + bytes([rng.randrange(1, 255)]),
            b"\0\xff\1",
            b"\xff\x02\xff\xfe\0\3x",
            segment(0xDD, b"\0\1"),
            segment(0xDC, b"\0\1"),
            segment(0xC4, b"\0" + bytes(16)),
            segment(0xDB, b"\0" + bytes(range(1, 65))),
            segment(0xCC, b""),
            segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\0\0"),
            segment(0xE2, b"ICC_PROFILE\0\1\1"),
            segment(0xE2, b"MPF\0II*\0"),
            segment(0xED, b"Photoshop 3.0\0" + b"8BIM\4\4\0\0\0\0\0\0"),
            segment(0xEE, b"Adobe\0\0\0\0\0\0\1"),
            segment(0xFE, bytes(rng.choice((1, 300, 65_000)))),
        )
    )


@kind("JPEG")
def marker_flood(rng: random.Random, size: int) -> bytes:
    data = _plain(rng.choice(("L", "RGB", "CMYK")), rng.random() < 0.5)
    if rng.random() < 0.3:
        data = _resized(data, rng.choice(_SIDES), rng.choice(_SIDES))
    at = _marks(data)[rng.choice(("first", "frame", "scan", "within", "end", "behind"))]
    flood = b"".join(_pieces(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
    return data[:at] + times(flood, size - len(data)) + data[at:]


@kind("JPEG")
def short_markers(rng: random.Random, size: int) -> bytes:
    """Millions of them, of two to four bytes, before the scan or behind it."""
    data = _plain("L", rng.random() < 0.5)
    at = _marks(data)[rng.choice(("scan", "end", "end"))]
    piece = rng.choice((b"\xff\1", b"\xff\1", b"\xff\xfe\0\2", b"\xff\xe5\0\2", b"\xff\xd9"))
    return data[:at] + times(piece, size - len(data)) + data[at:]


def empty_scans(
    width: int, height: int, rng: random.Random, count: int, colours: str = ""
) -> bytes:
    """Of a progressive picture, each over all its blocks with a few bytes.

    ``colours`` is Pillow's mode of the picture, one of two if it is empty.
    """
    colours = colours or rng.choice(("L", "RGB"))
    data = _resized(_plain(colours, progressive=True), width, height)
    layer = rng.choice((1, 1, 2 if colours == "RGB" else 1))
    band = rng.choice((b"\0\0\0", b"\0\0\x10", b"\1\x3f\0", b"\1\x3f\x10", b"\1\x3f\x21"))
    table = segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")  # the code 0: a run of empty blocks
    filled = _runs(width * height // 64) if rng.random() < 0.7 else bytes(rng.choice((0, 1, 4)))
    scan = segment(0xDA, bytes([1, layer, 0]) + band) + filled
    hidden = rng.choice((b"", b"", segment(0xFE, b"\xff\xd9"), b"\xff\1"))
    return data[:-2] + table + (hidden + scan) * count + data[-2:]


def _runs(blocks: int) -> bytes:
    """That many blocks without coefficients, 32,767 with each code, which is 0 and 14 bits."""
    bits = ("0" + "1" * 14) * (blocks // 32_767 + 1)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")


@kind("JPEG")
def scan_flood(rng: random.Random, size: int) -> bytes:
    count = min(max(1, size // 16), rng.choice((10, 95, 400, 2_000_000)))
    return empty_scans(rng.choice(_SIDES), rng.choice(_SIDES), rng, count)


@kind("JPEG")
def arithmetic(rng: random.Random, size: int) -> bytes:
    """Coded in the other way that JPEG has, which costs more for each bit."""
    progressive = rng.random() < 0.5
    data = _plain(rng.choice(("L", "RGB", "CMYK")), progressive)
    sides = rng.choice(_SIDES), rng.choice(_SIDES)
    data = _resized(data, *sides, 0xCA if progressive else 0xC9)
    at = _marks(data)["end"]
    filled = rng.choice((bytes, rng.randbytes))(max(0, size - len(data))).replace(b"\xff", b"\xfe")
    return data[:at] + filled + data[at:]


@kind("JPEG")
def scans_of_one_layer(rng: random.Random, size: int) -> bytes:
    """A baseline picture whose colours come one after the other, each many times."""
    data = _resized(_plain("RGB", progressive=False), rng.choice(_SIDES), rng.choice(_SIDES))
    scan = data.index(b"\xff\xda")
    layers = [segment(0xDA, bytes([1, n, 0, 0, 63, 0])) + bytes(40) for n in (1, 2, 3)]
    one = b"".join(layers) if rng.random() < 0.5 else layers[0]
    count = min(max(1, size // len(one)), rng.choice((1, 30, 1000, 100_000)))
    return data[:scan] + one * count + b"\xff\xd9"


@kind("JPEG")
def layers(rng: random.Random, size: int) -> bytes:
    """Sampling factors of up to four: many blocks for few pixels."""
    data = bytearray(_resized(_plain("CMYK", rng.random() < 0.5), *rng.choices(_SIDES, k=2)))
    at = _frame(bytes(data))
    for index in range(data[at + 9]):
        data[at + 11 + 3 * index] = rng.choice((0x11, 0x11, 0x22, 0x12, 0x41, 0x14))
    return bytes(data[:-2]) + bytes(max(0, size - len(data))) + b"\xff\xd9"


@kind("JPEG")
def restarts(rng: random.Random, size: int) -> bytes:
    """A restart marker behind each block, and thousands that belong nowhere."""
    data = _plain("RGB", progressive=False)
    data = _resized(data, *rng.choices(_SIDES, k=2))
    at = _marks(data)["within"]
    step = rng.choice((b"\xff\xd0", b"".join(b"\0\xff" + bytes([0xD0 + n]) for n in range(8))))
    return data[:at] + times(step, size) + data[at:]


@kind("JPEG")
def pictures_behind(rng: random.Random, size: int) -> bytes:
    """As cameras put a second one there: MPO, with an index of thousands."""
    data = encode(quarters(64, 64), "MPO", save_all=True, append_images=[quarters(64, 64)])
    again = data[data.rindex(b"\xff\xd8\xff") :]
    if rng.random() < 0.5:
        return data + times(again, size)
    count = min(4000, size // 16)
    entries = struct.pack("<IIIHH", 0, 100, 0, 0, 0) * count
    index = b"II*\0\x08\0\0\0\3\0"
    index += struct.pack("<HHI4s", 0xB000, 7, 4, b"0100")
    index += struct.pack("<HHII", 0xB001, 4, 1, rng.choice((2, count, 1 << 31)))
    index += struct.pack("<HHII", 0xB002, 7, len(entries), 50) + bytes(4)
    plain = _plain("RGB", progressive=False)
    body = segment(0xE2, (b"MPF\0" + index + entries)[:65_000])
    return plain[:2] + body + plain[2:] + times(plain, size - len(body))
