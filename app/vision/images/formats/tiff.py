"""TIFF: the first picture of the file."""

from PIL.ImageFile import ImageFile

from app.vision.images.colour import Flatten
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 2


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from app.vision.images import tiff_directory, tiff_strips

    field_bytes = tiff_directory.check_directory(data)

    def memory(image: ImageFile, full: Size) -> Memory:
        tiff_strips.check_parts(image, data)
        pixels = pillow_memory(image)
        return pillow_memory(image, tiff_strips.decoder_bytes(image, data, pixels.held))

    def flatten(image: ImageFile) -> Flatten | None:
        from app.vision.images.tiff_samples import TiffFile

        return image.flatten if isinstance(image, TiffFile) else None

    return Inspection(_COPIES * field_bytes, memory, flatten)


FORMAT = Format(
    name="TIFF",
    media_type="image/tiff",
    suffixes=(".tif", ".tiff"),
    begins=begins_with(b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"),
    pillow_name="TIFF",
    plugin="app.vision.images.tiff_samples",
    orientation=Orientation.APPLIED,
    inspect=_inspect,
)
