"""Files that are made to cost more than they seem, of each kind at several sizes, each measured.

The rule: two seconds of one core, or 1.5 times what an honest photo of the same format and pixel
count takes; and no more memory than is set aside for the pixels, at most 250 MB.
"""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageTooLarge, SpotterError
from app.service.memory_shares import MOST_DECODING_BYTES
from app.vision.detections import Options
from app.vision.detector import Detector
from app.vision.draw import detect_and_draw
from app.vision.images.memory import DecodingBudget
from app.vision.images.reader import ImageReader
from app.vision.turns import at_once
from tests.hostile.inserts import chunk, riff, segment
from tests.hostile.kinds import LARGEST
from tests.server import REPOSITORY
from tests.vision.pictures import at_most, encode
from tests.vision.tiff import LONG, SHORT, UNDEFINED, tiff

MOST_SECONDS = 2.0
MOST_MEMORY = 250_000_000
_JPEG, _DEFLATE, _LZMA = 7, 8, 34925

MEASURE = r"""
import json, re, sys, time
from pathlib import Path
from app.errors import SpotterError
from app.service.memory_shares import MOST_DECODING_BYTES
from app.vision.images.memory import DecodingBudget
from app.vision.detector import Detector
from app.vision.draw import LONGEST_SIDE
from app.vision.images.reader import ImageReader
from tests.vision.pictures import at_most, encode, quarters

def status(key):
    text = Path("/proc/self/status").read_text()
    return int(re.search(key + r":\s+(\d+)", text)[1]) * 1024

reader = ImageReader(50_000_000, DecodingBudget(MOST_DECODING_BYTES))
for form in ("JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"):
    reader.read(encode(quarters(), form), at_most(640))
for path in sys.argv[1:]:
    data = Path(path).read_bytes()
    idle = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began = time.process_time()
    outcome = "decoded"
    try:
        Detector(None, reader).check_picture(data, LONGEST_SIDE)
        reader.read(data, at_most(640))
        with Detector(None, reader).picture(data, LONGEST_SIDE):
            pass
    except SpotterError as error:
        outcome = error.code
    seconds = time.process_time() - began
    print(json.dumps([outcome, seconds, status("VmHWM") - idle]))
"""


def cost(folder: Path, *files: bytes) -> list[tuple[str, float, int]]:
    """What came of each file, processor seconds and bytes over idle, in a process of their own.

    Where a file seems to be above the rule, all are measured again, and the smaller figures count:
    the machine may be busy.
    """
    found = _cost_once(folder, *files)
    if all(seconds < MOST_SECONDS and memory < MOST_MEMORY for _, seconds, memory in found):
        return found
    return [
        (outcome, min(first, second), min(memory, other))
        for (outcome, first, memory), (_, second, other) in zip(
            found, _cost_once(folder, *files), strict=True
        )
    ]


def _cost_once(folder: Path, *files: bytes) -> list[tuple[str, float, int]]:
    paths = [folder / str(index) for index in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(*json.loads(line),) for line in done.stdout.splitlines()]


def _deflated(size: int) -> bytes:
    return zlib.compress(bytes(size), 9)


