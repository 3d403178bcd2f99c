"""Items of an ISO base media file: pictures, tiles and metadata, and their relations."""

from collections import Counter
from dataclasses import dataclass, field

from app.vision.images.iso_media.boxes import Box

CODED = {b"av01", b"hvc1", b"hev1", b"lhv1", b"avc1", b"vvc1", b"evc1", b"j2k1", b"jpeg", b"unci"}
"""Kinds of items with coded pixels."""

Extent = tuple[int, int]
"""Start and end of a piece of the file."""


@dataclass(slots=True)
class Item:
    kind: bytes = b""
    hidden: bool = False
    extents: list[Extent] = field(default_factory=list)
    readable: bool = True
    """False if the item is stored in another item or another file."""
    properties: list[Box] = field(default_factory=list)
    inputs: Counter[int] = field(default_factory=Counter)
    """Items that this one is derived from (`dimg`), and how often each is used."""
    masters: dict[bytes, list[int]] = field(default_factory=dict)
    """Items that this one belongs to, by the kind of reference: `auxl`, `thmb`, `cdsc`."""

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.extents)

    @property
    def property_size(self) -> int:
        return sum(box.end - box.start for box in self.properties)


@dataclass(slots=True)
class File:
    data: memoryview
    primary: int = -1
    """Number of the item to show; -1 if the file does not name one."""
    items: dict[int, Item] = field(default_factory=dict)
    first_samples: list[Extent] = field(default_factory=list)
    """The first sample of each track: only the first picture of a sequence is decoded."""
    tracks: list["File"] = field(default_factory=list)
    """Items of the tracks, which have their own metadata."""

    def content(self, item: Item) -> memoryview:
        """Bytes of an item, copied only if it is stored in several pieces."""
        if len(item.extents) == 1:
            start, end = item.extents[0]
            return self.data[start:end]
        return memoryview(b"".join(self.data[start:end] for start, end in item.extents))
