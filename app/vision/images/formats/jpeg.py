"""JPEG, and MPO: a JPEG that is followed by more pictures, of which the first is read."""

from PIL.ImageFile import ImageFile

from app.vision.images import jpeg_pixels, jpeg_scans, jpeg_segments
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 3
"""Pillow keeps each segment, takes it apart, and puts profiles together again."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    header = jpeg_scans.read_header(data)
    segments = jpeg_segments.read(data, header.scan)

    def memory(image: ImageFile, full: Size) -> Memory:
        header.check_scans()
        return pillow_memory(image, header.block_bytes(full))

    def load(image: ImageFile) -> None:
        jpeg_pixels.load(image, header)

    return Inspection(
        _COPIES * segments.kept_bytes,
        memory,
        load=load,
        skips=segments.skips,
        orientation=segments.orientation,
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
