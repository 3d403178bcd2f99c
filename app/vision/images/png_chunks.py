"""Reads the chunks of a PNG: which of them the decoder gets, and what is read here instead."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from app.errors import InvalidImage
from app.vision.images import exif

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_CHUNKS = 150_000
_GRAY, _RGB, _PALETTE = 0, 2, 3
_TRANSPARENCY_BYTES = {_GRAY: 2, _RGB: 6}
_ANCILLARY = 0x20
_AROUND = 12
"""Bytes of a chunk besides its content: length, kind, checksum."""
HEADER_BYTES = _AROUND + 13
"""Bytes of the chunk ``IHDR``."""


class Chunk(NamedTuple):
    data: bytes
    """The whole file."""
    kind: bytes
    start: int
    end: int

    @property
    def is_ancillary(self) -> bool:
        """Whether a decoder may do without it."""
        return bool(self.kind[0] & _ANCILLARY) and self.kind.isalpha()

    @property
    def body(self) -> int:
        """Where its content begins."""
        return self.start + 8

    @property
    def content(self) -> bytes:
        return self.data[self.body : self.end - 4]

    @property
    def whole(self) -> bytes:
        return self.data[self.start : self.end]

    @property
    def is_valid(self) -> bool:
        """Whether it is complete and its checksum is right."""
        if self.end > len(self.data):
            return False
        checked = memoryview(self.data)[self.start + 4 : self.end - 4]
        return zlib.crc32(checked).to_bytes(4, "big") == self.data[self.end - 4 : self.end]


@dataclass
class Chunks:
    """What the chunks before and after the pixels say."""

    header: bytes = b""
    """The first chunk; ``palette`` and ``transparency`` are chunks as well."""
    palette: bytes = b""
    transparency: bytes = b""
    palette_colours: int = 0
    depth: int = 8
    """Bits per sample."""
    colour: int = _RGB
    transparent_level: int | None = None
    """The gray level that is transparent, with ``depth`` bits."""
    orientation: int = 1
    skips: dict[int, int] = field(default_factory=dict)
    """Start and end of each chunk that is hidden from the decoder."""
    pixels_seen: bool = False
    exif_seen: bool = False

    def read(self, chunk: Chunk) -> None:
        kind = chunk.kind
        if kind == b"IHDR" and not self.header:
            self.header = chunk.whole
            if len(self.header) >= HEADER_BYTES - 4:  # its checksum may be cut off
                self.depth, self.colour = self.header[16], self.header[17]
        elif kind == b"PLTE":
            self.palette = chunk.whole
            self.palette_colours = (chunk.end - chunk.start - _AROUND) // 3
        elif kind == b"IDAT":
            self.pixels_seen = True
        elif chunk.is_ancillary and not self._keeps(chunk):
            self.skips[chunk.start] = chunk.end
            if kind == b"eXIf" and not self.exif_seen and chunk.is_valid:
                self.exif_seen, self.orientation = True, exif.orientation(chunk.content)

    def _keeps(self, chunk: Chunk) -> bool:
        """Whether the decoder gets the chunk: only the transparency that fits the pixels."""
        if chunk.kind != b"tRNS" or self.pixels_seen or self.transparency:
            return False
        content = chunk.content
        if self.colour == _PALETTE:
            fits = 1 <= len(content) <= self.palette_colours
        else:
            fits = len(content) == _TRANSPARENCY_BYTES.get(self.colour)
        if not fits or not chunk.is_valid:
            return False
        self.transparency = chunk.whole
        if self.colour == _GRAY:
            self.transparent_level = int.from_bytes(content, "big")
        return True


def walk(data: bytes) -> Iterator[Chunk]:
    """Raises InvalidImage if there are too many chunks."""
    at, count = len(SIGNATURE), 0
    while at + 8 <= len(data):
        end = at + _AROUND + int.from_bytes(data[at : at + 4], "big")
        chunk = Chunk(data, data[at + 4 : at + 8], at, end)
        yield chunk
        if chunk.kind == b"IEND":
            return
        at = chunk.end
        count += 1
        if count > _MOST_CHUNKS:
            raise InvalidImage("The PNG is cut into too many small pieces to be read.")


def write(kind: bytes, content: bytes) -> bytes:
    """A chunk with its length and checksum."""
    checked = kind + content
    return len(content).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")
