"""Bounds on TIFF files and their directories, in whose form EXIF and MPO keep theirs, too."""

import ctypes
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

from PIL import TiffImagePlugin, _imaging

from app.errors import ImageTooLarge, InvalidImage, InvalidImageFormat
from app.vision.images.bounds import jpeg

_WHOLE_NUMBERS = frozenset({3, 4, 13, 16})  # which offsets and lengths of strips are, too
_KEPT_AS_BYTES = frozenset({1, 2, 7})
_MOST_OF_WHOLE_NUMBERS = 1_000_000  # bytes
_MOST_OF_OTHERS = 80_000  # bytes; rational numbers, 10,000 of them
_MOST_TILES = 50_000
_MOST_LAYERS = 6
_MOST_ENTRIES = 1000
"""libtiff sorts all it knows anew with each that it does not know."""
_MOST_TABLES = 65_536  # bytes
_MOST_JPEGS = 20_000
_MOST_PADDED, _MOST_TIMES_PADDED = 20_000_000, 1.5
"""Pixels of all tiles, where they are more than the picture's, and how many times as many."""

_COMPRESSION = 259
_OFFSETS, _COUNTS = (324, 273), (325, 279)
_TILE_WIDTH, _TILE_LENGTH, _TABLES = 322, 323, 347
_RAW, _JPEG = 1, 7
# CCITT, LZW, JPEG, Deflate, PackBits and Zstandard take time in proportion to what they unpack.
_READ = frozenset({_RAW, 2, 3, 4, 5, _JPEG, 8, 32771, 32773, 32946, 50000})
_NAMES = {
    6: "old-style JPEG",
    32766: "NeXT",
    32809: "ThunderScan",
    32909: "PixarLog",
    34661: "JBIG",
    34676: "SGI Log",
    34677: "SGI Log 24",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of DNG",
    34925: "LZMA",
    50001: "WebP",
    50002: "JPEG XL",
}
_LAYOUT = frozenset(
    {256, 257, 258, _COMPRESSION, 262, 266, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325}
    | {338, 339, 347, 530, 532}
)
"""The fields that say how the pixels are kept. Pillow and libtiff each read them by themselves."""
_SHORT = 3
_LAYOUT_TYPES = frozenset({_SHORT, 4, 16})
_OTHER_TYPES = {_COMPRESSION: {3}, _TABLES: {1, 7}, 532: {3, 4, 5}}


class BoundedDirectory(TiffImagePlugin.ImageFileDirectory_v2):
    """Refuses what would become millions of numbers, while it is still bytes."""

    def load(self, fp: IO[bytes]) -> None:
        super().load(fp)
        whole = others = 0
        for tag, kind in self.tagtype.items():
            size = len(self._tagdata.get(tag, b""))
            if kind in _WHOLE_NUMBERS:
                whole += size
            elif kind not in _KEPT_AS_BYTES:
                others += size
        if whole > _MOST_OF_WHOLE_NUMBERS or others > _MOST_OF_OTHERS:
            self.reset()
            raise ValueError("more numbers than a photo has")


def bound_directories() -> None:
    """From now on Pillow uses ``BoundedDirectory``, and libtiff keeps to itself what it thinks.

    Its messages would go to standard error, past the log.
    """
    if TiffImagePlugin.ImageFileDirectory_v2 is BoundedDirectory:
        return
    TiffImagePlugin.ImageFileDirectory_v2 = BoundedDirectory  # type: ignore[misc]
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(_imaging.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def check_directory(data: bytes) -> None:
    """The first directory, before a decoder reads it.

    Raises InvalidImage, or InvalidImageFormat for a compression that is not read here.
    """
    seen = set()
    for count, (tag, kind, value) in enumerate(_entries(data)):
        if count >= _MOST_ENTRIES:
            raise InvalidImage("The TIFF has more fields than are read here.")
        if tag not in _LAYOUT:
            continue
        if tag in seen or kind not in _OTHER_TYPES.get(tag, _LAYOUT_TYPES):
            raise InvalidImage(f"The TIFF gives field {tag} twice, or not as a whole number.")
        seen.add(tag)
        if tag == _COMPRESSION and value not in _READ:
            name = _NAMES.get(value, f"number {value}")
            raise InvalidImageFormat(
                f"This TIFF is compressed with {name}, which is not read here. Send it with"
                " Deflate, LZW or JPEG compression, or as PNG or JPEG."
            )
    if seen.issuperset(_OFFSETS) or seen.issuperset(_COUNTS):
        raise InvalidImage("The TIFF has both strips and tiles.")


def check_parts(image: Any, data: bytes) -> None:
    """Strips and tiles. ``image`` has been opened and not loaded.

    Raises InvalidImage or ImageTooLarge.
    """
    extents = [tile.extents for tile in image.tile]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in extents)
    if len(extents) > _MOST_TILES or area > image.width * image.height * _MOST_LAYERS:
        raise InvalidImage("The TIFF has more parts than its picture needs.")
    parts = _places(image, data)
    if image.tag_v2.get(_COMPRESSION, _RAW) == _RAW:
        parts = [part for part in parts if part[0] < len(data)]
    else:
        _check_padding(image)
    end = 0
    for start, length in sorted(part for part in parts if part[1]):
        if start < end:
            raise InvalidImage("The TIFF has strips or tiles that share bytes.")
        end = start + length
    if sum(length for _, length in parts) > len(data):
        raise InvalidImage("The TIFF declares more bytes in its strips or tiles than it has.")


