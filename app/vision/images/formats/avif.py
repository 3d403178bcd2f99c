"""AVIF: the picture, or the first one of a sequence. Pillow decodes it with libavif and dav1d."""

from PIL.ImageFile import ImageFile

from app.errors import InvalidImage
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with_brand
from app.vision.images.memory import Memory, Size

_FREE_PIXELS = 1_000_000
"""A frame of up to this size may be larger than the picture."""
_BYTES_DECODING, _BYTES_HELD = 10.5, 8
"""Bytes per pixel, in addition to the decoder's frames."""
_COPIES = 2


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from app.vision.images.iso_media import avif_cost

    metadata_bytes, cost = avif_cost.inspect(data, max_pixels)

    def memory(image: ImageFile, full: Size) -> Memory:
        if cost.largest > max(2 * image.width * image.height, _FREE_PIXELS):
            raise InvalidImage("The AVIF has frames that are larger than its declared size.")
        pixels = max(image.width * image.height, cost.largest)
        return Memory(
            int(pixels * _BYTES_DECODING + cost.frame_bytes),
            int(pixels * _BYTES_HELD + cost.frame_bytes),
        )

    return Inspection(_COPIES * metadata_bytes, memory)


FORMAT = Format(
    name="AVIF",
    media_type="image/avif",
    suffixes=(".avif",),
    begins=begins_with_brand(b"avif", b"avis"),
    pillow_name="AVIF",
    plugin="PIL.AvifImagePlugin",
    orientation=Orientation.IN_HEADER,
    inspect=_inspect,
)
