"""Bytes to upright pixels: formats, orientations, limits, scaled decoding."""

import csv
import struct
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features
from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat, SpotterError
from app.vision.images import jpeg_pixels
from app.vision.images.formats import record
from app.vision.images.jpeg_header import Header
from app.vision.images.memory import Size
from tests.vision.pictures import (
    STORED,
    at_most,
    encode,
    full_size,
    pixels,
    quarters,
    read,
    stored_turned,
)

CARRIES_EXIF: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "AVIF": {"quality": 95},
}


def test_every_awkward_file_answers_as_expected(shared: Path, without_heif: None) -> None:
    with (shared / "images" / "expected.tsv").open() as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    assert len(rows) > 70
    wrong = {}
    for row in rows:
        data = (shared / "images" / row["file"]).read_bytes()
        expected = (row["status"], row["width"] or "", row["height"] or "")
        try:
            picture = read(data, at_most(640))
            found = ("200", str(picture.size[0]), str(picture.size[1]))
            proportions = picture.rgb.width / picture.rgb.height
            assert proportions == pytest.approx(picture.size[0] / picture.size[1], rel=0.02)
        except SpotterError as error:
            found = (str(error.status), "", "")
        if found != expected:
            wrong[row["file"]] = (found, expected)
    assert wrong == {}


@pytest.mark.parametrize("form", CARRIES_EXIF)
@pytest.mark.parametrize("orientation", STORED)
def test_every_orientation_comes_out_upright(form: str, orientation: int) -> None:
    assert form != "AVIF" or features.check("avif")
    data = stored_turned(quarters(), orientation, form, **CARRIES_EXIF[form])
    picture = read(data)
    assert picture.size == picture.rgb.size == (96, 64)
    off = np.abs(pixels(picture) - np.asarray(quarters()))
    # Lossy formats ring along the edges between the quarters.
    assert np.percentile(off, 90) <= (0 if form in ("PNG", "WEBP", "TIFF") else 4)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6, 7])
def test_turned_pictures_that_are_reduced_cover_the_target_upright(
    form: str, orientation: int
) -> None:
    picture = read(stored_turned(quarters(800, 400), orientation, form), at_most(100))
    assert picture.size == (800, 400)
    assert picture.rgb.size == (100, 50)
    assert picture.rgb.getpixel((10, 10)) == pytest.approx((255, 0, 0), abs=6)
    assert picture.rgb.getpixel((90, 40)) == pytest.approx((255, 255, 0), abs=6)


def test_the_exif_block_of_a_png_may_stand_behind_its_pixels() -> None:
    data = stored_turned(quarters(), 6, "PNG")
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    moved = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert moved.index(b"IDAT") < moved.index(b"eXIf")
    picture = read(moved)
    assert picture.size == (96, 64)
    assert np.array_equal(pixels(picture), np.asarray(quarters()))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_changes_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    picture = read(encode(quarters(), "PNG", exif=exif))
    assert np.array_equal(pixels(picture), np.asarray(quarters()))


@pytest.mark.parametrize(
    ("longest", "scale"), [(800, 1), (401, 1), (400, 2), (201, 2), (200, 4), (101, 4), (100, 8)]
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_jpegs_are_decoded_at_the_smallest_scale_that_covers(
    longest: int, scale: int, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[Size] = []

    load = jpeg_pixels.load

    def spy(image: ImageFile, header: Header) -> None:
        load(image, header)
        decoded.append(image.size)

    monkeypatch.setattr(jpeg_pixels, "load", spy)
    picture = read(stored_turned(quarters(800, 600), orientation, "JPEG"), at_most(longest))
    expected = (800 // scale, 600 // scale)
    assert decoded == [expected if orientation == 1 else expected[::-1]]
    assert picture.rgb.size == expected
    assert picture.size == (800, 600)


def test_what_has_no_scales_is_reduced_by_whole_factors() -> None:
    for form in ("PNG", "BMP", "WEBP", "GIF", "TIFF"):
        assert read(encode(quarters(803, 601), form), at_most(150)).rgb.size == (161, 121)


def declared_png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def declared_jpeg(side: int) -> bytes:
    data = bytearray(encode(Image.new("RGB", (16, 16)), "JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", side, side)
    return bytes(data)


@pytest.mark.parametrize("data", [declared_jpeg(65500), declared_png(50_000, 50_000)])
def test_the_pixel_limit_is_checked_before_anything_is_decoded(data: bytes) -> None:
    began = time.process_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
        with pytest.raises(ImageTooLarge, match="50000000"):
            read(data)
    assert time.process_time() - began < 0.5


def test_the_pixel_limit_itself_is_allowed() -> None:
    data = encode(quarters(100, 50), "PNG")
    assert read(data, max_pixels=5000).size == (100, 50)
    with pytest.raises(ImageTooLarge, match="100 x 50"):
        read(data, max_pixels=4999)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"])
def test_truncated_files_are_invalid(form: str) -> None:
    noise = np.random.default_rng(3).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(Image.fromarray(noise), form)
    for part in (0.2, 0.6, 0.9):
        with pytest.raises(InvalidImage):
            read(data[: int(len(data) * part)])


@pytest.mark.parametrize("form", ["PPM", "ICO", "TGA", "PCX"])
def test_formats_that_are_not_allowed_are_refused_though_pillow_knows_them(form: str) -> None:
    with pytest.raises(InvalidImageFormat, match="JPEG, PNG"):
        read(encode(quarters(), form))


def test_an_empty_file_says_that_it_is_empty() -> None:
    with pytest.raises(InvalidImageFormat, match="0 bytes"):
        read(b"")


@pytest.fixture
def without_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "find_spec", lambda _: None)


def test_heic_without_the_extra_says_what_would_do(shared: Path, without_heif: None) -> None:
    with pytest.raises(InvalidImageFormat, match=r"HEIC.*'heif'"):
        read((shared / "images" / "photo.heic").read_bytes())


@pytest.fixture
def with_heif(monkeypatch: pytest.MonkeyPatch) -> None:
    """``make install-test`` keeps the extra in a folder of its own."""
    monkeypatch.syspath_prepend(Path(sys.prefix) / "heif")


def test_heic_with_the_extra_is_read(shared: Path, with_heif: None) -> None:
    data = (shared / "images" / "photo.heic").read_bytes()
    picture = read(data, at_most(640))
    assert picture.size == (1280, 854)
    assert picture.rgb.size == (640, 427)
    with pytest.raises(InvalidImage):
        read(data[: len(data) // 20])


def test_only_the_first_picture_of_an_animation_is_read() -> None:
    first, second = quarters(), Image.new("RGB", (96, 64))
    for form in ("GIF", "WEBP", "PNG", "TIFF"):
        options = {"lossless": True} if form == "WEBP" else {}
        data = encode(first, form, save_all=True, append_images=[second], **options)
        assert np.array_equal(pixels(read(data, full_size)), np.asarray(first)), form
