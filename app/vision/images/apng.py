"""The first frame of an animated PNG (APNG) whose default image is not part of the animation."""

from dataclasses import dataclass, field
from typing import NamedTuple

from app.vision.images import png_chunks
from app.vision.images.colour import Box
from app.vision.images.png_chunks import Chunk, Chunks

_CONTROL_BYTES = 26
_SEQUENCE_BYTES = 4
"""The sequence number of a piece of a frame, before its pixels."""


class FirstFrame(NamedTuple):
    file: bytes
    """The frame as a PNG of its own, the size of the whole picture."""
    box: Box
    """Where the frame lies in it."""


@dataclass
class Animation:
    announced: bool = False
    """Whether a chunk before the pixels says that there are frames."""
    begins_with_default_image: bool = False
    control: bytes | None = None
    """Size and place of the first frame."""
    pieces: list[tuple[int, int]] = field(default_factory=list)
    """Start and end of the pixels of the first frame."""
    frame_ended: bool = False

    def read(self, chunk: Chunk, *, after_pixels: bool) -> None:
        """``after_pixels`` says whether the default image has begun before ``chunk``."""
        match chunk.kind:
            case b"acTL" if not after_pixels and len(chunk.content) == 8 and chunk.is_valid:
                self.announced = chunk.content[:4] != bytes(4)
            case b"fcTL" if self.announced and not self.begins_with_default_image:
                self._begin_frame(chunk.content, after_pixels=after_pixels)
            case b"fdAT" if self.control is not None and not self.frame_ended:
                end = min(chunk.end - 4, len(chunk.data))
                self.pieces.append((chunk.body + _SEQUENCE_BYTES, end))

    def _begin_frame(self, control: bytes, *, after_pixels: bool) -> None:
        if not after_pixels:
            self.begins_with_default_image = True
        if self.control is not None:
            self.frame_ended = True
        elif after_pixels and len(control) == _CONTROL_BYTES:
            self.control = control

    def first_frame(self, data: bytes, chunks: Chunks) -> FirstFrame | None:
        """None if the default image is the first frame, or the frame cannot be read."""
        if self.control is None or self.begins_with_default_image or not self.pieces:
            return None
        box = _box(self.control, chunks.header)
        if box is None:
            return None
        parts = (
            chunks.header,
            png_chunks.write(b"fcTL", bytes(_SEQUENCE_BYTES) + self.control[_SEQUENCE_BYTES:]),
            chunks.palette,
            chunks.transparency,
            png_chunks.write(b"IDAT", b"".join(data[start:end] for start, end in self.pieces)),
            png_chunks.write(b"IEND", b""),
        )
        return FirstFrame(png_chunks.SIGNATURE + b"".join(parts), box)


def _box(control: bytes, header: bytes) -> Box | None:
    """None if the frame does not lie within the picture."""
    if len(header) != png_chunks.HEADER_BYTES:
        return None
    across, down = (int.from_bytes(header[at : at + 4], "big") for at in (8, 12))
    width, height, left, top = (
        int.from_bytes(control[at : at + 4], "big") for at in range(4, 20, 4)
    )
    if not width or not height or left + width > across or top + height > down:
        return None
    return left, top, left + width, top + height
