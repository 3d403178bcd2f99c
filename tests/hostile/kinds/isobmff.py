"""AVIF and HEIC: boxes, items, extents, references and derived images."""

import random
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from tests.hostile.kinds import KINDS, Kind, times
from tests.shared_data import SHARED
from tests.vision.pictures import encode, quarters

Extent = tuple[int, int]
"""Offset within mdat, and bytes."""
_BRANDS = {"AVIF": b"avif", "HEIF": b"heic"}
_MOST = 65_000
"""Of what is counted in two bytes."""
_ESSENTIAL = 0x80


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + name + body


def full_box(name: bytes, body: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]) + body)


@dataclass
class Item:
    number: int
    kind: bytes
    extents: Sequence[Extent]
    properties: Sequence[int] = ()
    """Positions in ``File.properties``, from 1."""
    method: int = 0
    """0: offsets are of the file; 1: of idat."""


@dataclass
class File:
    form: str
    items: list[Item]
    properties: list[bytes]
    data: bytes
    """What mdat holds."""
    references: list[tuple[bytes, int, list[int]]] = field(default_factory=list)
    primary: int = 1
    more: bytes = b""
    """Boxes behind the others within meta."""
    behind: bytes = b""
    idat: bytes = b""

    def write(self) -> bytes:
        brand = _BRANDS[self.form]
        head = box(b"ftyp", brand + bytes(4) + b"mif1" + brand + b"miaf")
        start = len(head) + len(self.meta(0)) + 8
        return head + self.meta(start) + box(b"mdat", self.data) + self.behind

    def meta(self, start: int) -> bytes:
        """``start`` is the offset of the data within the file."""
        handler = full_box(b"hdlr", bytes(4) + b"pict" + bytes(13))
        parts = [
            handler,
            full_box(b"pitm", struct.pack(">H", self.primary)),
            self._locations(start),
            self._infos(),
            self._references(),
            self._properties(),
            box(b"idat", self.idat) if self.idat else b"",
            self.more,
        ]
        return full_box(b"meta", b"".join(parts))

    def _locations(self, start: int) -> bytes:
        body = b"\x44\0" + struct.pack(">H", len(self.items))
        for item in self.items:
            origin = 0 if item.method else start
            body += struct.pack(">HHHH", item.number, item.method, 0, len(item.extents))
            body += b"".join(struct.pack(">II", origin + at, size) for at, size in item.extents)
        return full_box(b"iloc", body, version=1)

    def _infos(self) -> bytes:
        entries = b"".join(
            full_box(b"infe", struct.pack(">HH", item.number, 0) + item.kind + b"\0", version=2)
            for item in self.items
        )
        return full_box(b"iinf", struct.pack(">H", len(self.items)) + entries)

    def _references(self) -> bytes:
        entries = b"".join(
            box(kind, struct.pack(f">HH{len(to)}H", of, len(to), *to))
            for kind, of, to in self.references
        )
        return full_box(b"iref", entries) if entries else b""

    def _properties(self) -> bytes:
        associations = b"".join(
            struct.pack(">HB", item.number, len(item.properties)) + bytes(item.properties)
            for item in self.items
            if item.properties
        )
        count = sum(1 for item in self.items if item.properties)
        container = box(b"ipco", b"".join(self.properties))
        return box(b"iprp", container + full_box(b"ipma", struct.pack(">I", count) + associations))


@dataclass(frozen=True)
class Coded:
    """One coded image, and what tells how to decode it."""

    form: str
    kind: bytes
    properties: tuple[bytes, ...]
    """The last is its ispe."""
    data: bytes

    def file(self) -> File:
        numbers = range(1, len(self.properties) + 1)
        return File(
            self.form,
            [Item(1, self.kind, [(0, len(self.data))], numbers)],
            list(self.properties),
            self.data,
        )


def ispe(width: int, height: int) -> bytes:
    return full_box(b"ispe", struct.pack(">II", width, height))


def _coded(rng: random.Random, form: str) -> Coded:
    return _avif(*rng.choice(((16, 16), (64, 64), (1000, 1000)))) if form == "AVIF" else _heic()


@cache
def _avif(width: int, height: int) -> Coded:
    data = encode(quarters(width, height), "AVIF", speed=10)
    properties = tuple(_child(data, name) for name in (b"av1C", b"pixi", b"colr", b"ispe"))
    return Coded("AVIF", b"av01", properties, data[data.index(b"mdat") + 4 :])


