"""HEIC, decoded by an optional package with libheif and libde265."""

from PIL.ImageFile import ImageFile

from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with_brand
from app.vision.images.memory import Memory, Size

_BYTES_DECODING, _BYTES_HELD = 7, 4
"""Bytes per pixel, in addition to the decoder's frames."""
_COPIES = 2
"""libheif keeps two copies of its frames, its coded bytes and its metadata."""


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from app.vision.images.iso_media import heif_cost

    metadata_bytes, cost = heif_cost.inspect(data, max_pixels)

    def memory(image: ImageFile, full: Size) -> Memory:
        pixels = max(image.width * image.height, cost.largest)
        beside = _COPIES * (cost.frame_bytes + min(cost.bytes, len(data)))
        return Memory(int(pixels * _BYTES_DECODING + beside), int(pixels * _BYTES_HELD + beside))

    return Inspection(_COPIES * metadata_bytes, memory)


_HEVC = begins_with_brand(*(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_ANY_PICTURE = begins_with_brand(b"mif1", b"msf1")
_AV1 = begins_with_brand(b"avif", b"avis")


def _begins(data: bytes) -> bool:
    return _HEVC(data) or (_ANY_PICTURE(data) and not _AV1(data))


FORMAT = Format(
    name="HEIC",
    media_type="image/heic",
    suffixes=(".heic", ".heif"),
    begins=_begins,
    pillow_name="HEIF",
    plugin="pi_heif.HeifImagePlugin",
    extra="heif",
    orientation=Orientation.APPLIED,
    inspect=_inspect,
)
