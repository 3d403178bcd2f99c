"""Cost of decoding a HEIC: the pixels that libheif with libde265 would process."""

from collections import Counter

from app.errors import InvalidImageFormat
from app.vision.images.iso_media import hevc, structure
from app.vision.images.iso_media.coded import Coded, Units
from app.vision.images.iso_media.cost import Cost, check, check_metadata
from app.vision.images.iso_media.item_costs import ItemCosts, property_of
from app.vision.images.iso_media.items import File, Item

_MOST_LAYERS = 3
"""Colours and transparency, both rotated; a picture with three slices."""
_BYTE_PIXELS = 8
_WORK_A_PIXEL = 5
"""Four bits per pixel, 1.5 times what a camera writes at its best quality."""


def inspect(data: bytes, max_pixels: int) -> tuple[int, Cost]:
    """Bytes of metadata that are copied when the file is opened, and the cost of decoding.

    Raises InvalidImage, InvalidImageFormat or ImageTooLarge.
    """
    file = structure.read(data)
    if any(item.kind == b"tili" for item in file.items.values()):
        # libheif builds a table of all tiles when it opens the file.
        raise InvalidImageFormat(
            "This HEIC has a tiled image of the kind 'tili', which is not supported."
            " Save it as a single picture, for example as JPEG."
        )
    metadata_bytes = _metadata_bytes(file)
    check_metadata("HEIC", metadata_bytes)
    cost = cost_of(file)
    check(
        cost,
        "HEIC",
        max_pixels,
        layers=_MOST_LAYERS,
        byte_pixels=_BYTE_PIXELS,
        work=_WORK_A_PIXEL,
    )
    return metadata_bytes, cost


def cost_of(file: File) -> Cost:
    """Raises InvalidImage or InvalidImageFormat."""

    units = Units()

    def measure(item: Item) -> Coded:
        box = property_of(item, b"hvcC") or property_of(item, b"lhvC")
        if box is None:
            return Coded()
        return hevc.measure(file.data[box.start : box.end], file.content(item), units)

    return ItemCosts(file, "HEIC", measure, turns=True).decoded()


def _metadata_bytes(file: File) -> int:
    """libheif copies metadata and profiles once for each picture of the file."""
    described: Counter[int] = Counter()
    for item in file.items.values():
        for master in item.masters.get(b"cdsc", ()):
            described[master] += item.size
    shown = [(number, item) for number, item in file.items.items() if not item.hidden]
    return sum(described[number] + item.property_size for number, item in shown)