@cache
def _heic() -> Coded:
    """Of a shared file: no encoder is at hand. Of one 12 megapixels image, if it is there."""
    data = _heic_sample()
    name = b"hvcC"
    locations = data.index(b"iloc") + 4
    at, size = struct.unpack(">II", data[locations + 16 : locations + 24])
    return Coded("HEIF", b"hvc1", (_child(data, name), _largest_ispe(data)), data[at : at + size])


def _heic_sample() -> bytes:
    return (SHARED / "attacks" / "heic_overlay_100.heic").read_bytes()


def has_heic() -> bool:
    return (SHARED / "attacks" / "heic_overlay_100.heic").exists()


def _child(data: bytes, name: bytes) -> bytes:
    at = data.index(name) - 4
    return data[at : at + int.from_bytes(data[at : at + 4], "big")]


def _largest_ispe(data: bytes) -> bytes:
    found = [data[at - 4 : at + 16] for at in _all(data, b"ispe")]
    return max(found, key=lambda one: int.from_bytes(one[12:16], "big"))


def _all(data: bytes, name: bytes) -> list[int]:
    return [at for at in range(len(data)) if data.startswith(name, at)]


# Kinds. ``form`` is that of the container; both share all of it.


def zero_extents(rng: random.Random, size: int, form: str) -> bytes:
    """Items whose extents have no length: each stands for the rest of the file."""
    file = _coded(rng, form).file()
    count = rng.choice((1, 16, 1000, 9000, _MOST))
    for number in range(2, 2 + rng.choice((1, 1, 10, 500))):
        extents = [(rng.choice((0, 0, 1, 100)), 0)] * min(count, 1 + size // 16)
        file.items.append(Item(number, file.items[0].kind, extents))
        if len(file.items) * len(extents) * 8 > size:
            break
    return _padded(file, size)


def shared_extents(rng: random.Random, size: int, form: str) -> bytes:
    """An item made of the same bytes many times."""
    file = _coded(rng, form).file()
    extent = rng.choice((file.items[0].extents[0], (0, 2), (0, 100_000_000)))
    count = min(_MOST, size // 8 or 1)
    if rng.random() < 0.5:
        file.items[0].extents = [extent] * count
    else:
        file.items.append(Item(2, file.items[0].kind, [extent] * count))
    return _padded(file, size)


def shared_items(rng: random.Random, size: int, form: str) -> bytes:
    """Many items that are all the same bytes: whole images, or thousands of empty units."""
    file = _coded(rng, form).file()
    first, start = file.items[0], len(file.data)
    unit = rng.choice((b"\x7a\0", b"\x12\0", b"\x0a\0", b"\x1a\0", file.data))
    count = min(_MOST, rng.choice((100, 1000, 4000, _MOST)), 1 + size // 60)
    file.data += times(unit, max(0, size - count * 40))
    extent = (start, len(file.data) - start)
    used = first.properties if rng.random() < 0.7 else ()
    for number in range(2, 2 + count):
        file.items.append(Item(number, first.kind, [extent], used))
    return file.write()


def shared_items_in_idat(rng: random.Random, size: int, form: str) -> bytes:
    file = _coded(rng, form).file()
    count = min(_MOST, 1 + size // 60)
    file.idat = times(b"\x7a\0", size - count * 40)
    first = file.items[0]
    for number in range(2, 2 + count):
        extents = [(0, len(file.idat))]
        file.items.append(Item(number, first.kind, extents, first.properties, 1))
    return file.write()


def second_metas(rng: random.Random, size: int, form: str) -> bytes:
    """More than one meta, each with items over what follows."""
    file = _coded(rng, form).file()
    other = File(form, [], file.properties, b"")
    count = rng.choice((1, 4, 200, 2000))
    extents = [(0, rng.choice((0, 0, 2, 5000)))] * rng.choice((1, 9, 5000))
    for number in range(1, 1 + count):
        other.items.append(Item(number, file.items[0].kind, extents))
        if len(other.items) * len(extents) * 8 > size // 2:
            break
    one = rng.choice((other.meta(0), _small_meta(file.items[0].kind)))
    behind = times(one, size // 2) if rng.random() < 0.6 else one
    file.behind = behind + box(b"free", times(b"\x7a\0", size - len(behind)))
    return file.write()


def _small_meta(kind: bytes) -> bytes:
    """No more than is needed to be looked into."""
    info = full_box(b"infe", struct.pack(">HH", 1, 0) + kind + b"\0", version=2)
    place = b"\x44\0" + struct.pack(">HHHHII", 1, 1, 0, 1, 0, 0)
    infos = full_box(b"iinf", struct.pack(">H", 1) + info)
    return full_box(b"meta", infos + full_box(b"iloc", place))


def tracks(rng: random.Random, size: int, form: str) -> bytes:
    """Tracks by the thousand, of one sample each or of tables of them."""
    file = _coded(rng, form).file()
    samples = rng.choice((1, 1, 1000, 100_000))
    sizes = struct.pack(">II", 0, samples) + struct.pack(">I", 1 << 20) * samples
    table = full_box(b"stsz", sizes) + full_box(b"stco", struct.pack(">II", 1, 0))
    track = box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", table))))
    if rng.random() < 0.5:
        file.behind = box(b"moov", times(track, size))
    else:
        file.behind = times(box(b"moov", track), size)
    return file.write()


def empty_boxes(rng: random.Random, size: int, form: str) -> bytes:
    file = _coded(rng, form).file()
    name = rng.choice((b"free", b"skip", b"uuid", b"meta", b"moov", b"trak", b"mdat", b"ispe"))
    flood = times(box(name, bytes(rng.choice((0, 0, 4, 16)))), size)
    place = rng.randrange(4)
    if place == 0:
        file.more = flood
    elif place == 1:
        file.behind = flood
    elif place == 2:
        file.properties.append(flood)
    else:
        file.more = full_box(b"iref", flood)
    return file.write()


def boxes_in_boxes(rng: random.Random, size: int, form: str) -> bytes:
    """Each within the one before, as deep as fits."""
    file = _coded(rng, form).file()
    name = rng.choice((b"moov", b"trak", b"meta", b"iprp", b"ipco", b"dinf", b"stbl"))
    depth = min(size // 8, 200_000)
    heads = (struct.pack(">I", 8 * (depth - level)) + name for level in range(depth))
    deep = b"".join(heads)
    if rng.random() < 0.5:
        file.more = deep
    else:
        file.behind = deep
    return file.write()


def references(rng: random.Random, size: int, form: str) -> bytes:
    """Thumbnails, descriptions, alpha and parts: many of one item, or of each other, in a ring."""
    file = _coded(rng, form).file()
    first = file.items[0]
    count = rng.choice((2, 30, 1000))
    for number in range(2, 2 + min(count, 1 + size // 60)):
        file.items.append(Item(number, first.kind, first.extents, first.properties))
    name = rng.choice((b"thmb", b"cdsc", b"auxl", b"dimg", b"prem", b"base"))
    numbers = [item.number for item in file.items]
    each = rng.choice((1, 1, 100, 10_000))
    for index in range(size // (12 + 2 * each)):
        of, to = numbers[index % len(numbers)], numbers[(index + 1) % len(numbers)]
        file.references.append((name, of, [rng.choice((1, to))] * each))
    return file.write()


def overlay(rng: random.Random, size: int, form: str) -> bytes:
    """A small canvas with many large images laid over it."""
    file = _coded(rng, form).file()
    coded = file.items[0]
    count = rng.choice((1, 8, 100, 900, 10_000))
    count = min(count, 1 + size // 60)
    own = rng.random() < 0.5  # an item for each layer, or the same one each time
    layers = list(range(1, 1 + count)) if own else [1] * count
    file.items += [
        Item(number, coded.kind, coded.extents, coded.properties) for number in set(layers) - {1}
    ]
    side = rng.choice((64, 64, 1000))
    offsets = struct.pack(">hh", 0, 0) * count
    canvas = bytes([0, 0]) + bytes(8) + struct.pack(">HH", side, side) + offsets
    return _derived(file, b"iovl", canvas, layers, (side, side))


def grid(rng: random.Random, size: int, form: str) -> bytes:
    """Up to 256 x 256 tiles that are all the same item, or share its bytes."""
    file = _coded(rng, form).file()
    coded = file.items[0]
    rows, columns = (rng.choice((1, 2, 8, 30, 256)) for _ in "rc")
    count = rows * columns
    own = rng.random() < 0.5 and count < _MOST
    tiles = list(range(1, 1 + count)) if own else [1] * count
    file.items += [
        Item(number, coded.kind, coded.extents, coded.properties) for number in set(tiles) - {1}
    ]
    tile = struct.unpack(">II", file.properties[-1][12:20])
    small = rng.random() < 0.5
    width, height = (64, 64) if small else (columns * tile[0], rows * tile[1])
    head = bytes([0, 1, rows - 1, columns - 1]) + struct.pack(">II", width, height)
    return _derived(file, b"grid", head, tiles[:_MOST], (width, height))


def grids_of_grids(rng: random.Random, size: int, form: str) -> bytes:
    """Each level refers to the one below it several times: exponential work."""
    file = _coded(rng, form).file()
    tile = struct.unpack(">II", file.properties[-1][12:20])
    side = rng.choice((2, 4, 16))
    for level in range(2, 2 + rng.choice((2, 5, 9))):
        head = bytes([0, 1, side - 1, side - 1]) + struct.pack(">II", *tile)
        start = len(file.data)
        file.data += head
        last = len(file.properties)
        file.items.append(Item(level, b"grid", [(start, len(head))], [last]))
        file.references.append((b"dimg", level, [level - 1] * side * side))
    file.primary = len(file.items)
    return _padded(file, size)


def identities(rng: random.Random, size: int, form: str) -> bytes:
    """A chain of derived items, each the one before turned."""
    file = _coded(rng, form).file()
    file.properties += [box(b"irot", b"\1"), box(b"imir", b"\1")]
    count = len(file.properties) | _ESSENTIAL
    length = min(_MOST, 1 + size // 60, rng.choice((3, 100, 5000)))
    for number in range(2, 2 + length):
        used = [len(file.properties) - 2, count - 1, count]
        file.items.append(Item(number, b"iden", [], used))
        file.references.append((b"dimg", number, [number - 1]))
    file.primary = 1 + length
    return file.write()


def transforms(rng: random.Random, size: int, form: str) -> bytes:
    """One image turned a hundred times."""
    file = _coded(rng, form).file()
    turn = rng.choice((box(b"irot", b"\1"), box(b"imir", b"\1"), _crop(file.properties[-1])))
    file.properties.append(turn)
    item = file.items[0]
    item.properties = [
        *item.properties,
        *[len(file.properties) | _ESSENTIAL] * rng.choice((1, 4, 200)),
    ]
    return _padded(file, size)


def _crop(size: bytes) -> bytes:
    width, height = struct.unpack(">II", size[12:20])
    return box(b"clap", struct.pack(">8I", width, 1, height, 1, 0, 1, 0, 1))


def repeated_frames(rng: random.Random, size: int, form: str) -> bytes:
    """The coded image again and again within one item."""
    coded = _coded(rng, form)
    file = coded.file()
    file.data = times(coded.data, size)
    file.items[0].extents = [(0, len(file.data))]
    return file.write()


def metadata(rng: random.Random, size: int, form: str) -> bytes:
    """EXIF and XMP items, thousands that share one block."""
    file = _coded(rng, form).file()
    start = len(file.data)
    count = min(_MOST, rng.choice((1, 50, 5000)), 1 + size // 60)
    file.data += bytes(4) + b"Exif\0\0II*\0" + bytes(max(0, size - count * 60))
    name = rng.choice((b"Exif", b"mime", b"uri "))
    for number in range(2, 2 + count):
        file.items.append(Item(number, name, [(start, len(file.data) - start)]))
        file.references.append((b"cdsc", number, [1]))
    return file.write()


def declared_size(rng: random.Random, size: int, form: str) -> bytes:
    """Another size than the coded image has."""
    file = _coded(rng, form).file()
    sides = (1, 64, 3000, 7000, 16384, 65535)
    file.properties[-1] = ispe(rng.choice(sides), rng.choice(sides))
    return _padded(file, size)


def _derived(
    file: File, name: bytes, head: bytes, parts: list[int], size: tuple[int, int]
) -> bytes:
    start = len(file.data)
    file.data += head
    file.properties.append(ispe(*size))
    number = max(item.number for item in file.items) + 1
    file.items.append(Item(number, name, [(start, len(head))], [len(file.properties)]))
    file.references.append((b"dimg", number, parts))
    file.primary = number
    return file.write()


def _padded(file: File, size: int) -> bytes:
    file.behind += box(b"free", bytes(max(0, size - len(file.data))))
    return file.write()


_MAKERS = (
    *(zero_extents, shared_extents, shared_items, shared_items_in_idat, second_metas, tracks),
    *(empty_boxes, boxes_in_boxes, references, overlay, grid, grids_of_grids, identities),
    *(transforms, repeated_frames, metadata, declared_size),
)


def _of_form(form: str) -> list[Kind]:
    def bound(make: Callable[[random.Random, int, str], bytes]) -> Kind:
        name = make.__name__.replace("_", " ")
        return Kind(form, name, lambda rng, size: make(rng, size, form))

    return [bound(make) for make in _MAKERS]


KINDS += _of_form("AVIF")
if has_heic():
    KINDS += _of_form("HEIF")