def jpeg_blocks(image: Any, data: bytes) -> int:
    """Blocks of the largest JPEG of several scans among strips or tiles. Raises InvalidImage."""
    if image.tag_v2.get(_COMPRESSION, _RAW) != _JPEG:
        return 0
    if len(image.tag_v2.get(_TABLES, b"")) > _MOST_TABLES:
        raise InvalidImage("The TIFF has more JPEG tables than are read here.")
    parts = _places(image, data)
    if len(parts) > _MOST_JPEGS:
        raise InvalidImage("The TIFF has more JPEGs in it than are read here.")
    return jpeg.check_parts(data, [(start, start + length) for start, length in parts])


def _entries(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, type, and the first value where it is a whole number of 16 bits, else -1."""
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if big and order == ">":  # as Pillow does not read it
        raise InvalidImage("A BigTIFF in big-endian order is not read here.")
    head, entry = ("Q", "HHQ8s") if big else ("H", "HHI4s")
    with suppress(struct.error):
        (at,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(order + head, data, at)
        at += struct.calcsize(head)
        for _ in range(count):
            tag, kind, values, raw = struct.unpack_from(order + entry, data, at)
            at += struct.calcsize(order + entry)
            value = -1
            if kind == _SHORT:
                if 2 * values > len(raw):
                    (place,) = struct.unpack(order + ("Q" if big else "I"), raw)
                    raw = data[place : place + 2]
                value = struct.unpack_from(order + "H", raw)[0] if len(raw) >= 2 else -1
            yield tag, kind, value


def _places(image: Any, data: bytes) -> list[tuple[int, int]]:
    """Offset and length of each strip or tile. Raises InvalidImage."""
    tags = image.tag_v2
    offsets: tuple[int, ...] = tags.get(_OFFSETS[0], tags.get(_OFFSETS[1], ()))
    if tags.get(_COMPRESSION, _RAW) == _RAW:
        return _raw_places(image)
    lengths: tuple[int, ...] = tags.get(_COUNTS[0], tags.get(_COUNTS[1], ()))
    if len(offsets) == 1 and not any(lengths):  # which libtiff takes for all that is behind it
        lengths = (max(0, len(data) - offsets[0]),)
    if len(offsets) != len(lengths):
        raise InvalidImage("The TIFF does not say of each strip or tile how long it is.")
    return list(zip(offsets, lengths, strict=True))


def _raw_places(image: Any) -> list[tuple[int, int]]:
    """Of pixels that are not compressed Pillow reads as many bytes as it needs."""
    bits = sum(image.tag_v2.get(258, (1,)))
    planes = len(image.tag_v2.get(258, (1,))) if image.tag_v2.get(284, 1) == 2 else 1
    return [
        (tile.offset, -(-(right - left) * bits // (8 * planes)) * (bottom - top))
        for tile in image.tile
        for left, top, right, bottom in [tile.extents]
    ]


def _check_padding(image: Any) -> None:
    """A tile is unpacked whole, whatever of it lies within the picture. Raises ImageTooLarge."""
    tags = image.tag_v2
    if _TILE_WIDTH not in tags and _TILE_LENGTH not in tags:
        return
    width, length = tags.get(_TILE_WIDTH), tags.get(_TILE_LENGTH)
    if not isinstance(width, int) or not isinstance(length, int) or not width or not length:
        raise InvalidImage("The TIFF has tiles of no size.")
    pixels = tags[256] * tags[257]
    padded = -(-tags[256] // width) * width * -(-tags[257] // length) * length
    if padded > max(_MOST_PADDED, _MOST_TIMES_PADDED * pixels):
        raise ImageTooLarge(
            f"The TIFF unpacks {padded} pixels in its tiles, for a picture of {pixels}."
            " Send it with smaller tiles, or in strips."
        )
