"""What any file may cost at default settings, and what an honest photo of its size costs."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from app.service.memory_shares import MOST_DECODING_BYTES
from app.vision.images.formats import recognise
from tests.shared_data import SHARED
from tests.vision.pictures import encode

MOST_SECONDS = 2.0
"""Of one core's CPU time."""
HONEST_FACTOR = 1.5
"""An honest photo of the format and the pixel count may be slower: then as often its time."""
SLACK = 40_000_000
"""Bytes beside the pixels and the file: input tensor, metadata, what libraries and malloc keep."""
COPIES_OF_FILE = 2
"""A request's body is held by the server and, in part or whole, by a decoder."""

_OPTIONS: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 90},
    "PNG": {"compress_level": 1},
    "WEBP": {"quality": 80, "method": 0},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "AVIF": {"speed": 10},
}
_HEIC_PHOTO = SHARED / "images" / "photo.heic"


@dataclass(frozen=True)
class Cost:
    """Of one file."""

    outcome: str
    seconds: float
    memory: int
    """Bytes over idle at its peak."""
    reserved: int
    pixels: int
    """That the file declares; 0 if it was refused before they were known."""

    def most_memory(self, size: int) -> int:
        """Bytes over idle that a file of ``size`` bytes may take."""
        return min(self.reserved, MOST_DECODING_BYTES) + SLACK + COPIES_OF_FILE * size


def pillow_name(data: bytes) -> str | None:
    """Pillow's name of the format that ``data`` begins like."""
    found = recognise(data)
    return found.pillow_name if found else None


@lru_cache(maxsize=16)
def honest_photo(form: str, pixels: int) -> bytes | None:
    """About so many pixels, 4 to 3, with the detail of a photo; None if it cannot be made here.

    There is no encoder of HEIC: its photo has the pixels that the shared one has.
    """
    if form == "HEIF":
        return _HEIC_PHOTO.read_bytes() if _HEIC_PHOTO.exists() else None
    height = max(1, round((pixels * 3 / 4) ** 0.5))
    width = max(1, pixels // height)
    rough = np.random.default_rng(5).integers(0, 256, (height // 6 + 1, width // 6 + 1, 3))
    image = Image.fromarray(rough.astype(np.uint8)).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    if form == "GIF":
        image = image.quantize(256, method=Image.Quantize.FASTOCTREE)
    return encode(image, form, **_OPTIONS.get(form, {}))
