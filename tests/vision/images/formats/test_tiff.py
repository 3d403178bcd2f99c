"""TIFF files that honest programs write are read, in every layout; others are refused by name."""

import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidImage, InvalidImageFormat
from app.vision.images.formats.tiff import jpeg_bytes
from tests.vision.pictures import encode, pixels, quarters, read, reserved_bytes
from tests.vision.tiff import LONG, LONG8, SHORT, UNDEFINED, Entry, tiff

SIZE = (100, 70)
PICTURE = quarters(*SIZE)
COMPRESSIONS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd")


def same(data: bytes, most: int = 0) -> bool:
    return bool(np.abs(pixels(read(data)) - np.asarray(PICTURE)).max() <= most)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("rows", [1, 7, 64, 70])
def test_strips(compression: str, rows: int) -> None:
    info: dict[int, Any] = {278: rows}
    assert same(encode(PICTURE, "TIFF", compression=compression, tiffinfo=info))


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_facsimile(compression: str) -> None:
    data = encode(PICTURE.convert("1"), "TIFF", compression=compression, tiffinfo={278: 7})
    expected = np.asarray(PICTURE.convert("1").convert("RGB"))
    assert np.array_equal(pixels(read(data)), expected)


@pytest.mark.parametrize("rows", [8, 16, 70])
def test_jpegs_as_strips(rows: int) -> None:
    data = encode(PICTURE, "TIFF", compression="jpeg", quality=98, tiffinfo={278: rows})
    assert np.percentile(np.abs(pixels(read(data)) - np.asarray(PICTURE)), 90) <= 6


def test_progressive_jpegs_as_strips_count_as_they_are_held() -> None:
    strips = [
        encode(PICTURE.crop((0, top, 100, top + 32)), "JPEG", progressive=True, subsampling=0)
        for top in (0, 32)
    ]
    data = tiff((100, 64), strips, rows=32, compression=7, photometric=6)
    assert read(data).size == (100, 64)
    image = Image.open(io.BytesIO(data))
    assert jpeg_bytes(image, data) == 13 * 4 * 3 * 128
    assert reserved_bytes(image, data, image.size, 1) >= 13 * 4 * 3 * 128 + 100 * 64 * 4
    plain = tiff(
        (100, 64),
        [encode(PICTURE.crop((0, 0, 100, 32)), "JPEG", subsampling=0)] * 2,
        rows=32,
        compression=7,
        photometric=6,
    )
    assert jpeg_bytes(Image.open(io.BytesIO(plain)), plain) == 0


