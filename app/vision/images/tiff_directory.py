"""Limits on the fields of TIFF directories, which EXIF and MPO use as well."""

import ctypes
import struct
from collections.abc import Iterator
from contextlib import suppress
from typing import IO

from PIL import TiffImagePlugin, _imaging

from app.errors import InvalidImage, InvalidImageFormat

_WHOLE_NUMBERS = frozenset({3, 4, 13, 16})  # offsets and lengths of strips have these types
_KEPT_AS_BYTES = frozenset({1, 2, 7})
_TYPE_BYTES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8)
"""Bytes per value, by the number of its type."""
_MOST_OF_WHOLE_NUMBERS = 1_000_000  # bytes
_MOST_OF_OTHERS = 80_000  # bytes; rational numbers, 10,000 of them
_MOST_ENTRIES = 1000
"""libtiff sorts its list of known fields again for each unknown one."""

_COMPRESSION = 259
_OFFSETS, _COUNTS = (324, 273), (325, 279)
_TABLES = 347
_RAW, _JPEG = 1, 7
# The time for CCITT, LZW, JPEG, Deflate, PackBits and Zstandard is proportional to the output.
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
"""Fields that describe the layout of the pixels. Pillow and libtiff read them independently."""
_SHORT = 3
_LAYOUT_TYPES = frozenset({_SHORT, 4, 16})
_OTHER_TYPES = {_COMPRESSION: {3}, _TABLES: {1, 7}, 532: {3, 4, 5}}


class BoundedDirectory(TiffImagePlugin.ImageFileDirectory_v2):
    """Rejects data that would become millions of numbers while it is still bytes."""

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
    """Makes Pillow use ``BoundedDirectory``, and silences libtiff.

    libtiff's messages would bypass the log and go to standard error.
    """
    if TiffImagePlugin.ImageFileDirectory_v2 is BoundedDirectory:
        return
    TiffImagePlugin.ImageFileDirectory_v2 = BoundedDirectory  # type: ignore[misc]
    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(_imaging.__file__)
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)


def check_directory(data: bytes) -> int:
    """Checks the first directory before a decoder reads it. Returns the size of its fields.

    Raises InvalidImage, or InvalidImageFormat for an unsupported compression.
    """
    seen = set()
    field_bytes = 0
    for count, (tag, kind, values, value) in enumerate(entries(data)):
        field_bytes += values * _TYPE_BYTES[kind] if kind < len(_TYPE_BYTES) else 0
        if count >= _MOST_ENTRIES:
            raise InvalidImage("The TIFF has too many fields.")
        if tag not in _LAYOUT:
            continue
        if tag in seen or kind not in _OTHER_TYPES.get(tag, _LAYOUT_TYPES):
            raise InvalidImage(f"The TIFF has field {tag} twice, or not as an integer.")
        seen.add(tag)
        if tag == _COMPRESSION and value not in _READ:
            name = _NAMES.get(value, f"number {value}")
            raise InvalidImageFormat(
                f"This TIFF is compressed with {name}, which is not supported. Send it with"
                " Deflate, LZW or JPEG compression, or as PNG or JPEG."
            )
    if seen.issuperset(_OFFSETS) or seen.issuperset(_COUNTS):
        raise InvalidImage("The TIFF has both strips and tiles.")
    return min(field_bytes, len(data))  # Pillow does not read more than that


def entries(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Tag, type, number of values, and the first value if it is a 16-bit integer, else -1.

    Raises InvalidImage for a BigTIFF in big-endian order.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    if big and order == ">":  # Pillow does not read it, either
        raise InvalidImage("A BigTIFF in big-endian order is not supported.")
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
            yield tag, kind, values, value
