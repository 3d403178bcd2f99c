"""Cost of decoding a HEIC: the pixels that libheif with libde265 would go over."""

from collections import Counter

from app.errors import InvalidImageFormat
from app.vision.images.iso_media import hevc
from app.vision.images.iso_media.boxes import Box
from app.vision.images.iso_media.cost import Coded, Cost, check, check_metadata
from app.vision.images.iso_media.item_costs import ItemCosts, property_of
from app.vision.images.iso_media.items import File, Item

_MOST_LAYERS = 3
"""Colours and transparency, both turned; a picture in three slices."""
_BYTE_PIXELS = 8
_CONFIGURATIONS = (b"hvcC", b"lhvC")


def check_cost(cost: Cost, max_pixels: int) -> None:
    """Raises ImageTooLarge."""
    check(cost, "HEIC", _MOST_LAYERS, _BYTE_PIXELS, max_pixels)


def metadata_bytes(file: File) -> int:
    """Bytes of metadata and profiles that libheif copies, once for each picture of the file.

    Raises InvalidImage if there are too many.
    """
    described: Counter[int] = Counter()
    for item in file.items.values():
        for master in item.masters.get(b"cdsc", ()):
            described[master] += item.size
    shown = [(number, item) for number, item in file.items.items() if not item.hidden]
    size = sum(described[number] + item.property_size for number, item in shown)
    check_metadata("HEIC", size)
    return size


def check_tiled(file: File) -> None:
    """libheif makes a table of all tiles of a `tili` item when it opens the file.

    Raises InvalidImageFormat.
    """
    if any(item.kind == b"tili" for item in file.items.values()):
        raise InvalidImageFormat(
            "This HEIC has a tiled image of the kind 'tili', which is not decoded here."
            " Save it as a single picture, for example as JPEG."
        )


def cost_of(file: File) -> Cost:
    """Raises InvalidImage or InvalidImageFormat."""

    def measure(item: Item, most_units: int) -> Coded:
        boxes = [box for kind in _CONFIGURATIONS if (box := property_of(item, kind))]
        return _coded(file, item, boxes, most_units)

    return ItemCosts(file, "HEIC", measure, turns=True).decoded()


def _coded(file: File, item: Item, boxes: list[Box], most_units: int) -> Coded:
    if not boxes:
        return Coded()
    configuration = file.data[boxes[0].start : boxes[0].end]
    found = hevc.measure(configuration, file.content(item), most_units)
    return Coded(found.largest, found.passes, found.largest * found.pixel_bytes, found.units)
