"""What the coded content of an item or a sample declares, in any codec."""

from dataclasses import dataclass


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
    units: int = 0

    @property
    def frame_bytes(self) -> float:
        """Memory of the decoder's frames."""
        return self.pixels * self.pixel_bytes * self.held
