"""PNG: the picture, or the first frame of its animation."""

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from app.vision.images import png_chunks
from app.vision.images.colour import Flatten
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.memory import Memory, Size, pillow_memory


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    chunks = png_chunks.read(data)

    def flatten(image: ImageFile) -> Flatten | None:
        if chunks.frame_box is not None:
            _clear_around(image, chunks.frame_box)
        if image.mode == "I;16" and chunks.transparent is not None:
            return _transparent_level(chunks.transparent)
        _scale_transparency(image, chunks.depth)
        return None

    return Inspection(
        2 * len(chunks.first_frame or b""),
        _memory,
        flatten,
        skips=chunks.skips,
        orientation=chunks.orientation,
        file=chunks.first_frame,
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
    """Pillow brings the pixels to 8 bits, but not the level that is transparent."""
    found = image.info.get("transparency")
    if image.mode == "L" and depth in (2, 4) and isinstance(found, int):
        image.info["transparency"] = (found & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
    elif image.mode == "RGB" and depth == 16 and isinstance(found, tuple):
        image.info["transparency"] = tuple(each >> 8 for each in found)


def _clear_around(image: ImageFile, box: tuple[int, int, int, int]) -> None:
    """What a frame does not cover is transparent; a mode without alpha has it black."""
    if image.mode not in ("L", "RGB"):
        return
    left, top, right, bottom = box
    width, height = image.size
    white = 255 if image.mode == "L" else (255, 255, 255)
    for outside in (
        *((0, 0, width, top), (0, bottom, width, height)),
        *((0, top, left, bottom), (right, top, width, bottom)),
    ):
        image.paste(white, outside)


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
