"""Reads the structure of an ISO base media file (AVIF, HEIC) without copying its content.

A few bytes of a file can request that one piece of it be read thousands of times. Everything that a
decoder would parse, copy or keep is therefore counted here before a decoder sees the file.
"""

from app.errors import InvalidImage
from app.vision.images.iso_media.boxes import Box, Boxes, Numbers, too_many
from app.vision.images.iso_media.items import CODED, Extent, File, Item
from app.vision.images.iso_media.tracks import first_sample

_MOST_ITEMS = 4096
_MOST_HEADER_BYTES = 4_000_000
"""Size of a `meta` box without its `idat` and `ipco`, or of a `moov` box."""
_IN_FILE, _IN_IDAT = 0, 1
_DAMAGED_REFERENCES = (
    "The image's references between its items ('iref') are damaged. Save it again as one image."
)
_ONCE_IN_META = {b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat"}


def read(data: bytes) -> File:
    """Raises InvalidImage if the file has more parts than valid files have, or duplicate parts."""
    file = File(memoryview(data))
    _Reader(file, Boxes(file.data)).read()
    _check_extents(file)
    return file


class _Reader:
    """Fills a ``File``."""

    def __init__(self, file: File, boxes: Boxes) -> None:
        self._file = file
        self._data = file.data
        self._boxes = boxes

    def read(self) -> None:
        seen = set()
        for box in self._boxes.top():
            if box.kind not in (b"meta", b"moov", b"mini"):
                continue
            if box.kind in seen:
                raise InvalidImage(
                    f"The image has a second '{box.kind.decode()}' box. Save it again as one image."
                )
            seen.add(box.kind)
            self._boxes.count(box)
            if box.kind == b"meta":
                self.read_meta(box)
            elif box.kind == b"moov":
                self._read_tracks(box)
            else:
                raise InvalidImage(
                    "The image is in the minimized form ('mini'), which is not supported."
                    " Save it in the usual form."
                )

    def _item(self, number: int) -> Item:
        """libavif creates an item for every number that it finds, wherever it occurs."""
        item = self._file.items.get(number)
        if item is None:
            if len(self._file.items) >= _MOST_ITEMS:
                raise too_many("items", _MOST_ITEMS)
            item = self._file.items[number] = Item()
        return item

    def _read_tracks(self, moov: Box) -> None:
        if moov.end - moov.start > _MOST_HEADER_BYTES:
            raise too_many("bytes in its 'moov' box", _MOST_HEADER_BYTES)
        for track in self._boxes.children(moov):
            if track.kind != b"trak":
                continue
            self._file.first_samples += first_sample(self._boxes, track)
            for box in self._boxes.children(track):
                if box.kind == b"meta":
                    file = File(self._data)
                    _Reader(file, self._boxes).read_meta(box)
                    self._file.tracks.append(file)

    def read_meta(self, meta: Box) -> None:
        parts: dict[bytes, Box] = {}
        for box in self._boxes.children(meta, 4):
            if box.kind in _ONCE_IN_META and box.kind in parts:
                raise InvalidImage(f"The image has '{box.kind.decode()}' twice in its 'meta' box.")
            parts[box.kind] = box
        large = parts.get(b"idat"), self._properties(parts.get(b"iprp"))
        rest = meta.end - meta.start - sum(box.end - box.start for box in large if box)
        if rest > _MOST_HEADER_BYTES:
            raise too_many("bytes in its 'meta' box", _MOST_HEADER_BYTES)
        if b"pitm" in parts:
            numbers = Numbers(self._data, parts[b"pitm"])
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
        for box in self._boxes.children(infos, 8 if version else 6):
            if box.kind != b"infe":
                continue
            entry = Numbers(self._data, box)
            header = entry.take(4)
            number = entry.take(4 if header >> 24 == 3 else 2)
            entry.take(2)  # protection
            if number in named:
                raise InvalidImage("Two items of the image have the same number.")
            named.add(number)
            item = self._item(number)
            item.kind = entry.take(4).to_bytes(4, "big")
            item.hidden = bool(header & 1)

    def _locations(self, places: Box, idat: Box | None) -> None:
        numbers = Numbers(self._data, places)
        version = numbers.take(4) >> 24
        sizes = numbers.take(2)
        of_offset, of_length = sizes >> 12, sizes >> 8 & 15
        of_base, of_index = sizes >> 4 & 15, sizes & 15 if version else 0
        long = 4 if version == 2 else 2
        for _ in range(numbers.take(long)):
            if not numbers.left:
                return
            item = self._item(numbers.take(long))
            method = numbers.take(2) & 15 if version else _IN_FILE
            other_file = numbers.take(2)
            base = numbers.take(of_base)
            count = numbers.take(2)
            self._boxes.spend(count)
            if item.extents:
                raise InvalidImage("The image gives the location of one of its items twice.")
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
        end = references.start + 4
        for box in self._boxes.children(references, 4):
            numbers = Numbers(self._data, box)
            source = self._item(numbers.take(long))
            count = numbers.take(2)
            if count * long != numbers.left:
                # libheif reads the numbers and continues with the next box after them, whatever
                # size this one declares.
                raise InvalidImage(_DAMAGED_REFERENCES)
            end = box.end
            self._boxes.spend(count)
            targets = [numbers.take(long) for _ in range(count)]
            for target in targets:
                self._item(target)
            if box.kind == b"dimg":
                source.inputs.update(targets)
            else:
                source.masters.setdefault(box.kind, []).extend(targets)
        if end < references.end:
            raise InvalidImage(_DAMAGED_REFERENCES)

    def _properties(self, iprp: Box | None) -> Box | None:
        """Assigns each item its properties. Returns the box that holds them."""
        if iprp is None:
            return None
        parts = self._boxes.children(iprp)
        containers = [box for box in parts if box.kind == b"ipco"]
        if len(containers) > 1:
            raise InvalidImage("The image has 'ipco' twice.")
        properties = self._boxes.children(containers[0]) if containers else []
        for box in parts:
            if box.kind == b"ipma":
                self._associations(box, properties)
        return containers[0] if containers else None

    def _associations(self, box: Box, properties: list[Box]) -> None:
        numbers = Numbers(self._data, box)
        header = numbers.take(4)
        long, wide = 4 if header >> 24 else 2, 2 if header & 1 else 1
        for _ in range(numbers.take(4)):
            if not numbers.left:
                return
            item = self._item(numbers.take(long))
            count = numbers.take(1)
            self._boxes.spend(count)
            for _ in range(count):
                index = numbers.take(wide) & (0x7FFF if wide == 2 else 0x7F)
                if 0 < index <= len(properties):
                    item.properties.append(properties[index - 1])


def _check_extents(file: File) -> None:
    """The items may not add up to more bytes than the file has.

    Identical tiles may share one piece, which no decoder copies. Everything else is copied for each
    item that refers to it, and is counted each time.
    """
    shared: set[Extent] = set()
    total = 0
    for part in (file, *file.tracks):
        for item in part.items.values():
            if len(item.extents) == 1 and item.kind in CODED:
                shared.add(item.extents[0])
            else:
                total += item.size
    total += sum(end - start for start, end in shared)
    if total > len(file.data):
        raise InvalidImage(
            f"The items of the image take {total} bytes together, and the file has"
            f" {len(file.data)}: items share bytes. Save it again as one image."
        )
