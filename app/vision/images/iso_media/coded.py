"""What the coded content of an item or a sample declares, in any codec."""

from dataclasses import dataclass

from app.vision.images.iso_media.boxes import too_many

_MOST_UNITS = 20_000
"""Units of all items together; a tile has about four."""


@dataclass
class Coded:
    pixels: int = 0
    """Pixels of the largest frame."""
    passes: float = 0
    """How often pixels of a frame of that size are gone over."""
    pixel_bytes: float = 0
    """Bytes that a decoder takes for a pixel of a frame, all planes together."""
    held: int = 1
    """Frames that a decoder holds at a time."""

    @property
    def frame_bytes(self) -> float:
        """Memory of the decoder's frames."""
        return self.pixels * self.pixel_bytes * self.held


@dataclass
class Units:
    """Counts the units that the streams of one file are cut into."""

    left: int = _MOST_UNITS

    def count(self) -> None:
        """Counts one. Raises InvalidImage if there are too many."""
        self.left -= 1
        if self.left < 0:
            raise too_many("units", _MOST_UNITS)
