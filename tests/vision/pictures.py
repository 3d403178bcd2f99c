"""Pictures that the tests draw themselves, as files of any format."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile

from app.vision.images import formats
from app.vision.images.memory import DecodingBudget, Size, peak_bytes
from app.vision.images.reader import ImageReader, Picture

MAX_PIXELS = 50_000_000
READER = ImageReader(MAX_PIXELS, DecodingBudget(400_000_000))

# What a camera does to an upright picture to store it with this orientation.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green above blue and yellow: no turn and no mirror leaves it as it is."""
    image = Image.new("RGB", (width, height), (255, 0, 0))
    image.paste((0, 160, 0), (width // 2, 0, width, height // 2))
    image.paste((0, 0, 255), (0, height // 2, width // 2, height))
    image.paste((255, 255, 0), (width // 2, height // 2, width, height))
    return image


def encode(image: Image.Image, form: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def stored_turned(image: Image.Image, orientation: int, form: str, **options: Any) -> bytes:
    """A file whose pixels are turned and whose EXIF says how to turn them back."""
    turn = STORED[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = image if turn is None else image.transpose(turn)
    return encode(turned, form, exif=exif, **options)


def full_size(size: Size) -> Size:
    return size


def at_most(longest: int) -> Callable[[Size], Size]:
    """As a letterbox of that size covers a picture."""

    def cover(size: Size) -> Size:
        scale = min(1.0, longest / max(size))
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))

    return cover


def read(
    data: bytes, cover: Callable[[Size], Size] = full_size, max_pixels: int = MAX_PIXELS
) -> Picture:
    return ImageReader(max_pixels, DecodingBudget(400_000_000)).read(data, cover)


def reserved_bytes(image: Image.Image, data: bytes, full: Size, factor: int) -> int:
    """Memory that is reserved for the pixels of ``data``, opened as ``image`` and not loaded."""
    found = formats.require(data)
    found.load_decoder()
    assert isinstance(image, ImageFile)
    return peak_bytes(image, found.inspect(data, 10**9).memory(image, full), factor)


def pixels(picture: Picture) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(picture.rgb).astype(np.int16)
