"""Bounds on HEIC files: what the decoder of the extra (libheif with libde265) would go over."""

from collections import Counter

from app.errors import InvalidImageFormat
from app.vision.images.bounds import hevc, isobmff
from app.vision.images.bounds.boxes import Box
from app.vision.images.bounds.cost import Coded, Cost, check, check_metadata
from app.vision.images.bounds.items import File, Item
from app.vision.images.bounds.pictures import Pictures, property_of

_MOST_LAYERS = 3
"""Colours and transparency, both turned; a picture in three slices."""
_BYTE_PIXELS = 8
_CONFIGURATIONS = (b"hvcC", b"lhvC")


def check_file(data: bytes, max_pixels: int) -> None:
    """Raises InvalidImage, InvalidImageFormat or ImageTooLarge, from the bytes alone."""
    check(cost_of(data), "HEIC", _MOST_LAYERS, _BYTE_PIXELS, max_pixels)


def cost_of(data: bytes) -> Cost:
    """Raises InvalidImage or InvalidImageFormat."""
    file = isobmff.read(data)
    _check_tiled(file)
    _check_metadata(file)

    def measure(item: Item, most_units: int) -> Coded:
        boxes = [box for kind in _CONFIGURATIONS if (box := property_of(item, kind))]
        return _coded(file, item, boxes, most_units)

    return Pictures(file, "HEIC", measure, turns=True).decoded()


def _coded(file: File, item: Item, boxes: list[Box], most_units: int) -> Coded:
    if not boxes:
        return Coded()
    configuration = file.data[boxes[0].start : boxes[0].end]
    found = hevc.measure(configuration, file.content(item), most_units)
    return Coded(found.largest, found.passes, found.largest * found.pixel_bytes, found.units)


def _check_tiled(file: File) -> None:
    """libheif makes a table of all tiles of a `tili` item when it opens the file."""
    if any(item.kind == b"tili" for item in file.items.values()):
        raise InvalidImageFormat(
            "This HEIC has a tiled image of the kind 'tili', which is not decoded here."
            " Save it as a single picture, for example as JPEG."
        )


def _check_metadata(file: File) -> None:
    """Each picture of the file is given a copy of its colour profile and its metadata."""
    described: Counter[int] = Counter()
    for item in file.items.values():
        for master in item.masters.get(b"cdsc", ()):
            described[master] += item.size
    shown = [(number, item) for number, item in file.items.items() if not item.hidden]
    check_metadata("HEIC", sum(described[number] + item.property_size for number, item in shown))
