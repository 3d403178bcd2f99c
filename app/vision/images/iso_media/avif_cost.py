"""Cost of decoding an AVIF: the pixels and bytes that libavif with dav1d would process."""

import os

from app.vision.images.iso_media import av1, structure
from app.vision.images.iso_media.coded import Coded, Units
from app.vision.images.iso_media.cost import Cost, check, check_metadata
from app.vision.images.iso_media.item_costs import ItemCosts
from app.vision.images.iso_media.items import CODED, File, Item

_MOST_LAYERS = 4
"""Colours and transparency, each with a preview frame."""
_BYTE_PIXELS = 5
_THREAD_BYTES = 500_000
"""Memory of a decoder for each of its threads; it has one per core."""
_LAYERS = {b"a1op", b"lsel", b"a1lx"}


def inspect(data: bytes, max_pixels: int) -> tuple[int, Cost]:
    """Bytes of metadata that are copied when the file is opened, and the cost of decoding.

    Raises InvalidImage, InvalidImageFormat or ImageTooLarge.
    """
    file = structure.read(data)
    items = [item for part in (file, *file.tracks) for item in part.items.values()]
    metadata_bytes = sum(item.size for item in items if item.kind not in CODED)
    metadata_bytes += max((item.property_size for item in items), default=0)
    check_metadata("AVIF", metadata_bytes)
    cost = cost_of(file)
    check(
        cost,
        "AVIF",
        max_pixels,
        layers=_MOST_LAYERS,
        byte_pixels=_BYTE_PIXELS,
        work=_MOST_LAYERS,
    )
    return metadata_bytes, cost


def cost_of(file: File) -> Cost:
    """Raises InvalidImage or InvalidImageFormat."""

    units = Units()

    def measure(item: Item) -> Coded:
        return av1.measure(file.content(item), units)

    costs = ItemCosts(file, "AVIF", measure, turns=False)
    cost = costs.decoded()
    if file.items.get(file.primary, Item()).inputs:
        cost += Cost(frame_bytes=cost.frame_bytes)  # tiles, and their destination
    # A `sato` item computes a more precise version of the primary picture from its own inputs.
    for number, item in file.items.items():
        if item.kind == b"sato":
            cost += costs.cost(number)
    cost += Cost(frame_bytes=_decoders_bytes(file))
    return cost.larger(_of_tracks(file, units))


def _decoders_bytes(file: File) -> int:
    """Memory of decoders beyond the first: if tiles have layers, each tile has its own decoder."""
    tiles = [item for item in file.items.values() if item.kind == b"av01"]
    layered = any(box.kind in _LAYERS for item in tiles for box in item.properties)
    return len(tiles) * _THREAD_BYTES * (os.cpu_count() or 1) if layered else 0


def _of_tracks(file: File, units: Units) -> Cost:
    """Cost of a sequence, which is decoded from its tracks: colours and transparency."""
    cost = Cost()
    for start, end in file.first_samples:
        coded = av1.measure(file.data[start:end], units)
        pixels = coded.pixels
        cost += Cost(pixels * coded.passes, end - start, coded.frame_bytes, pixels, pixels)
    return cost
