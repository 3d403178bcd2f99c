"""Files made to cost more than they seem, by name; none is larger than a body may be by default."""

import struct
import zlib
from collections.abc import Callable

from PIL import Image

from tests.hostile.corpus import FOUND
from tests.hostile.inserts import chunk, directory, riff, segment
from tests.hostile.kinds import LARGEST
from tests.vision.pictures import encode

_EMPTY_SCAN = segment(0xDA, b"\1\1\0\0\0\0") + bytes(4)


def _many(piece: bytes, size: int = LARGEST - 5000) -> bytes:
    return piece * (size // len(piece))


def _png(*before: bytes, behind: bytes = b"") -> bytes:
    plain = encode(Image.new("RGB", (16, 16)), "PNG")
    return plain[:33] + b"".join(before) + plain[33:-12] + behind + plain[-12:]


def _jpeg(*before: bytes) -> bytes:
    plain = encode(Image.new("RGB", (64, 64), "red"), "JPEG")
    return plain[:2] + b"".join(before) + plain[2:]


def _scans(size: tuple[int, int]) -> bytes:
    plain = encode(Image.new("L", size), "JPEG", progressive=True)
    return plain[:-2] + _EMPTY_SCAN * 100_000 + plain[-2:]


def _several_baseline_scans() -> bytes:
    """Each hidden in what could be taken for the end of the picture."""
    plain = encode(Image.new("L", (4000, 4000)), "JPEG", progressive=True)
    hidden = segment(0xFE, b"\xff\xd9") + _EMPTY_SCAN
    return plain[:-2] + hidden * 50_000 + plain[-2:]


def _gif(*before: bytes) -> bytes:
    plain = encode(Image.new("P", (16, 16)), "GIF")
    at = plain.index(b",")
    return plain[:at] + b"".join(before) + plain[at:]


def _large_first_frame() -> bytes:
    control = b"!\xf9\4\x09\0\0\0\0"  # to be replaced by the background, afterwards
    return b"GIF89a\x10\0\x10\0\0\0\0" + control + b",\0\0\0\0\xff\xff\xff\xff\0\2\0;"


def _bmp(width: int, height: int, runs: bytes, compression: int = 1) -> bytes:
    palette = bytes(range(1, 256)) * 5
    palette = palette[:1024]
    start = 54 + len(palette)
    head = struct.pack("<IHHI", start + len(runs), 0, 0, start)
    bits = 8 if compression == 1 else 4
    form = struct.pack(
        "<IIIHHIIiiII", 40, width, height, 1, bits, compression, len(runs), 1, 1, 256, 0
    )
    return b"BM" + head + form + palette + runs


def _tiff(
    width: int,
    height: int,
    *more: tuple[int, int, int, int],
    rows: int,
    strips: int = 1,
    behind: bytes = b"",
) -> bytes:
    """Strips that all begin at the file's beginning; 400 is where ``behind`` goes."""
    where = (4, strips, 400 if strips > 1 else 8)
    base = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)]
    base += [(262, 3, 1, 1), (273, *where), (277, 3, 1, 1), (278, 4, 1, rows), (279, *where)]
    numbers = struct.pack("<I", 8) * (strips if strips > 1 else 0)
    return directory(*sorted([*base, *more])).ljust(400, b"\0") + (behind or numbers)


def _rationals() -> bytes:
    """As EXIF: a resolution of two million numbers."""
    return directory((0x11A, 5, 2_000_000, 30), behind=b"\1\0\0\0" * 4_000_000)


def _exif_in_segments(block: bytes) -> bytes:
    step = 65_000
    return _jpeg(
        *(segment(0xE1, b"Exif\0\0" + block[at : at + step]) for at in range(0, len(block), step))
    )


def _webp(width: int, height: int) -> bytes:
    plain = encode(Image.new("RGBA", (16, 16), (1, 2, 3, 4)), "WEBP", lossless=True)
    size = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    frame = riff(b"ANMF", bytes(6) + b"\x0f\0\0\x0f\0\0" + bytes(4) + plain[12:])
    body = riff(b"VP8X", b"\x12\0\0\0" + size) + riff(b"ANIM", bytes(6)) + frame * 2
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _avif(width: int, height: int) -> bytes:
    """Declares that size; its one frame has 16384 x 16384 pixels."""
    data = (FOUND / "avif-16384-within-64").read_bytes()
    at = data.index(b"ispe") + 8
    return data[:at] + struct.pack(">II", width, height) + data[at + 8 :]


def _inflating(kind: bytes) -> bytes:
    return chunk(kind, b"k\0\0" + zlib.compress(bytes(1 << 20), 9))


_8BIM = b"8BIM\4\4" + bytes(6)
_FRAME_OF_MANY = segment(0xC0, bytes([8, 0, 64, 0, 64, 3]) + b"\1\x11\0" * 21_000)