def tiles(side: int) -> list[bytes]:
    canvas = Image.new("RGB", (-(-SIZE[0] // side) * side, -(-SIZE[1] // side) * side))
    canvas.paste(PICTURE)
    return [
        canvas.crop((x, y, x + side, y + side)).tobytes()
        for y in range(0, canvas.height, side)
        for x in range(0, canvas.width, side)
    ]


@pytest.mark.parametrize("side", [16, 64, 256, 1024])
@pytest.mark.parametrize("compression", [1, 8, 32946])
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("order", ["<", ">"])
def test_tiles(side: int, compression: int, big: bool, order: str) -> None:
    pieces = [body if compression == 1 else zlib.compress(body) for body in tiles(side)]
    data = tiff(SIZE, pieces, tile=(side, side), compression=compression, big=big, order=order)
    if big and order == ">":
        with pytest.raises(InvalidImage, match="big-endian"):
            read(data)
    else:
        assert same(data)


@pytest.mark.parametrize("compression", [1, 8])
def test_planes(compression: int) -> None:
    bands = [band.tobytes() for band in PICTURE.split()]
    pieces = [body if compression == 1 else zlib.compress(body) for body in bands]
    assert same(tiff(SIZE, pieces, compression=compression, tags={284: (SHORT, [2])}))


def test_sixteen_bits_and_a_predictor() -> None:
    deep = np.asarray(PICTURE).astype("<u2") * 257
    opaque = np.full((*deep.shape[:2], 1), 65535, dtype="<u2")
    body = zlib.compress(np.concatenate([deep, opaque], axis=2).tobytes())
    assert same(tiff(SIZE, [body], compression=8, bits=(16,) * 4, tags={338: (SHORT, [2])}))
    steps = np.diff(np.asarray(PICTURE), axis=1, prepend=np.uint8(0))
    predicted = zlib.compress(steps.tobytes())
    assert same(tiff(SIZE, [predicted], compression=8, tags={317: (SHORT, [2])}))


def test_a_single_strip_may_have_no_length() -> None:
    body = zlib.compress(PICTURE.tobytes())
    data = tiff(SIZE, [body], compression=8, places=[(8, 0)])
    assert same(data)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (6, "old-style JPEG"),
        (34925, "LZMA"),
        (50001, "WebP"),
        (34661, "JBIG"),
        (34676, "SGI Log"),
        (32809, "ThunderScan"),
        (34887, "LERC"),
        (4711, "number 4711"),
    ],
)
@pytest.mark.parametrize("big", [False, True])
def test_a_compression_that_is_not_read_is_named(number: int, name: str, big: bool) -> None:
    with pytest.raises(InvalidImageFormat, match=f"compressed with {name},"):
        read(tiff(SIZE, [bytes(99)], compression=number, big=big))


def test_lzma_is_named_as_pillow_writes_it() -> None:
    with pytest.raises(InvalidImageFormat, match="LZMA"):
        read(encode(PICTURE, "TIFF", compression="lzma"))


BODY = zlib.compress(PICTURE.tobytes())
BENT: dict[str, dict[int, Entry]] = {
    "a compression that only one reader takes": {259: (17, bytes(8))},
    "a compression as a long number": {259: (LONG, [8])},
    "a width of an odd type": {256: (9, bytes([100, 0, 0, 0]))},
    "strips and tiles": {324: (LONG, [8]), 325: (LONG, [9])},
    "more lengths than strips": {279: (LONG, [9, 9])},
    "tiles without a valid size": {322: (LONG, [0]), 323: (LONG, [16])},
    "tiles of no length": {322: (LONG, [16])},
    "a length behind the end": {279: (LONG, [1 << 30])},
}


@pytest.mark.parametrize("name", BENT)
def test_a_layout_that_can_be_read_in_two_ways(name: str) -> None:
    with pytest.raises(InvalidImage):
        read(tiff(SIZE, [BODY], compression=8, tags=BENT[name]))


def test_a_field_given_twice() -> None:
    data = bytearray(tiff(SIZE, [BODY], compression=8, tags={260: (SHORT, [34925])}))
    at = data.index(b"\4\1\3\0", 8 + len(BODY))
    data[at : at + 2] = b"\3\1"
    with pytest.raises(InvalidImage, match="259 twice"):
        read(bytes(data))


def test_long_numbers_are_numbers() -> None:
    assert same(tiff(SIZE, [BODY], compression=8, big=True, tags={256: (LONG8, [100])}))


@pytest.mark.filterwarnings("ignore:Metadata Warning")
def test_a_compression_given_for_each_sample() -> None:
    assert same(tiff(SIZE, [BODY], compression=8, tags={259: (SHORT, [8, 8, 8])}))
    with pytest.raises(InvalidImageFormat, match="LZMA"):
        read(tiff(SIZE, [BODY], compression=8, tags={259: (SHORT, [34925] * 3)}))


def test_metadata_of_a_photo() -> None:
    tags: dict[int, Entry] = {
        700: (1, b"<x:xmpmeta/>" * 1000),
        34675: (UNDEFINED, bytes(500_000)),
        34377: (1, bytes(200_000)),
    }
    assert same(tiff(SIZE, [BODY], compression=8, tags=tags))


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_a_directory_that_ends_early(cut: int) -> None:
    data = tiff(SIZE, [BODY], compression=8)
    with pytest.raises(InvalidImage):
        read(data[: len(data) - 60 - cut])


def test_pages_that_point_at_each_other() -> None:
    data = bytearray(encode(PICTURE, "TIFF", save_all=True, append_images=[PICTURE]))
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    following = first + 2 + 12 * count
    data[following : following + 4] = first.to_bytes(4, "little")
    assert same(bytes(data))