def _shared_strips(side: int, compression: int) -> bytes:
    """All strips at the same bytes."""
    body = _deflated(side * 8 * 16)
    return tiff(
        (side, side),
        [body],
        rows=16,
        compression=compression,
        bits=(16,) * 4,
        places=[(8, len(body))] * (side // 16),
    )


def _overlapping_strips(side: int) -> bytes:
    """Each begins two bytes behind the one before."""
    body = _deflated(side * 3 * 16)
    count = side // 16
    places = [(8 + 2 * index, len(body)) for index in range(count)]
    return tiff(
        (side, side), [body + bytes(2 * count)], rows=16, compression=_DEFLATE, places=places
    )


def _scans(size: tuple[int, int], count: int) -> bytes:
    """Each scan goes over all coefficients of all blocks, in next to no bytes."""
    plain = bytearray(encode(Image.new("L", (16, 16)), "JPEG", progressive=True))
    at = plain.index(b"\xff\xc2") + 5
    plain[at : at + 4] = struct.pack(">HH", size[1], size[0])
    runs = segment(0xC4, b"\x10\1" + bytes(15) + b"\xe0")  # of 16,384 blocks
    blocks = size[0] * size[1] // 64
    scan = segment(0xDA, b"\1\1\0\1\x3f\x10") + bytes(2 + 2 * blocks // 16384)
    return bytes(plain[:-2]) + runs + scan * count + b"\xff\xd9"


def _scans_in_tiff(rows: int, strips: int, count: int) -> bytes:
    pieces = [_scans((2048, rows), count)] * strips
    return tiff(
        (2048, rows * strips),
        pieces,
        rows=rows,
        compression=_JPEG,
        photometric=1,
        bits=(8,),
    )


def _deep_tiles(width: int, depth: int) -> bytes:
    tile = _deflated(16 * depth * 3)
    return tiff((width, 1), [tile] * (width // 16), tile=(16, depth), compression=_DEFLATE)


def _behind_scan(piece: bytes, size: int, *, progressive: bool) -> bytes:
    plain = encode(Image.new("RGB", (64, 64), "red"), "JPEG", progressive=progressive)
    return plain[:-2] + piece * (size // len(piece)) + plain[-2:]


def _in_front(piece: bytes, size: int) -> bytes:
    plain = encode(Image.new("RGB", (64, 64), "red"), "JPEG")
    return plain[:2] + piece * (size // len(piece)) + plain[2:]


def _jpeg_in_tiff(front: bytes = b"", tags: dict[int, Any] | None = None) -> bytes:
    plain = encode(Image.new("RGB", (64, 64)), "JPEG")
    piece = plain[:2] + front + plain[2:]
    return tiff((64, 64), [piece], compression=_JPEG, photometric=6, tags=tags)


def _texts(kind: bytes, count: int, letter: str) -> bytes:
    plain = encode(Image.new("RGB", (16, 16)), "PNG")
    text = ("a" * 900_000 + letter).encode()
    head = b"k\0\0" if kind == b"zTXt" else b"k\0\1\0\0\0"
    return plain[:33] + chunk(kind, head + zlib.compress(text, 9)) * count + plain[33:]


def _webp(body: bytes, flags: int = 0) -> bytes:
    picture = encode(Image.new("RGB", (16, 16)), "WEBP")[12:]
    extended = riff(b"VP8X", bytes([flags, 0, 0, 0]) + b"\x0f\0\0\x0f\0\0")
    whole = b"WEBP" + extended + body + picture
    return riff(b"RIFF", whole)


REFUSED = ("InvalidImage",)
MARKERS = {
    "comments": b"\xff\xfe\0\2",
    "reserved": b"\xff\1",
    "fill": b"\xff",
    "tables": b"\xff\xc4\0\2",
    "application data": b"\xff\xe1\0\2",
    "scans": segment(0xDA, b"\1\1\0\0\0\0"),
}

# What may come of it, and the file.
KINDS: dict[str, tuple[tuple[str, ...], Callable[[], bytes]]] = {
    **{
        f"TIFF, shared strips, {side}": (
            REFUSED,
            partial(_shared_strips, side, _DEFLATE),
        )
        for side in (256, 2000, 4800)
    },
    **{
        f"TIFF, strips that overlap, {side}": (
            REFUSED,
            partial(_overlapping_strips, side),
        )
        for side in (256, 2000, 6400)
    },
    "TIFF, raw strips that are shared": (
        REFUSED,
        lambda: tiff((6000, 6000), [bytes(6000 * 1800)], rows=600, places=[(8, 10_800_000)] * 10),
    ),
    "TIFF, LZMA": (("InvalidImageFormat",), lambda: _shared_strips(4800, _LZMA)),
    **{
        f"TIFF, {count} scans in {strips} strips": (
            REFUSED,
            partial(_scans_in_tiff, rows, strips, count),
        )
        for rows, strips, count in ((2048, 5, 95), (128, 90, 95), (16, 100, 3000))
    },
    "TIFF, JPEG of comments": (REFUSED, lambda: _jpeg_in_tiff(b"\xff\xfe\0\2" * 4_500_000)),
    "TIFF, JPEG tables of comments": (
        REFUSED,
        lambda: _jpeg_in_tiff(
            tags={347: (UNDEFINED, b"\xff\xd8" + b"\xff\xfe\0\2" * 4_500_000 + b"\xff\xd9")}
        ),
    ),
    **{
        f"TIFF, tiles 16 x {depth} of a row of {width}": (
            ("ImageTooLarge",),
            partial(_deep_tiles, width, depth),
        )
        for width, depth in ((32_000, 2000), (480_000, 10_000))
    },
    "TIFF, tiles larger than pictures, of one row a strip": (
        ("decoded",),
        lambda: tiff(
            (2048, 2048),
            [_deflated(2048 * 2048 * 3)],
            tile=(2048, 2048),
            compression=_DEFLATE,
            photometric=6,
            tags={278: (LONG, [1]), 530: (SHORT, [1, 1])},
        ),
    ),
    "TIFF, many fields": (
        REFUSED,
        lambda: tiff(
            (64, 64),
            [_deflated(64 * 64 * 3)],
            compression=_DEFLATE,
            tags={1000 + 3 * index: (LONG, [1]) for index in range(4000)},
        ),
    ),
    "TIFF, a large field": (
        ("decoded",),
        lambda: tiff((64, 64), [bytes(64 * 64 * 3)], tags={37724: (UNDEFINED, bytes(18_000_000))}),
    ),
    **{
        f"JPEG, {count} scans of {size[0]} x {size[1]}": (
            REFUSED,
            partial(_scans, size, count),
        )
        for size, count in (((8000, 6000), 40), ((4000, 4000), 100), ((16, 16), 400_000))
    },
    **{
        f"JPEG, {name} in front, {size}": (
            REFUSED,
            partial(_in_front, piece, size),
        )
        for name, piece in MARKERS.items()
        if name != "scans"
        for size in (1_000_000, 19_000_000)
    },
    **{
        f"JPEG, {name} between scans, {size}": (
            REFUSED,
            partial(_behind_scan, piece, size, progressive=True),
        )
        for name, piece in MARKERS.items()
        for size in (1_000_000, 19_000_000)
    },
    "JPEG, fill in its only scan": (
        REFUSED,
        lambda: _behind_scan(b"\xff", 19_000_000, progressive=False),
    ),
    "JPEG, markers behind its only scan": (
        ("decoded",),
        lambda: _behind_scan(b"\xff\xfe\0\2", 19_000_000, progressive=False),
    ),
    "PNG, texts with an emoji": (("decoded",), lambda: _texts(b"iTXt", 60, "\N{GRINNING FACE}")),
    "PNG, texts": (("decoded",), lambda: _texts(b"zTXt", 60, "a")),
    "WebP of chunks": (REFUSED, lambda: _webp(riff(b"junk", b"") * 2_400_000)),
    "WebP with a large profile": (
        ("decoded",),
        lambda: _webp(riff(b"ICCP", bytes(18_000_000)), 32),
    ),
}


@pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="only Linux can forget a process's peak"
)
@pytest.mark.parametrize("name", KINDS)
def test_no_file_costs_more_than_the_rule_allows(name: str, tmp_path: Path) -> None:
    expected, make = KINDS[name]
    data = make()
    assert len(data) <= LARGEST
    ((outcome, seconds, memory),) = cost(tmp_path, data)
    assert outcome in expected
    assert seconds < MOST_SECONDS
    assert memory < MOST_MEMORY


@pytest.mark.parametrize(
    "name", [name for name, (outcome, _) in KINDS.items() if "decoded" not in outcome]
)
def test_what_is_refused_is_refused_before_it_is_decoded(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (code,), make = KINDS[name]
    data = make()
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    reader = ImageReader(50_000_000, DecodingBudget(MOST_DECODING_BYTES))
    with pytest.raises(SpotterError) as refused:
        reader.check(data, at_most(640))
    assert refused.value.code == code


def test_files_that_a_review_found(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "attacks").glob("tiff_*"))
    found = cost(tmp_path, *(path.read_bytes() for path in paths))
    assert {path.name: outcome for path, (outcome, _, _) in zip(paths, found, strict=True)} == {
        "tiff_deflate_shared.tif": "InvalidImage",
        "tiff_jpeg_scans.tif": "InvalidImage",
        "tiff_lzma_shared.tif": "InvalidImageFormat",
    }
    assert max(seconds for _, seconds, _ in found) < MOST_SECONDS
    assert max(memory for _, _, memory in found) < MOST_MEMORY


def test_a_picture_too_large_to_draw_on_is_refused_before_it_is_searched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (1024, 1024, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), "JPEG")
    detector = Detector(None, ImageReader(2_000_000, DecodingBudget(3_000_000)))  # type: ignore[arg-type]
    monkeypatch.setattr(detector, "turns", lambda *_: pytest.fail("searched"))
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(ImageTooLarge, match="set aside"):
        at_once(detect_and_draw(detector, data, Options(), "JPEG"))
