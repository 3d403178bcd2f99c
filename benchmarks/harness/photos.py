"""Resizes a photo."""

import io
from pathlib import Path

from PIL import Image


def at_megapixels(photo: Path, megapixels: float) -> bytes:
    """``photo`` as a JPEG of about ``megapixels``."""
    with Image.open(photo) as image:
        scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
        size = round(image.width * scale), round(image.height * scale)
        out = io.BytesIO()
        image.convert("RGB").resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=90)
        return out.getvalue()


def size_of(photo: Path) -> str:
    """Width and height, such as "810 x 1080"."""
    with Image.open(photo) as image:
        return f"{image.width} x {image.height}"
