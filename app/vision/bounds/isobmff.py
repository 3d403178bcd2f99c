"""Reads the structure of an ISO base media file (AVIF, HEIC) without copying its content.

A file may say in a few bytes that one piece of it is to be read thousands of times. Everything that
a decoder would walk, copy or keep is therefore counted here before a decoder sees the file.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.errors import InvalidImage

CODED = {b"av01", b"hvc1", b"hev1", b"lhv1", b"avc1", b"vvc1", b"evc1", b"j2k1", b"jpeg", b"unci"}
"""Kinds of items that hold coded pixels."""

_MOST_BOXES = 10_000
_MOST_ITEMS = 4096
_MOST_ENTRIES = 20_000
"""Extents, references and associations of properties; 3,000 tiles of a grid need 15,000."""
_MOST_SAMPLES = 100_000
_MOST_TABLE_STEPS = 2_000_000
"""Chunks times runs of a track: libavif looks through all runs for each chunk."""
_MOST_HEADER_BYTES = 4_000_000
"""Of a `moov`, or of a `meta` without its `idat` and `ipco`."""
_DEEPEST = 12

_IN_FILE, _IN_IDAT = 0, 1
_TRACK_TO_TABLES = (b"mdia", b"minf", b"stbl")
_ONCE_IN_META = {b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat"}
# Boxes made of boxes, and the bytes that stand before the first of these.
_BEFORE_CHILDREN = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"tref"), 0),
    **dict.fromkeys((b"udta", b"iprp", b"ipco", b"grpl", b"sinf", b"schi", b"mvex"), 0),
    **dict.fromkeys((b"meta", b"iref"), 4),
    **dict.fromkeys((b"dref", b"stsd"), 8),
    b"ipro": 6,
    **dict.fromkeys((b"av01", b"hvc1", b"hev1", b"avc1", b"vvc1", b"j2ki", b"mjpg", b"uncv"), 78),
}

Extent = tuple[int, int]
"""Where a piece of the file begins and ends."""


@dataclass(frozen=True, slots=True)
class Box:
    kind: bytes
    start: int
    """Where its content begins."""
    end: int


@dataclass(slots=True)
class Item:
    kind: bytes = b""
    hidden: bool = False
    extents: list[Extent] = field(default_factory=list)
    readable: bool = True
    """False if the item lies in another item or another file."""
    properties: list[Box] = field(default_factory=list)
    inputs: Counter[int] = field(default_factory=Counter)
    """Items that this one is derived from (`dimg`), and how often each."""
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
    primary: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    first_samples: list[Extent] = field(default_factory=list)
    """The first sample of each track: only the first picture of a sequence is decoded."""

    def content(self, item: Item) -> memoryview:
        """Bytes of an item; copied only if it lies in several pieces."""
        if len(item.extents) == 1:
            start, end = item.extents[0]
            return self.data[start:end]
        return memoryview(b"".join(self.data[start:end] for start, end in item.extents))


def read(data: bytes) -> File:
    """Raises InvalidImage if the file has more parts than honest files have, or parts twice."""
    file = File(memoryview(data))
    _Reader(file).read()
    _check_extents(file)
    return file


class _Reader:
    """Fills a ``File``; counts boxes and entries over the whole file."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._data = file.data
        self._boxes_left = _MOST_BOXES
        self._entries_left = _MOST_ENTRIES

    def read(self) -> None:
        seen = set()
        for box in self._boxes(0, len(self._data)):
            self._spend_box()
            if box.kind not in (b"meta", b"moov", b"mini"):
                continue
            if box.kind in seen:
                raise InvalidImage(
                    f"The image has a second '{box.kind.decode()}' box. Save it again as one image."
                )
            seen.add(box.kind)
            self._count(box, 1)
            if box.kind == b"meta":
                self._meta(box)
            elif box.kind == b"moov":
                self._moov(box)
            else:
                raise InvalidImage(
                    "The image is in the minimized form ('mini'), which is not read here."
                    " Save it in the usual form."
                )

    def _boxes(self, start: int, end: int) -> Iterator[Box]:
        data = self._data
        while start + 8 <= end:
            size = _number(data, start, 4)
            kind, body = bytes(data[start + 4 : start + 8]), start + 8
            if size == 1:
                size, body = _number(data, body, 8), body + 8
            elif size == 0:
                size = end - start
            if start + size < body:
                return
            yield Box(kind, min(body, end), min(start + size, end))
            start += size

    def _count(self, box: Box, depth: int) -> None:
        """Counts the boxes inside, as decoders keep each of them."""
        if box.kind == b"iinf":
            before = 8 if box.start < box.end and self._data[box.start] else 6
        elif box.kind in _BEFORE_CHILDREN:
            before = _BEFORE_CHILDREN[box.kind]
        else:
            return
        if depth > _DEEPEST:
            raise InvalidImage("The image has boxes in boxes, deeper than is read here.")
        for child in self._boxes(box.start + before, box.end):
            self._spend_box()
            self._count(child, depth + 1)

    def _spend_box(self) -> None:
        self._boxes_left -= 1
        if self._boxes_left < 0:
            raise _too_many("boxes", _MOST_BOXES)

    def _children(self, box: Box, skip: int = 0) -> list[Box]:
        return list(self._boxes(box.start + skip, box.end))

    def _child(self, box: Box, kind: bytes, skip: int = 0) -> Box | None:
        return next(
            (child for child in self._boxes(box.start + skip, box.end) if child.kind == kind), None
        )

    def _spend(self, entries: int) -> None:
        self._entries_left -= entries
        if self._entries_left < 0:
            raise _too_many("entries", _MOST_ENTRIES)

    def _item(self, number: int) -> Item:
        """libavif makes an item of every number that it meets, wherever that stands."""
        item = self._file.items.get(number)
        if item is None:
            if len(self._file.items) >= _MOST_ITEMS:
                raise _too_many("items", _MOST_ITEMS)
            item = self._file.items[number] = Item()
        return item

    # Items.

    def _meta(self, meta: Box) -> None:
        parts: dict[bytes, Box] = {}
        for box in self._children(meta, 4):
            if box.kind in _ONCE_IN_META and box.kind in parts:
                raise InvalidImage(f"The image has '{box.kind.decode()}' twice in its 'meta' box.")
            parts[box.kind] = box
        large = parts.get(b"idat"), self._properties(parts.get(b"iprp"))
        rest = meta.end - meta.start - sum(box.end - box.start for box in large if box)
        if rest > _MOST_HEADER_BYTES:
            raise _too_many("bytes in its 'meta' box", _MOST_HEADER_BYTES)
        if b"pitm" in parts:
            numbers = _Numbers(self._data, parts[b"pitm"])
            version = numbers.take(4) >> 24
            self._file.primary = numbers.take(4 if version else 2)
        if b"iinf" in parts:
            self._infos(parts[b"iinf"])
        if b"iloc" in parts:
            self._locations(parts[b"iloc"], parts.get(b"idat"))
        if b"iref" in parts:
            self._references(parts[b"iref"])

    def _infos(self, infos: Box) -> None:
        version = self._data[infos.start] if infos.start < infos.end else 0
        named = set()
        for box in self._children(infos, 8 if version else 6):
            if box.kind != b"infe":
                continue
            entry = _Numbers(self._data, box)
            header = entry.take(4)
            number = entry.take(4 if header >> 24 == 3 else 2)
            entry.take(2)  # protection
            if number in named:
                raise InvalidImage("The image gives two of its items the same number.")
            named.add(number)
            item = self._item(number)
            item.kind = entry.take(4).to_bytes(4, "big")
            item.hidden = bool(header & 1)

    def _locations(self, places: Box, idat: Box | None) -> None:
        numbers = _Numbers(self._data, places)
        version = numbers.take(4) >> 24
        sizes = numbers.take(2)
        of_offset, of_length = sizes >> 12, sizes >> 8 & 15
        of_base, of_index = sizes >> 4 & 15, sizes & 15 if version else 0
        long = 4 if version == 2 else 2
        for _ in range(numbers.take(long)):
            if numbers.ended:
                return
            item = self._item(numbers.take(long))
            method = numbers.take(2) & 15 if version else _IN_FILE
            other_file = numbers.take(2)
            base = numbers.take(of_base)
            count = numbers.take(2)
            self._spend(count)
            if item.extents:
                raise InvalidImage("The image says twice where one of its items lies.")
            item.readable = method in (_IN_FILE, _IN_IDAT) and not other_file
            origin, limit = 0, len(self._data)
            if method == _IN_IDAT:
                origin, limit = (idat.start, idat.end) if idat else (limit, limit)
            for _ in range(count):
                numbers.take(of_index)
                start = min(origin + base + numbers.take(of_offset), limit)
                length = numbers.take(of_length)
                item.extents.append((start, min(start + length, limit) if length else limit))

    def _references(self, references: Box) -> None:
        version = self._data[references.start] if references.start < references.end else 0
        long = 4 if version else 2
        for box in self._children(references, 4):
            numbers = _Numbers(self._data, box)
            source = self._item(numbers.take(long))
            count = min(numbers.take(2), numbers.left // long)
            self._spend(count)
            targets = [numbers.take(long) for _ in range(count)]
            for target in targets:
                self._item(target)
            if box.kind == b"dimg":
                source.inputs.update(targets)
            else:
                source.masters.setdefault(box.kind, []).extend(targets)

    def _properties(self, iprp: Box | None) -> Box | None:
        """Gives each item its properties. Answers the box that holds them."""
        if iprp is None:
            return None
        parts = self._children(iprp)
        containers = [box for box in parts if box.kind == b"ipco"]
        if len(containers) > 1:
            raise InvalidImage("The image has 'ipco' twice.")
        properties = self._children(containers[0]) if containers else []
        for box in parts:
            if box.kind == b"ipma":
                self._associations(box, properties)
        return containers[0] if containers else None

    def _associations(self, box: Box, properties: list[Box]) -> None:
        numbers = _Numbers(self._data, box)
        header = numbers.take(4)
        long, wide = 4 if header >> 24 else 2, 2 if header & 1 else 1
        for _ in range(numbers.take(4)):
            if numbers.ended:
                return
            item = self._item(numbers.take(long))
            count = numbers.take(1)
            self._spend(count)
            for _ in range(count):
                index = numbers.take(wide) & (0x7FFF if wide == 2 else 0x7F)
                if 0 < index <= len(properties):
                    item.properties.append(properties[index - 1])

    # Tracks.

    def _moov(self, moov: Box) -> None:
        if moov.end - moov.start > _MOST_HEADER_BYTES:
            raise _too_many("bytes in its 'moov' box", _MOST_HEADER_BYTES)
        for track in self._children(moov):
            if track.kind != b"trak":
                continue
            tables: Box | None = track
            for name in _TRACK_TO_TABLES:
                tables = tables and self._child(tables, name)
            if tables is not None:
                self._first_sample({box.kind: box for box in self._children(tables)})

    def _first_sample(self, tables: dict[bytes, Box]) -> None:
        offsets = tables.get(b"stco") or tables.get(b"co64")
        if b"stsz" not in tables or offsets is None:
            return
        sizes = _Numbers(self._data, tables[b"stsz"])
        sizes.take(4)
        fixed, samples = sizes.take(4), sizes.take(4)
        numbers = _Numbers(self._data, offsets)
        numbers.take(4)
        chunks = numbers.take(4)
        runs, longest = self._runs(tables.get(b"stsc"))
        if fixed:
            samples = max(samples, chunks * longest)
        if samples > _MOST_SAMPLES or chunks > _MOST_SAMPLES or chunks * runs > _MOST_TABLE_STEPS:
            raise _too_many("pictures in a sequence", _MOST_SAMPLES)
        start = min(numbers.take(4 if b"stco" in tables else 8), len(self._data))
        self._file.first_samples.append(
            (start, min(start + (fixed or sizes.take(4)), len(self._data)))
        )

    def _runs(self, box: Box | None) -> tuple[int, int]:
        """How many runs of chunks a track has, and the most samples of a chunk."""
        if box is None:
            return 0, 0
        numbers = _Numbers(self._data, box)
        numbers.take(4)
        count = min(numbers.take(4), numbers.left // 12)
        self._spend(count)
        longest = 0
        for _ in range(count):
            longest = max(longest, (numbers.take(4), numbers.take(4), numbers.take(4))[1])
        return count, longest


class _Numbers:
    """Big-endian numbers of a box, one behind the other; 0 behind its end."""

    def __init__(self, data: memoryview, box: Box) -> None:
        self._data = data
        self._at = box.start
        self._end = box.end

    def take(self, size: int) -> int:
        at = self._at
        self._at += size
        return int.from_bytes(self._data[at : self._at], "big") if self._at <= self._end else 0

    @property
    def left(self) -> int:
        return max(0, self._end - self._at)

    @property
    def ended(self) -> bool:
        return self._at >= self._end


def _number(data: memoryview, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _check_extents(file: File) -> None:
    """No more bytes may be read than there are.

    Tiles that look the same may share one piece, which no decoder copies. Everything else is
    copied as often as an item names it: counted each time.
    """
    shared: set[Extent] = set()
    total = 0
    for item in file.items.values():
        if len(item.extents) == 1 and item.kind in CODED:
            shared.add(item.extents[0])
        else:
            total += item.size
    total += sum(end - start for start, end in shared)
    if total > len(file.data):
        raise InvalidImage(
            f"The items of the image take {total} bytes together and the file has"
            f" {len(file.data)}: items share bytes. Save it again as one image."
        )


def _too_many(what: str, allowed: int) -> InvalidImage:
    return InvalidImage(
        f"The image has more {what} than are read here ({allowed}). Save it again as one image."
    )
