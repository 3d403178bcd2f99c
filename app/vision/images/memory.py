"""What decoding an image takes in memory at its peak, told from its header.

The figures are bytes over idle, measured with large files of each format; the tests measure them
again.
"""

import sys
from collections.abc import Mapping
from typing import Any

from PIL import Image

from app.vision.images.bounds.jpeg import blocks_of_scans

Size = tuple[int, int]
"""Width and height, as Pillow has it."""

_RGB_BYTES = 4
"""A pixel, of RGB and of whatever else Pillow does not keep in one or two."""
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}

# A pixel, while the decoder works and from then on until the image is closed: these decode into
# planes or canvases of their own first. AVIF and HEIC keep their frames beside that, HEIC twice.
_OWN_BUFFERS = {"WEBP": (16, 12), "GIF": (3, 2)}
_AVIF_BYTES = (10.5, 8)
_HEIF_BYTES = (7, 4)

_BLOCK_BYTES = 64 * 2
_FEW_BYTES = 1_000_000
"""Of metadata; as every photo has them, and the allocator's own slack is larger."""
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 278, 322, 323
_BITS_PER_SAMPLE, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION = 258, 259, 262, 274
_YCBCR = 6


def peak_bytes(image: Image.Image, data: bytes, full: Size, factor: int) -> int:
    """Of ``data``, opened as ``image`` and not loaded, made into RGB and turned upright.

    ``full`` is the stored size, where ``image`` is to be decoded smaller; ``factor`` is what the
    decoded pixels will be divided by.

    Raises InvalidImage for a TIFF of JPEGs that take too long.
    """
    pixels = image.width * image.height
    held = pixels * _MODE_BYTES.get(image.mode, _RGB_BYTES)
    result = -(-image.width // factor) * -(-image.height // factor) * _RGB_BYTES
    decoding = held
    if image.format in _OWN_BUFFERS:
        during, after = _OWN_BUFFERS[image.format]
        decoding, held = pixels * during, pixels * after
        if image.format == "WEBP":
            decoding, held = decoding + len(data), held + len(data)
    elif image.format == "AVIF":
        from app.vision.images.bounds import avif

        cost = avif.cost_of(data)
        pixels = max(pixels, cost.largest)
        decoding, held = (int(pixels * each + cost.frame_bytes) for each in _AVIF_BYTES)
    elif image.format == "HEIF":
        from app.vision.images.bounds import heif

        cost = heif.cost_of(data)
        pixels = max(pixels, cost.largest)
        beside = 2 * (cost.frame_bytes + min(cost.bytes, len(data)))
        decoding, held = (int(pixels * each + beside) for each in _HEIF_BYTES)
    elif image.format in ("JPEG", "MPO"):
        decoding += blocks_of_scans(data, full) * _BLOCK_BYTES
    elif image.format == "TIFF":
        from app.vision.images.bounds.tiff import jpeg_blocks

        decoding += _tiff_buffers(image, held) + jpeg_blocks(image, data) * _BLOCK_BYTES
    elif image.format == "BMP" and image.info.get("compression"):
        decoding += 2 * pixels  # run lengths: a bytearray, and its copy
    return max(decoding, held + result, 2 * result) + _metadata(image)


def _metadata(image: Any) -> int:
    """Profiles, EXIF, texts and other fields, which Pillow holds twice while it reads them."""
    kept = [*image.info.values(), *(body for _, body in getattr(image, "applist", ()))]
    size = sum(sys.getsizeof(value) for value in kept if isinstance(value, bytes | str))
    if image.format == "TIFF":
        size += sum(map(len, image.tag_v2._tagdata.values()))
    return 2 * size if size > _FEW_BYTES else 0


def _tiff_buffers(image: Any, held: int) -> int:
    """A strip or a tile is unpacked whole, and either may be larger than the image."""
    tags: Mapping[int, Any] = image.tag_v2
    turned = held if tags.get(_ORIENTATION, 1) != 1 else 0
    if tags.get(_COMPRESSION, 1) == 1:
        return turned
    if _TILE_WIDTH in tags:
        pixels = tags[_TILE_WIDTH] * tags[_TILE_LENGTH]
    else:
        pixels = image.width * min(image.height, tags.get(_ROWS_PER_STRIP, image.height))
    bits = sum(tags.get(_BITS_PER_SAMPLE, (1,)))
    if tags.get(_PHOTOMETRIC) == _YCBCR:
        bits += 32  # libtiff's own conversion to RGBA
    return max(turned, int(pixels * bits) // 8)
