"""TIFF: the first picture of the file."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import (
    USUAL_READS,
    Format,
    Inspection,
    Orientation,
    begins_with,
    plugin,
)
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 2


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from app.vision.images import tiff_directory, tiff_strips

    field_bytes = tiff_directory.check_directory(data)

    def check_opened(image: ImageFile) -> None:
        tiff_strips.check_parts(image, data)

    def memory(image: ImageFile, full: Size) -> Memory:
        pixels = pillow_memory(image)
        return pillow_memory(image, tiff_strips.decoder_bytes(image, data, pixels.held))

    return Inspection(_COPIES * field_bytes, check_opened, memory)


FORMAT = Format(
    name="TIFF",
    variants=(),
    media_type="image/tiff",
    suffixes=(".tif", ".tiff"),
    begins=begins_with(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    pillow_name="TIFF",
    register=plugin("TiffImagePlugin"),
    extra=None,
    scales=False,
    releases_buffers=False,
    has_exif=True,
    orientation=Orientation.APPLIED,
    most_reads=USUAL_READS,
    inspect=_inspect,
)