# What comes of it, and the file.
BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "PNG of empty chunks": ("InvalidImage", lambda: _png(_many(chunk(b"abCd", b"")))),
    "PNG of empty data": ("InvalidImage", lambda: _png(_many(chunk(b"IDAT", b"")))),
    "PNG with chunks behind": (
        "InvalidImage",
        lambda: _png(behind=_many(chunk(b"abCd", b""))),
    ),
    "PNG of texts": ("InvalidImage", lambda: _png(_many(chunk(b"tEXt", b"k\0v")))),
    "PNG of deflated texts": ("decoded", lambda: _png(_many(_inflating(b"zTXt")))),
    "PNG of profiles": ("decoded", lambda: _png(_many(_inflating(b"iCCP")))),
    "PNG of one column": ("ImageTooLarge", lambda: encode(Image.new("1", (1, 2_000_000)), "PNG")),
    "PNG with millions in EXIF": ("decoded", lambda: _png(chunk(b"eXIf", _rationals()))),
    "JPEG of empty segments": ("InvalidImage", lambda: _jpeg(_many(segment(0xE5, b"")))),
    "JPEG of EXIF blocks": (
        "InvalidImage",
        lambda: _jpeg(_many(segment(0xE1, b"Exif\0\0" + bytes(90)))),
    ),
    "JPEG with millions in EXIF": ("InvalidImage", lambda: _exif_in_segments(_rationals())),
    "JPEG with EXIF over itself": (
        "decoded",
        lambda: _jpeg(
            segment(
                0xE1,
                (b"Exif\0\0" + directory(*((300 + i, 7, 60_000, 8) for i in range(5000))))[:65_500],
            )
        ),
    ),
    "JPEG of padding": ("InvalidImage", lambda: _jpeg(_many(b"\xff"))),
    "JPEG of padding and nothing": ("InvalidImage", lambda: _jpeg(_many(b"\xff"), b"\0")),
    "JPEG of Photoshop blocks": (
        "InvalidImage",
        lambda: _jpeg(_many(segment(0xED, b"Photoshop 3.0\0" + _8BIM * 5400))),
    ),
    "JPEG of frame headers": ("InvalidImage", lambda: _jpeg(_many(_FRAME_OF_MANY))),
    "JPEG of empty scans": ("InvalidImage", lambda: _scans((8000, 4000))),
    "JPEG of hidden scans": ("InvalidImage", _several_baseline_scans),
    "GIF of empty blocks": ("InvalidImage", lambda: _gif(b"!\1", _many(b"\1\0"), b"\0")),
    "GIF of extensions": ("InvalidImage", lambda: _gif(_many(b"!\1\1x\0"))),
    "GIF of a comment": ("InvalidImage", lambda: _gif(b"!\xfe", _many(b"\1c"), b"\0")),
    "GIF with a large frame": ("ImageTooLarge", _large_first_frame),
    "BMP with a long jump": ("ImageTooLarge", lambda: _bmp(50_000_000, 1, b"\0\2\0\xff")),
    "BMP of single pixels": ("InvalidImage", lambda: _bmp(2000, 2000, _many(b"\1\7"))),
    "BMP of empty lines": ("decoded", lambda: _bmp(2000, 2000, b"\1\1\0\0" * 2000)),
    "BMP of half bytes": (
        "decoded",
        lambda: _bmp(2000, 2000, (b"\xfa\x12" * 8 + b"\0\0") * 2000, 2),
    ),
    "BMP of no pixels": ("InvalidImage", lambda: _bmp(1, 10, _many(b"\5\1"))),
    "TIFF of strips": ("InvalidImage", lambda: _tiff(100, 100, rows=1, strips=2_000_000)),
    "TIFF of overlaid strips": (
        "InvalidImage",
        lambda: _tiff(1000, 1001, rows=1000, strips=100_000),
    ),
    "TIFF of tall strips": ("InvalidImage", lambda: _tiff(7000, 7000, rows=6999, strips=400)),
    "TIFF with millions of resolutions": (
        "InvalidImage",
        lambda: _tiff(16, 16, (282, 5, 2_000_000, 400), rows=16, behind=b"\1\0\0\0" * 4_000_000),
    ),
    "TIFF with millions in EXIF": (
        "InvalidImage",
        lambda: _tiff(
            *(16, 16, (34665, 4, 1, 400)),
            rows=16,
            behind=struct.pack("<HHHII", 1, 40_000, 5, 2_000_000, 600).ljust(200, b"\0")
            + b"\1\0\0\0" * 4_000_000,
        ),
    ),
    "TIFF of one value many times": (
        "InvalidImage",
        lambda: directory(*((300 + i, 7, 19_000_000, 8) for i in range(5000))).ljust(LARGEST),
    ),
    "WebP of 268 megapixels": ("ImageTooLarge", lambda: _webp(16384, 16384)),
    "WebP of more than there can be": ("ImageTooLarge", lambda: _webp(65_000, 65_000)),
    "AVIF with a large frame": ("InvalidImage", lambda: _avif(64, 64)),
    "AVIF with a frame of five times": ("InvalidImage", lambda: _avif(7000, 7000)),
}
