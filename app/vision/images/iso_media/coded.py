"""Sizes declared by the coded content of an item or a sample, and a bit reader."""

from dataclasses import dataclass

from app.vision.images.iso_media.boxes import too_many

_MOST_UNITS = 20_000
"""Limit for all items together; a tile has about four units."""


@dataclass
class Coded:
    pixels: int = 0
    """Pixels of the largest frame."""
    passes: float = 0
    """How often the pixels of a frame of that size are processed."""
    pixel_bytes: float = 0
    """Bytes per pixel of a frame in the decoder, all planes together."""
    held: int = 1
    """Frames that a decoder holds at the same time."""

    @property
    def frame_bytes(self) -> float:
        """Memory of the decoder's frames."""
        return self.pixels * self.pixel_bytes * self.held


@dataclass
class Units:
    """Limits the number of units in the streams of one file."""

    left: int = _MOST_UNITS

    def count(self) -> None:
        """Counts one unit. Raises InvalidImage if there are too many."""
        self.left -= 1
        if self.left < 0:
            raise too_many("units", _MOST_UNITS)


class Bits:
    """Reads consecutive bits of a header."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next ``count`` bits as a number; 0 if fewer are left."""
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1) if self._left >= 0 else 0

    def take_exp_golomb(self) -> int:
        """An unsigned number in the variable-length code of HEVC (9.2) and AV1 (4.10.3).

        No bits follow 32 zeros, which do not occur in HEVC.
        """
        zeros = 0
        while zeros < 32 and self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros if zeros < 32 else 0)
