"""JPEG, and MPO: a JPEG followed by more pictures, of which only the first is read."""

from PIL.ImageFile import ImageFile

from app.vision.images import jpeg_header, jpeg_pixels
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 3
"""Pillow keeps each segment, parses it, and joins the parts of profiles."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    header = jpeg_header.read(data)
    metadata = jpeg_header.read_metadata(data, header.scan)

    def memory(image: ImageFile, full: Size) -> Memory:
        if header.frame and not header.has_plain_scan:
            from app.vision.images import jpeg_scans

            jpeg_scans.check(header)
        return pillow_memory(image, header.block_bytes(full))

    return Inspection(
        _COPIES * metadata.kept_bytes,
        memory,
        load=lambda image: jpeg_pixels.load(image, header),
        skips=metadata.skips,
        orientation=metadata.orientation,
    )


FORMAT = Format(
    name="JPEG",
    variants=("MPO",),
    media_type="image/jpeg",
    suffixes=(".jpg", ".jpeg", ".mpo"),
    begins=begins_with(b"\xff\xd8\xff"),
    pillow_name="JPEG",
    plugin="PIL.JpegImagePlugin",
    scales=True,
    releases_buffers=True,
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
