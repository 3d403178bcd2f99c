"""JPEG: complete if every pixel is there; application segments decide nothing but EXIF's turn."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from app.errors import InvalidImage, InvalidImageFormat
from tests.hostile.inserts import segment
from tests.vision.pictures import at_most, encode, pixels, quarters, read, stored_turned

END = b"\xff\xd9"
KINDS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "optimised": {"optimize": True},
    "progressive": {"progressive": True},
    "no subsampling": {"subsampling": 0},
    "restarts": {"restart_marker_blocks": 4},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 1},
}


def photo(width: int, height: int, mode: str) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 17), np.cos(y / 13), np.sin((x + y) / 40)], axis=2) * 90 + 120
    noise = np.random.default_rng(3).normal(0, 9, waves.shape)
    return Image.fromarray((waves + noise).clip(0, 255).astype(np.uint8)).convert(mode)


PICTURES = {
    "photo": photo(640, 480, "RGB"),
    "gray photo": photo(333, 217, "L"),
    "CMYK": photo(200, 100, "CMYK"),
    "black": Image.new("RGB", (300, 200)),
    "mid-gray": Image.new("RGB", (300, 200), (128, 128, 128)),
    "white": Image.new("L", (300, 200), 255),
    "one block": photo(16, 16, "RGB"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("longest", [1000, 50])
def test_every_pixel_is_there_without_an_end_marker(kind: str, name: str, longest: int) -> None:
    data = encode(PICTURES[name], "JPEG", quality=90, **KINDS[kind])
    assert data.endswith(END)
    whole = pixels(read(data, at_most(longest)))
    if longest == 1000:
        as_pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(np.int16)
        assert np.array_equal(whole, as_pillow)
    for other in (data[:-2], data + b"behind", data[:-2] + b"\xff" * 40 + END):
        assert np.array_equal(pixels(read(other, at_most(longest))), whole)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["photo", "gray photo", "CMYK", "mid-gray"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(
    "end", [b"", END, END + bytes(100), b"\xff" * 9 + END, END + bytes(99_000) + END]
)
def test_an_end_marker_makes_no_half_picture_whole(
    kind: str, name: str, share: float, end: bytes
) -> None:
    data = encode(PICTURES[name], "JPEG", quality=90, **KINDS[kind])
    start = data.index(b"\xff\xda") + 14
    cut = start + int((len(data) - start) * share)
    with pytest.raises(InvalidImage, match="truncated"):
        read(data[:cut] + end)


def test_a_file_that_ends_within_a_marker() -> None:
    with pytest.raises(InvalidImage, match="truncated"):
        read(encode(PICTURES["photo"], "JPEG")[:-1])


PLAIN = encode(quarters(), "JPEG", quality=95, subsampling=0)
SEGMENTS = {
    "a short Adobe segment": segment(0xEE, b"Adobe"),
    "an Adobe segment that ends early": segment(0xEE, b"Adobe\0\x64\0\0"),
    "an Adobe segment of another program": segment(0xEE, b"Ad"),
    "a short JFIF segment": segment(0xE0, b"JFIF\0"),
    "a short Photoshop segment": segment(0xED, b"Photoshop 3.0\x008BIM\4"),
    "a profile that ends early": segment(0xE2, b"ICC_PROFILE\0\1"),
    "pictures that are not there": segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
    "FlashPix": segment(0xE2, b"FPXR\0"),
    "broken EXIF": segment(0xE1, b"Exif\0\0MM\0*\0\0\xff\xff"),
    "a comment": segment(0xFE, bytes(300)),
    "empty segments": segment(0xE5, b"") * 20,
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_an_odd_application_segment_decides_nothing(name: str) -> None:
    expected = pixels(read(PLAIN))
    for at in (2, PLAIN.index(b"\xff\xdb"), PLAIN.index(b"\xff\xda")):
        data = PLAIN[:at] + SEGMENTS[name] + PLAIN[at:]
        assert np.array_equal(pixels(read(data)), expected)


def test_junk_between_segments() -> None:
    at = PLAIN.index(b"\xff\xdb")
    assert read(PLAIN[:at] + b"\1\2\3junk" + PLAIN[at:]).size == (96, 64)


def exif_turned(prefix: bytes) -> bytes:
    data = stored_turned(quarters(), 6, "JPEG", quality=95, subsampling=0)
    assert b"Exif\0\0" in data
    return data.replace(b"Exif\0\0", prefix, 1)


@pytest.mark.parametrize("padding", [b"\0", b"\xff", b"\1"])
def test_exif_may_be_padded_with_any_byte(padding: bytes) -> None:
    shown = pixels(read(exif_turned(b"Exif\0" + padding)))
    assert np.abs(shown - np.asarray(quarters())).mean() < 4


def test_xmp_turns_nothing() -> None:
    packet = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    assert read(PLAIN[:2] + segment(0xE1, packet) + PLAIN[2:]).size == (96, 64)


def test_exif_behind_the_tables_turns() -> None:
    data = exif_turned(b"Exif\0\0")
    start = data.index(b"\xff\xe1")
    end = start + 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    scan = data.index(b"\xff\xda", end)
    assert read(data[:start] + data[end:scan] + data[start:end] + data[scan:]).size == (96, 64)
    assert read(data[:start] + data[end:]).size == (64, 96)


@pytest.mark.parametrize(
    ("marker", "bits", "name"),
    [
        (0xC0, 12, "a JPEG of 12 bits"),
        (0xC3, 16, "a JPEG of 16 bits"),
        (0xC5, 8, "a hierarchical JPEG"),
    ],
)
def test_kinds_that_are_not_read_are_named(marker: int, bits: int, name: str) -> None:
    data = bytearray(PLAIN)
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, bits
    with pytest.raises(InvalidImageFormat, match=name):
        read(bytes(data))
