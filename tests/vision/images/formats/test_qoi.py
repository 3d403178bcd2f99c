"""QOI, in every kind of its operations, and how large it may be."""

import struct

import numpy as np
import pytest
from PIL import Image

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images import formats
from tests.hostile.hunt import hunting
from tests.vision.pictures import encode, pixels, quarters, read


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    values = np.random.default_rng(5).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("image", [quarters(), noise(40, 30), noise(40, 30).convert("L")])
def test_an_image_is_read_as_it_was_written(image: Image.Image) -> None:
    rgb = image.convert("RGB")
    data = encode(rgb, "QOI")
    found = formats.recognise(data)
    assert found is not None
    assert found.name == "QOI"
    assert np.array_equal(pixels(read(data)), np.asarray(rgb))


def test_transparency_is_laid_over_white() -> None:
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert read(encode(image, "QOI")).rgb.getpixel((0, 0)) == (255, 255, 255)


def test_a_truncated_file_is_invalid() -> None:
    data = encode(noise(40, 30), "QOI")
    for part in (8, 13, 20, len(data) // 2):
        with pytest.raises(InvalidImage):
            read(data[:part])


def test_the_slowest_pixels_are_read_within_the_rule_and_one_row_more_is_refused() -> None:
    """Pillow decodes in Python; the operation of two bytes takes it longest."""
    body = b"\x85\x35" * (640 * 480)
    with hunting() as (_, workers):
        cost, wrong = workers.measured(
            struct.pack(">4sIIBB", b"qoif", 640, 480, 3, 0) + body, drawn=False
        )
    assert not wrong
    assert cost is not None
    assert (cost.outcome, cost.pixels) == ("decoded", 640 * 480)
    with pytest.raises(ImageTooLarge, match="640 x 481 pixels and at most 307200"):
        read(struct.pack(">4sIIBB", b"qoif", 640, 481, 3, 0) + body)


def test_operations_of_five_bytes_are_not_too_many_pieces() -> None:
    image = noise(640, 480, 4)
    rgba = np.asarray(image).reshape(-1, 4)
    body = b"".join(b"\xff" + bytes(pixel) for pixel in rgba)
    assert read(struct.pack(">4sIIBB", b"qoif", 640, 480, 4, 0) + body).size == (640, 480)
