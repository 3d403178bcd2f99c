"""Bounds on the AV1 frames of an AVIF: its container declares a size, its frames another."""

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images.bounds import av1
from app.vision.images.bounds.isobmff import TooMany, payloads

_FREE = 1_000_000
"""Pixels of a frame that may be larger than the picture: a picture's own edge, thumbnails."""
_MOST_LAYERS = 4
"""Colours, transparency, and frames for a first look."""


def check_frames(data: bytes, pixels: int, max_pixels: int) -> None:
    """Raises InvalidImage or ImageTooLarge. ``pixels`` are those that the container declares."""
    try:
        streams = [av1.measure(payload) for payload in payloads(data)]
    except TooMany as error:
        raise InvalidImage("The AVIF is made of more parts than are read here.") from error
    if any(stream.largest > max(2 * pixels, _FREE) for stream in streams):
        raise InvalidImage("The AVIF holds frames that are larger than the size that it declares.")
    work = sum(stream.largest * stream.frames for stream in streams)
    if work > max(_MOST_LAYERS * pixels, max_pixels):
        raise ImageTooLarge(
            f"The AVIF holds {work} pixels in all its frames and at most {max_pixels} are allowed."
        )
