"""JPEG, and MPO: a JPEG that is followed by more pictures, of which the first is read."""

from PIL.ImageFile import ImageFile

from app.vision.images import jpeg_scans
from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    begins_with,
    plugin,
)
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 3
"""Pillow keeps each segment, takes it apart, and puts profiles together again."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    header = jpeg_scans.read_header(data)

    def check_opened(image: ImageFile) -> None:
        header.check_scans()

    def memory(image: ImageFile, full: Size) -> Memory:
        return pillow_memory(image, header.block_bytes(full))

    return Inspection(_COPIES * header.scan, check_opened, memory)


FORMAT = Format(
    name="JPEG",
    variants=("MPO",),
    media_type="image/jpeg",
    suffixes=(".jpg", ".jpeg", ".mpo"),
    begins=begins_with(b"\xff\xd8\xff"),
    pillow_name="JPEG",
    register=plugin("JpegImagePlugin"),
    extra=None,
    scales=True,
    releases_buffers=True,
    has_exif=True,
    orientation=Orientation.IN_HEADER,
    most_reads=USUAL_READS,
    inspect=_inspect,
)
