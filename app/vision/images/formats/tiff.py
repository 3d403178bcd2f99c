"""TIFF: the first picture of the file."""

from collections.abc import Mapping
from typing import Any

from PIL.ImageFile import ImageFile

from app.errors import ImageTooLarge, InvalidImage
from app.vision.images.colour import Flatten
from app.vision.images.formats.record import Format, Inspection, Orientation, begins_with
from app.vision.images.memory import Memory, Size, pillow_memory

_COPIES = 2
_MOST_TILES = 50_000
_MOST_LAYERS = 6
_MOST_TABLE_BYTES = 65_536
_MOST_JPEGS = 20_000
_MOST_PADDED_PIXELS, _MOST_TIMES_PADDED = 20_000_000, 1.5
"""Limits if tiles have more pixels than the picture: their number, and the ratio of the two."""

_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION = 258, 259, 262, 274
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH, _TABLES = 278, 322, 323, 347
_OFFSETS, _COUNTS = (324, 273), (325, 279)
_RAW, _JPEG = 1, 7
_YCBCR = 6


def _inspect(data: bytes, max_pixels: int) -> Inspection:
    from app.vision.images import tiff_directory

    field_bytes = tiff_directory.check_directory(data)

    def memory(image: ImageFile, full: Size) -> Memory:
        _check_parts(image, data)
        pixels = pillow_memory(image)
        return pillow_memory(image, _decoder_bytes(image, data, pixels.held))

    def flatten(image: ImageFile) -> Flatten | None:
        from app.vision.images.tiff_samples import TiffFile

        return image.flatten if isinstance(image, TiffFile) else None

    return Inspection(_COPIES * field_bytes, memory, flatten)


def _check_parts(image: Any, data: bytes) -> None:
    """Checks strips and tiles. ``image`` has been opened but not loaded.

    Raises InvalidImage or ImageTooLarge.
    """
    extents = [tile.extents for tile in image.tile]
    area = sum((right - left) * (bottom - top) for left, top, right, bottom in extents)
    if len(extents) > _MOST_TILES or area > image.width * image.height * _MOST_LAYERS:
        raise InvalidImage("The TIFF has more parts than its picture needs.")
    parts = _places(image, data)
    if image.tag_v2.get(_COMPRESSION, _RAW) == _RAW:
        parts = [part for part in parts if part[0] < len(data)]
    else:
        _check_padding(image)
    end = 0
    for start, length in sorted(part for part in parts if part[1]):
        if start < end:
            raise InvalidImage("The TIFF has strips or tiles that share bytes.")
        end = start + length
    if sum(length for _, length in parts) > len(data):
        raise InvalidImage("The TIFF declares more bytes in its strips or tiles than it has.")


def _decoder_bytes(image: Any, data: bytes, pixel_bytes: int) -> int:
    """Memory of the decoder in addition to Pillow's pixels, which take ``pixel_bytes``.

    ``image`` has been opened but not loaded. Raises InvalidImage for JPEGs that take too long.
    """
    # A strip or a tile is unpacked as a whole, and may be larger than the image.
    tags: Mapping[int, Any] = image.tag_v2
    turned = pixel_bytes if tags.get(_ORIENTATION, 1) != 1 else 0
    if tags.get(_COMPRESSION, _RAW) == _RAW:
        return turned
    if _TILE_WIDTH in tags:
        pixels = tags[_TILE_WIDTH] * tags[_TILE_LENGTH]
    else:
        pixels = image.width * min(image.height, tags.get(_ROWS_PER_STRIP, image.height))
    bits = sum(tags.get(_BITS_PER_SAMPLE, (1,)))
    if tags.get(_PHOTOMETRIC) == _YCBCR:
        bits += 32  # libtiff's own conversion to RGBA
    unpacked = int(pixels * bits) // 8
    return max(turned, unpacked) + jpeg_bytes(image, data)


def jpeg_bytes(image: Any, data: bytes) -> int:
    """Memory of the coefficients of the largest JPEG with several scans. Raises InvalidImage."""
    if image.tag_v2.get(_COMPRESSION, _RAW) != _JPEG:
        return 0
    if len(image.tag_v2.get(_TABLES, b"")) > _MOST_TABLE_BYTES:
        raise InvalidImage("The JPEG tables of the TIFF are too large.")
    parts = _places(image, data)
    if len(parts) > _MOST_JPEGS:
        raise InvalidImage("The TIFF contains too many JPEGs.")
    from app.vision.images import jpeg_scans

    return jpeg_scans.check_parts(data, [(start, start + length) for start, length in parts])


def _places(image: Any, data: bytes) -> list[tuple[int, int]]:
    """Offset and length of each strip or tile. Raises InvalidImage."""
    tags = image.tag_v2
    offsets: tuple[int, ...] = tags.get(_OFFSETS[0], tags.get(_OFFSETS[1], ()))
    if tags.get(_COMPRESSION, _RAW) == _RAW:
        return _raw_places(image)
    lengths: tuple[int, ...] = tags.get(_COUNTS[0], tags.get(_COUNTS[1], ()))
    if len(offsets) == 1 and not any(lengths):  # libtiff then reads everything that follows
        lengths = (max(0, len(data) - offsets[0]),)
    if len(offsets) != len(lengths):
        raise InvalidImage("The TIFF does not give the length of each strip or tile.")
    return list(zip(offsets, lengths, strict=True))


def _raw_places(image: Any) -> list[tuple[int, int]]:
    """Offset and length of each uncompressed part; Pillow reads only what the pixels need."""
    bits = sum(image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
    planes = len(image.tag_v2.get(_BITS_PER_SAMPLE, (1,))) if image.tag_v2.get(284, 1) == 2 else 1
    return [
        (tile.offset, -(-(right - left) * bits // (8 * planes)) * (bottom - top))
        for tile in image.tile
        for left, top, right, bottom in [tile.extents]
    ]


def _check_padding(image: Any) -> None:
    """A tile is unpacked as a whole, even if little of it lies within the picture.

    Raises ImageTooLarge, or InvalidImage for tiles without a valid size.
    """
    tags = image.tag_v2
    if _TILE_WIDTH not in tags and _TILE_LENGTH not in tags:
        return
    width, length = tags.get(_TILE_WIDTH), tags.get(_TILE_LENGTH)
    if not isinstance(width, int) or not isinstance(length, int) or not width or not length:
        raise InvalidImage("The TIFF has tiles without a valid size.")
    pixels = tags[256] * tags[257]
    padded = -(-tags[256] // width) * width * -(-tags[257] // length) * length
    if padded > max(_MOST_PADDED_PIXELS, _MOST_TIMES_PADDED * pixels):
        raise ImageTooLarge(
            f"The tiles of the TIFF have {padded} pixels, for a picture of {pixels}."
            " Send it with smaller tiles, or in strips."
        )


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
