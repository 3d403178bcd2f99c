"""GIF: what is known of a file before Pillow opens it."""

import struct

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images.formats import gif
from tests.vision.pictures import READER, encode, pixels, quarters, read

MAX_PIXELS = 50_000_000
CONTROL = b"!\xf9\x04\x08\x00\x00\x00\x00"
"""With it, Pillow prepares the background of the frame when it opens the file."""


def file(canvas: tuple[int, int], frame: tuple[int, int], before: bytes = CONTROL) -> bytes:
    head = b"GIF89a" + struct.pack("<HH", *canvas) + b"\x80\0\0" + bytes(6)
    return head + before + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00;"


def opening_bytes(data: bytes) -> int:
    return gif.FORMAT.inspect(data, MAX_PIXELS).metadata_bytes


@pytest.mark.parametrize("before", [CONTROL, b"", b"\0\0\0" + CONTROL, CONTROL + b"\0xyz"])
def test_the_background_of_the_frame_is_reserved(before: bytes) -> None:
    assert opening_bytes(file((7000, 7000), (7000, 7000), before)) >= 49_000_000
    assert opening_bytes(file((7000, 7000), (70, 70), before)) < 10_000


def test_a_large_canvas_is_refused_before_the_file_is_opened() -> None:
    with pytest.raises(ImageTooLarge, match="65535 x 7000 pixels"):
        opening_bytes(file((65535, 7000), (10, 10)))


@pytest.mark.parametrize("skipped", [b"", b"\0", b"x" * 1000])
def test_comments_are_counted_wherever_they_begin(skipped: bytes) -> None:
    comment = b"!\xfe" + b"\x01c" * 300_000 + b"\0"
    with pytest.raises(InvalidImage, match="pieces"):
        opening_bytes(file((10, 10), (10, 10), skipped + comment))


@pytest.mark.parametrize("length", [0, 5, 12, 13, 20, 30])
def test_a_file_that_ends_early(length: int) -> None:
    assert opening_bytes(file((10, 10), (10, 10))[:length]) < 1_000


@pytest.mark.parametrize("colours", [2, 256, "gray"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_first_frame_that_is_smaller_is_over_white(colours: int | str, turned: bool) -> None:
    """A palette may have no white; only the canvas of the file is larger than the frame."""
    size, place = ((50, 30), (300, 700)) if turned else ((30, 50), (11, 5))
    rng = np.random.default_rng(0)
    palette = rng.integers(0, 200, (256, 3), dtype=np.uint8)
    used = 2 if colours == 2 else 256
    frame = Image.fromarray(rng.integers(0, used, (size[1], size[0]), dtype=np.uint8))
    if colours != "gray":
        frame.putpalette(palette[:used].tobytes())
    data = bytearray(encode(frame, "GIF"))
    at = 13 + (3 << (data[10] & 7) + 1)
    assert data[at : at + 1] == b","
    struct.pack_into("<HH", data, 6, 800, 900)
    struct.pack_into("<HH", data, at + 1, *place)
    expected = Image.new("RGB", (800, 900), (255, 255, 255))
    expected.paste(frame.convert("RGB"), place)
    assert np.array_equal(pixels(read(bytes(data))), np.asarray(expected))
    halved = READER.read(bytes(data), lambda size: (size[0] // 2, size[1] // 2))
    assert np.array_equal(pixels(halved), np.asarray(expected.reduce(2)))


def test_an_ordinary_file() -> None:
    image = quarters(60, 40)
    assert read(encode(image, "GIF")).rgb.size == (60, 40)
