"""Bounds on TIFF files and their directories, in whose form EXIF and MPO keep theirs, too."""

import ctypes
from contextlib import suppress
from typing import IO, Any

from PIL import TiffImagePlugin, _imaging

from app.errors import InvalidImage

_WHOLE_NUMBERS = frozenset({3, 4, 13, 16})  # which offsets and lengths of strips are, too
_KEPT_AS_BYTES = frozenset({1, 2, 7})
_MOST_OF_WHOLE_NUMBERS = 1_000_000  # bytes
_MOST_OF_OTHERS = 80_000  # bytes; rational numbers, 10,000 of them
_MOST_TILES = 50_000
_MOST_LAYERS = 6


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


def check_tiles(image: Any) -> None:
    """Tiles may lie over each other, thousands deep. Raises InvalidImage."""
    extents = [tile.extents for tile in image.tile]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in extents)
    if len(extents) > _MOST_TILES or area > image.width * image.height * _MOST_LAYERS:
        raise InvalidImage("The TIFF has more parts than its picture needs.")
