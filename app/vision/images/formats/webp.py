"""WebP: the first frame."""

from PIL.ImageFile import ImageFile

from app.errors import InvalidImage
from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    nothing_more,
    plugin,
)
from app.vision.images.limits import check_pixels
from app.vision.images.memory import Memory, Size

_MOST_CHUNKS = 20_000
"""Each frame of an animation is one; the decoder keeps a record of each that it does not know."""
_HEADER_BYTES = 12
_BYTES_DECODING, _BYTES_HELD = 16, 12
"""For each pixel: two canvases, the frame, and Pillow's own pixels."""
_COPIES_OF_FILE = 2
"""One for the decoder, and one while Pillow puts it together or takes chunks out of it."""


def _begins(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    _check_chunks(data)
    # The decoder makes room for its canvases when the file is opened.
    check_pixels(_canvas(data), max_pixels)
    return Inspection(_COPIES_OF_FILE * len(data), nothing_more, _memory)


def _memory(image: ImageFile, full: Size) -> Memory:
    pixels = image.width * image.height
    return Memory(pixels * _BYTES_DECODING, pixels * _BYTES_HELD)


def _check_chunks(data: bytes) -> None:
    """Raises InvalidImage."""
    at = _HEADER_BYTES
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    raise InvalidImage("The WebP has more chunks than are read here.")


def _canvas(data: bytes) -> Size:
    """Width and height that the first chunk declares; 0 x 0 if no decoder can read it."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:
        return 0, 0
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8 ":
        width, height = body[6:8], body[8:10]
        return int.from_bytes(width, "little") & 0x3FFF, int.from_bytes(height, "little") & 0x3FFF
    if kind == b"VP8L":
        sizes = int.from_bytes(body[1:5], "little")
        return 1 + (sizes & 0x3FFF), 1 + (sizes >> 14 & 0x3FFF)
    return 0, 0


FORMAT = Format(
    name="WebP",
    variants=(),
    media_type="image/webp",
    suffixes=(".webp",),
    begins=_begins,
    pillow_name="WEBP",
    register=plugin("WebPImagePlugin"),
    extra=None,
    scales=False,
    releases_buffers=False,
    has_exif=True,
    orientation=Orientation.IN_HEADER,
    most_reads=USUAL_READS,
    inspect=_inspect,
)
