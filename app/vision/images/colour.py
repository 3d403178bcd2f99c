"""Converts any colour mode to RGB as a viewer would show it, without a second full-size copy."""

from collections.abc import Callable
from itertools import product

import numpy as np
from PIL import Image

_WHITE = (255, 255, 255, 255)
_PART_PIXELS = 1 << 18
_DEEP_MODES = frozenset({"I;16", "I;16B", "I;16L", "I;16N", "I", "F"})

Box = tuple[int, int, int, int]
"""Left, upper, right and lower edge in pixels."""
Flatten = Callable[[Image.Image], Image.Image]
"""Converts a part of an image to RGB, if its mode alone does not say how."""


def to_rgb(
    image: Image.Image,
    factor: int = 1,
    flatten: Flatten | None = None,
    frame: Box | None = None,
) -> Image.Image:
    """A loaded image as RGB, divided by ``factor`` (a box filter).

    Transparent pixels are blended with white, and so are those outside ``frame``; samples of 16
    bits and more become 8 bits. Modes other than RGB and L are converted part by part, so that a
    large image never exists twice.
    """
    plain = flatten is None and frame is None and "transparency" not in image.info
    if plain and image.mode in ("RGB", "L"):
        return (image.reduce(factor) if factor > 1 else image).convert("RGB")
    scale = _depth_scale(image) if not flatten and image.mode in _DEEP_MODES else 1.0
    width, height = image.size
    out = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    rows = max(1, _PART_PIXELS // (width * factor)) * factor
    columns = -(-_PART_PIXELS // (rows * factor)) * factor  # fewer than a very wide image has
    for top, left in product(range(0, height, rows), range(0, width, columns)):
        part = image.crop((left, top, min(left + columns, width), min(top + rows, height)))
        flat = flatten(part) if flatten else _flatten(part, scale)
        if frame is not None:
            _clear_around(flat, frame, (left, top))
        out.paste(flat.reduce(factor) if factor > 1 else flat, (left // factor, top // factor))
    return out


def _flatten(image: Image.Image, scale: float) -> Image.Image:
    if image.mode in _DEEP_MODES:
        with np.errstate(all="ignore"):  # NaN and infinity become finite below
            values = np.asarray(image, dtype=np.float32) * scale
        return Image.fromarray(np.nan_to_num(values).clip(0, 255).astype(np.uint8)).convert("RGB")
    return over_white(image) if image.has_transparency_data else image.convert("RGB")


def over_white(image: Image.Image) -> Image.Image:
    """Blends an image with transparency with white; returns RGB."""
    rgba = image.convert("RGBA")
    canvas = Image.new("RGBA", rgba.size, _WHITE)
    return Image.alpha_composite(canvas, rgba).convert("RGB")


def _clear_around(part: Image.Image, frame: Box, place: tuple[int, int]) -> None:
    """Makes pixels outside the frame white; ``place`` is where ``part`` lies in the image."""
    width, height = part.size
    left, top, right, bottom = (
        min(max(0, edge - start), side)
        for edge, start, side in zip(frame, place * 2, part.size * 2, strict=True)
    )
    for outside in (
        (0, 0, width, top),
        (0, bottom, width, height),
        (0, top, left, bottom),
        (right, top, width, bottom),
    ):
        part.paste(_WHITE[:3], outside)


def _depth_scale(image: Image.Image) -> float:
    """The factor that scales the values of a 16-bit or 32-bit gray image to 0..255."""
    if image.mode.startswith("I;16"):
        return 255 / 65535
    _, high = image.getextrema()
    assert isinstance(high, int | float)
    if image.mode == "F" and high <= 1:
        return 255.0
    if high <= 255:
        return 1.0
    return 255 / 65535 if high <= 65535 else 255 / float(high)
