"""BMP: alpha that no viewer shows."""

import struct

import numpy as np
import pytest

from app.vision.arrays import Array
from tests.vision.pictures import encode, pixels, quarters, read

BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
RGBA = (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
PICTURE = quarters()


def with_masks(alpha: Array, masks: tuple[int, ...] = BGRA, header_bytes: int = 124) -> bytes:
    """A BMP of PICTURE with a V4 or V5 header, from the top row down."""
    height, width = alpha.shape
    colours = np.asarray(PICTURE)
    colours = colours[..., ::-1] if masks == BGRA else colours
    body = np.dstack([colours, alpha]).tobytes()
    fields = (header_bytes, width, -height, 1, 32, 3, len(body), 0, 0, 0, 0, *masks)
    header = struct.pack("<IiiHHIIiiII4I", *fields).ljust(header_bytes, b"\0")
    start = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + header + body


@pytest.mark.parametrize("masks", [BGRA, RGBA, (0, 0, 0, 0)], ids=["BGRA", "RGBA", "none"])
@pytest.mark.parametrize("header_bytes", [56, 108, 124])
def test_alpha_that_is_zero_everywhere_is_unused(masks: tuple[int, ...], header_bytes: int) -> None:
    """As in the screenshots that Windows puts in its clipboard."""
    alpha = np.zeros((64, 96), np.uint8)
    given = masks if any(masks) else BGRA
    data = with_masks(alpha, given, header_bytes)
    if not any(masks):
        data = data.replace(struct.pack("<4I", *BGRA), bytes(16), 1)
    assert np.array_equal(pixels(read(data)), np.asarray(PICTURE))


def test_alpha_that_is_used_is_over_white() -> None:
    alpha = np.zeros((64, 96), np.uint8)
    alpha[63, 95] = 255
    expected = np.full((64, 96, 3), 255, np.uint8)
    expected[63, 95] = np.asarray(PICTURE)[63, 95]
    assert np.array_equal(pixels(read(with_masks(alpha))), expected)


def test_an_ordinary_file() -> None:
    assert np.array_equal(pixels(read(encode(PICTURE, "BMP"))), np.asarray(PICTURE))
