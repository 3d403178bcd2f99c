"""PNG: the picture, or the first frame of its animation.

The decoder gets only the chunks that affect the pixels. Other chunks (texts, profiles, times) may
be broken, since browsers show such pictures, too.
"""

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from app.vision.images import png_chunks
from app.vision.images.apng import Animation, FirstFrame
from app.vision.images.colour import Flatten
from app.vision.images.formats.record import (
    Format,
    Inspection,
    Orientation,
    begins_with,
)
from app.vision.images.memory import Memory, Size, pillow_memory
from app.vision.images.png_chunks import Chunks


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    chunks, frame = _read(data)

    def flatten(image: ImageFile) -> Flatten | None:
        if image.mode == "I;16" and chunks.transparent_level is not None:
            return _transparent_level(chunks.transparent_level)
        _scale_transparency(image, chunks.depth)
        return None

    return Inspection(
        2 * len(frame.file) if frame else 0,
        _memory,
        flatten,
        skips={} if frame else chunks.skips,
        orientation=chunks.orientation,
        file=frame.file if frame else None,
        frame=frame.box if frame else None,
    )


def _memory(image: ImageFile, full: Size) -> Memory:
    return pillow_memory(image)


def _transparent_level(level: int) -> Flatten:
    def flatten(band: Image.Image) -> Image.Image:
        values = np.asarray(band).astype(np.uint16)
        return Image.fromarray(
            np.where(values == level, 255, values >> 8).astype(np.uint8)
        ).convert("RGB")

    return flatten


def _scale_transparency(image: ImageFile, depth: int) -> None:
    """Pillow scales the pixels to 8 bits, but not the transparent level."""
    found = image.info.get("transparency")
    if image.mode == "L" and depth in (2, 4) and isinstance(found, int):
        image.info["transparency"] = (found & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
    elif image.mode == "RGB" and depth == 16 and isinstance(found, tuple):
        image.info["transparency"] = tuple(each >> 8 for each in found)


def _read(data: bytes) -> tuple[Chunks, FirstFrame | None]:
    """Raises InvalidImage if there are too many chunks."""
    chunks, animation = Chunks(), Animation()
    for chunk in png_chunks.walk(data):
        chunks.read(chunk)
        animation.read(chunk, after_pixels=chunks.pixels_seen)
    return chunks, animation.first_frame(data, chunks)


FORMAT = Format(
    name="PNG",
    media_type="image/png",
    suffixes=(".png",),
    begins=begins_with(png_chunks.SIGNATURE),
    pillow_name="PNG",
    plugin="PIL.PngImagePlugin",
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
