"""PNG: what stands beside the pixels decides nothing; transparency, orientation, first frames."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidImage
from tests.hostile.inserts import chunk
from tests.vision.pictures import encode, pixels, quarters, read, stored_turned

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PICTURE = quarters()
PLAIN = encode(PICTURE, "PNG")
HEADER_END = 33
END = len(PLAIN) - 12


def broken(piece: bytes) -> bytes:
    return piece[:-1] + bytes([piece[-1] ^ 1])


def same(data: bytes) -> bool:
    return np.array_equal(pixels(read(data)), np.asarray(PICTURE))


BESIDE = {
    "a text of a bad sum": broken(chunk(b"tEXt", b"Comment\0hello")),
    "a private chunk of a bad sum": broken(chunk(b"prVt", b"hello")),
    "EXIF of a bad sum": broken(chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\0")),
    "transparency of a bad sum": broken(chunk(b"tRNS", bytes(6))),
    "gamma too short": chunk(b"gAMA", b"\0"),
    "colours too short": chunk(b"cHRM", bytes(31)),
    "resolution too short": chunk(b"pHYs", bytes(8)),
    "resolution of nothing": chunk(b"pHYs", b""),
    "time too short": chunk(b"tIME", b"\0"),
    "transparency too short": chunk(b"tRNS", bytes(5)),
    "a profile of an unknown method": chunk(b"iCCP", b"p\0\5" + zlib.compress(bytes(200))),
    "a profile that is not packed": chunk(b"iCCP", b"p\0\0" + bytes(200)),
    "a profile without a name": chunk(b"iCCP", bytes(3)),
    "a large profile": chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(2_200_000))),
    "a large text": chunk(b"zTXt", b"k\0\0" + zlib.compress(b"a" * 3_000_000)),
    "a text of an unknown method": chunk(b"zTXt", b"k\0\7" + zlib.compress(b"a")),
    "an international text that ends early": chunk(b"iTXt", b"k\0\1"),
    "a text that is not UTF-8": chunk(b"iTXt", b"k\0\0\0\0\0\xff\xfe"),
    "an animation of no frames": chunk(b"acTL", bytes(8)),
    "an animation too short": chunk(b"acTL", bytes(2)),
    "a frame of a wrong number": chunk(b"acTL", struct.pack(">II", 2, 0))
    + chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 96, 64, 0, 0, 1, 1, 0, 0)),
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("at", [HEADER_END, END], ids=["in front", "behind"])
def test_what_stands_beside_decides_nothing(name: str, at: int) -> None:
    assert same(PLAIN[:at] + BESIDE[name] + PLAIN[at:])


def test_two_beside_each_other_and_between_the_pixels() -> None:
    both = BESIDE["gamma too short"] + BESIDE["a text of a bad sum"]
    assert same(PLAIN[:HEADER_END] + both + PLAIN[HEADER_END:])
    size = int.from_bytes(PLAIN[HEADER_END : HEADER_END + 4], "big")
    body = PLAIN[HEADER_END + 8 : HEADER_END + 8 + size]
    pieces = chunk(b"IDAT", body[:50]) + both + chunk(b"IDAT", body[50:])
    assert same(PLAIN[:HEADER_END] + pieces + PLAIN[END:])


def test_a_last_chunk_that_is_cut_off() -> None:
    assert same(PLAIN[:END] + chunk(b"tEXt", bytes(500))[:100])


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE"])
def test_critical_chunks_have_to_be_sound(kind: bytes) -> None:
    data = encode(PICTURE.convert("P"), "PNG")
    at = data.index(kind) - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    with pytest.raises(InvalidImage):
        read(data[: end - 1] + bytes([data[end - 1] ^ 1]) + data[end:])


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_exif_behind_the_pixels_turns(orientation: int) -> None:
    data = stored_turned(PICTURE, orientation, "PNG")
    at = data.index(b"eXIf") - 4
    end = at + 12 + int.from_bytes(data[at : at + 4], "big")
    assert same(data)
    assert same(data[:at] + data[end:-12] + data[at:end] + data[-12:])


def test_a_text_in_the_form_of_xmp_turns_nothing() -> None:
    text = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text)
    assert same(PLAIN[:HEADER_END] + packet + PLAIN[HEADER_END:])


def png(depth: int, colour: int, rows: bytes, size: tuple[int, int], *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, 0)
    return b"".join(
        [
            SIGNATURE,
            chunk(b"IHDR", header),
            *more,
            chunk(b"IDAT", zlib.compress(rows)),
            chunk(b"IEND", b""),
        ]
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_level_of_gray_that_is_transparent(depth: int) -> None:
    """It is over white; every other level stays."""
    most = (1 << depth) - 1
    levels = sorted({0, most // 3, most // 2, most})
    for level in levels:
        values = np.array(levels * 8, dtype=np.uint16)
        if depth == 16:
            row = values.astype(">u2").tobytes()
        else:
            bits = np.unpackbits(values.astype(np.uint8)[:, None], axis=1)[:, -depth:]
            row = np.packbits(bits).tobytes()
        data = png(
            depth, 0, b"\0" + row, (len(values), 1), chunk(b"tRNS", struct.pack(">H", level))
        )
        expected = np.where(values == level, 255, values * (255 / most))
        assert np.abs(pixels(read(data))[0, :, 0] - expected).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_a_colour_that_is_transparent(depth: int) -> None:
    most = (1 << depth) - 1
    colours = [(0, 0, 0), (most, 0, most // 2), (most // 3, most, 0)]
    for colour in colours:
        kind = ">u2" if depth == 16 else "u1"
        row = np.array(colours, dtype=np.uint16).astype(kind).tobytes()
        data = png(depth, 2, b"\0" + row, (3, 1), chunk(b"tRNS", struct.pack(">3H", *colour)))
        expected = [
            [255] * 3 if each == colour else [v * 255 / most for v in each] for each in colours
        ]
        assert np.abs(pixels(read(data))[0] - np.array(expected)).max() <= 1


def animation(frame: Image.Image, place: tuple[int, int], *, default_is_frame: bool) -> bytes:
    """PLAIN is the picture of the file, ``frame`` the next one, in two pieces."""
    packed = encode(frame, "PNG")
    start = packed.index(b"IDAT") + 4
    body = packed[start : start + int.from_bytes(packed[start - 8 : start - 4], "big")]
    numbers = itertools.count()

    def control(size: tuple[int, int], at: tuple[int, int]) -> bytes:
        fields = (next(numbers), *size, *at, 1, 10, 0, 0)
        return chunk(b"fcTL", struct.pack(">IIIIIHHBB", *fields))

    first = control(PICTURE.size, (0, 0)) if default_is_frame else b""
    pieces = [control(frame.size, place)]
    pieces.extend(
        chunk(b"fdAT", struct.pack(">I", next(numbers)) + part) for part in (body[:30], body[30:])
    )
    pieces += [control(frame.size, place), chunk(b"fdAT", struct.pack(">I", next(numbers)) + body)]
    return b"".join(
        [
            PLAIN[:HEADER_END],
            chunk(b"acTL", struct.pack(">II", 2, 0)),
            first,
            PLAIN[HEADER_END:END],
            *pieces,
            PLAIN[END:],
        ]
    )


def test_the_first_frame_of_an_animation() -> None:
    other = PICTURE.transpose(Image.Transpose.ROTATE_180)
    assert same(animation(other, (0, 0), default_is_frame=True))
    shown = pixels(read(animation(other, (0, 0), default_is_frame=False)))
    assert np.array_equal(shown, np.asarray(other))


def test_a_first_frame_that_is_smaller_is_over_white() -> None:
    part = PICTURE.crop((20, 20, 70, 50))
    expected = Image.new("RGB", PICTURE.size, (255, 255, 255))
    expected.paste(part, (10, 5))
    shown = pixels(read(animation(part, (10, 5), default_is_frame=False)))
    assert np.array_equal(shown, np.asarray(expected))


def test_a_first_frame_with_a_palette_is_over_white() -> None:
    colours = (10, 20, 30, 40, 50, 60)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 3, 0, 0, 0))
    control = struct.pack(">IIIIIHHBB", 0, 2, 2, 3, 4, 1, 10, 0, 0)
    data = b"".join(
        [
            SIGNATURE,
            header,
            chunk(b"acTL", struct.pack(">II", 1, 0)),
            chunk(b"PLTE", bytes(colours)),
            chunk(b"IDAT", zlib.compress(bytes(9 * 8))),
            chunk(b"fcTL", control),
            chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress(b"\0\1\1" * 2)),
            chunk(b"IEND", b""),
        ]
    )
    expected = np.full((8, 8, 3), 255, np.uint8)
    expected[4:6, 3:5] = colours[3:]
    assert np.array_equal(pixels(read(data)), expected)


def test_a_frame_outside_the_picture_leaves_the_picture_of_the_file() -> None:
    assert same(animation(PICTURE, (1, 0), default_is_frame=False))
