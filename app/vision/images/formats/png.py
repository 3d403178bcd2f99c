"""PNG: the picture, or the first frame of its animation.

The decoder gets only the chunks that affect the pixels. Other chunks (texts, profiles, times) may
be broken, since browsers show such pictures, too.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image
from PIL.ImageFile import ImageFile

from app.vision.images import exif
from app.vision.images.colour import Flatten
from app.vision.images.formats.record import (
    Format,
    Inspection,
    Orientation,
    begins_with,
    cut_too_small,
)
from app.vision.images.memory import Memory, Size, pillow_memory

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 150_000
_GRAY, _RGB, _PALETTE = 0, 2, 3
_ANCILLARY = 0x20
_OTHER_FRAME_BYTES = 4
"""The sequence number of a piece, before its pixels."""
_FRAME_CONTROL_BYTES = 26


@dataclass
class _Chunks:
    depth: int = 8
    """Bits per sample."""
    colour: int = _RGB
    transparent: int | None = None
    """The gray level that is transparent, with ``depth`` bits."""
    orientation: int = 1
    skips: dict[int, int] = field(default_factory=dict)
    """Start and end of each chunk that is hidden from the decoder."""
    first_frame: bytes | None = None
    """The first frame of the animation as a file, if the default image is not part of it."""
    frame_box: tuple[int, int, int, int] | None = None
    """Left, upper, right and lower edge of that frame."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    chunks = _read_chunks(data)

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
    """Pillow scales the pixels to 8 bits, but not the transparent level."""
    found = image.info.get("transparency")
    if image.mode == "L" and depth in (2, 4) and isinstance(found, int):
        image.info["transparency"] = (found & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
    elif image.mode == "RGB" and depth == 16 and isinstance(found, tuple):
        image.info["transparency"] = tuple(each >> 8 for each in found)


def _clear_around(image: ImageFile, box: tuple[int, int, int, int]) -> None:
    """Makes the pixels outside the frame white; Pillow leaves them black."""
    if image.mode not in ("L", "RGB"):
        return
    left, top, right, bottom = box
    width, height = image.size
    white = 255 if image.mode == "L" else (255, 255, 255)
    for outside in (
        (0, 0, width, top),
        (0, bottom, width, height),
        (0, top, left, bottom),
        (right, top, width, bottom),
    ):
        image.paste(white, outside)


def _read_chunks(data: bytes) -> _Chunks:
    """Raises InvalidImage if there are too many chunks."""
    found = _Chunks()
    palette = 0
    header = palette_chunk = transparency_chunk = b""
    pixels_seen = exif_seen = animated = first_is_frame = False
    frame: _Frame | None = None
    for kind, start, body, end in _walk(data):
        if kind == b"IHDR" and not header:
            header = data[start:end]
            if body - start + 13 <= len(header):
                found.depth, found.colour = data[body + 8], data[body + 9]
        elif kind == b"PLTE":
            palette, palette_chunk = (end - 12 - start) // 3, data[start:end]
        elif kind == b"IDAT":
            pixels_seen = True
        elif kind[0] & _ANCILLARY and kind.isalpha():
            content = data[body : end - 4]
            valid = len(data) >= end and _sum_fits(data, start, end)
            if kind == b"tRNS" and valid and not (pixels_seen or transparency_chunk):
                if _fits(content, found.colour, palette):
                    transparency_chunk = data[start:end]
                    if found.colour == _GRAY:
                        found.transparent = int.from_bytes(content, "big")
                    continue
            elif kind == b"eXIf" and valid and not exif_seen:
                exif_seen, found.orientation = True, exif.orientation(content)
            elif kind == b"acTL" and valid and len(content) == 8 and not pixels_seen:
                animated = content[:4] != bytes(4)
            elif kind == b"fcTL" and animated and not first_is_frame:
                first_is_frame = not pixels_seen
                if frame is None and pixels_seen and len(content) == _FRAME_CONTROL_BYTES:
                    frame = _Frame(content)
                elif frame is not None:
                    frame.ended = True
            elif kind == b"fdAT" and frame is not None and not frame.ended:
                frame.pieces.append((body + _OTHER_FRAME_BYTES, min(end - 4, len(data))))
            found.skips[start] = end
    if frame is not None and not first_is_frame and frame.pieces and len(header) == 25:
        found.frame_box = frame.box(header)
    if found.frame_box is not None and frame is not None:
        pixels = _chunk(b"IDAT", b"".join(data[start:end] for start, end in frame.pieces))
        before = header + frame.control() + palette_chunk + transparency_chunk
        found.first_frame = _SIGNATURE + before + pixels + _chunk(b"IEND", b"")
        found.skips = {}
    return found


@dataclass
class _Frame:
    fields: bytes
    ended: bool = False
    pieces: list[tuple[int, int]] = field(default_factory=list)

    def box(self, header: bytes) -> tuple[int, int, int, int] | None:
        """None if the frame does not lie within the picture."""
        numbers = [int.from_bytes(self.fields[at : at + 4], "big") for at in range(4, 20, 4)]
        width, height, left, top = numbers
        across, down = (int.from_bytes(header[at : at + 4], "big") for at in (8, 12))
        inside = left + width <= across and top + height <= down and width and height
        return (left, top, left + width, top + height) if inside else None

    def control(self) -> bytes:
        return _chunk(b"fcTL", bytes(4) + self.fields[4:])


def _walk(data: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Kind of each chunk, start of the chunk and of its content, and its end."""
    at, count = len(_SIGNATURE), 0
    while at + 8 <= len(data):
        kind = data[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        yield kind, at, at + 8, end
        if kind == b"IEND":
            return
        at = end
        count += 1
        if count > _MOST_CHUNKS:
            raise cut_too_small()


def _sum_fits(data: bytes, start: int, end: int) -> bool:
    return zlib.crc32(memoryview(data)[start + 4 : end - 4]) == int.from_bytes(
        data[end - 4 : end], "big"
    )


def _fits(transparency: bytes, colour: int, palette: int) -> bool:
    if colour == _PALETTE:
        return 1 <= len(transparency) <= palette
    return len(transparency) == {_GRAY: 2, _RGB: 6}.get(colour)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")


FORMAT = Format(
    name="PNG",
    media_type="image/png",
    suffixes=(".png",),
    begins=begins_with(_SIGNATURE),
    pillow_name="PNG",
    plugin="PIL.PngImagePlugin",
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
