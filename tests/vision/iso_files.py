"""AVIF and HEIC files put together box by box, as no encoder would write them."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from PIL import Image

from tests.vision.pictures import encode

BRANDS = {"AVIF": b"avif", "HEIC": b"heic"}
ESSENTIAL = {b"av1C", b"hvcC", b"a1op", b"lsel", b"irot", b"imir", b"clap"}
HANDLER = bytes(8) + b"pict" + bytes(13)


def box(kind: bytes, *body: bytes) -> bytes:
    content = b"".join(body)
    return struct.pack(">I", 8 + len(content)) + kind + content


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of boxes of ordinary sizes."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size = int.from_bytes(data[start : start + 4], "big")
        yield data[start + 4 : start + 8], data[start + 8 : start + size]
        start += size


def ispe(width: int, height: int) -> bytes:
    return box(b"ispe", struct.pack(">III", 0, width, height))


def grid(columns: int, rows: int, width: int, height: int) -> bytes:
    """Content of a `grid` item."""
    return struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)


ALPHA = box(b"auxC", bytes(4) + b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")


@dataclass(frozen=True)
class Part:
    """An item. Equal contents are stored once, as good encoders store equal tiles."""

    kind: bytes
    content: bytes = b""
    properties: tuple[bytes, ...] = ()
    hidden: bool = False
    extents: tuple[tuple[int, int], ...] | None = None
    """Offset and length in the file, instead of ``content``."""
    method: int = 0
    """1: in `idat`, 2: in another item."""


Reference = tuple[bytes, int, Sequence[int]]
"""Kind, from which item, to which."""


def iso_file(
    form: str,
    parts: dict[int, Part],
    references: Iterable[Reference] = (),
    primary: int = 1,
    behind: bytes = b"",
    meta: bytes = b"",
    brand: bytes | None = None,
) -> bytes:
    brand = brand or BRANDS[form]
    start = box(b"ftyp", brand, bytes(4), b"mif1", b"miaf", BRANDS[form])
    stored: dict[bytes, int] = {}
    mdat = b""
    kept = b""
    at = len(start) + 8
    for part in parts.values():
        if part.extents is None and part.method == 0 and part.content not in stored:
            stored[part.content] = at + len(mdat)
            mdat += part.content
    places = []
    infos = []
    for number, part in parts.items():
        extents = part.extents
        if extents is None and part.method == 1:
            extents = ((len(kept), len(part.content)),)
            kept += part.content
        elif not part.content and extents is None:
            extents = ()
        elif extents is None:
            extents = ((stored[part.content], len(part.content)),)
        places.append(struct.pack(">IHHH", number, part.method, 0, len(extents)))
        places += [struct.pack(">II", *extent) for extent in extents]
        info = struct.pack(">IIH", 3 << 24 | part.hidden, number, 0) + part.kind + b"\0"
        infos.append(box(b"infe", info + (b"a/b\0" if part.kind == b"mime" else b"")))
    linked = [
        box(kind, struct.pack(f">IH{len(targets)}I", source, len(targets), *targets))
        for kind, source, targets in references
    ]
    content = [
        bytes(4),
        box(b"hdlr", HANDLER),
        box(b"pitm", struct.pack(">II", 1 << 24, primary)),
        box(b"iinf", struct.pack(">II", 1 << 24, len(infos)), *infos),
        box(b"iloc", struct.pack(">IHI", 2 << 24, 0x4400, len(parts)), *places),
        _properties(parts),
    ]
    if linked:
        content.append(box(b"iref", struct.pack(">I", 1 << 24), *linked))
    if kept:
        content.append(box(b"idat", kept))
    return start + box(b"mdat", mdat) + box(b"meta", *content, meta) + behind


def _properties(parts: dict[int, Part]) -> bytes:
    known: dict[bytes, int] = {}
    entries = []
    for number, part in parts.items():
        places = [
            known.setdefault(one, len(known) + 1) | (one[4:8] in ESSENTIAL) << 15
            for one in part.properties
        ]
        entry = struct.pack(">IB", number, len(places))
        entries.append(entry + b"".join(struct.pack(">H", place) for place in places))
    associations = struct.pack(">II", 1 << 24 | 1, len(entries)) + b"".join(entries)
    return box(b"iprp", box(b"ipco", *known), box(b"ipma", associations))


@dataclass(frozen=True)
class Coded:
    """A picture taken out of a file: what its item holds, and its properties."""

    content: bytes
    properties: tuple[bytes, ...]

    def part(self, kind: bytes, *more: bytes, hidden: bool = False) -> Part:
        return Part(kind, self.content, self.properties + more, hidden)


def taken_out(data: bytes) -> Coded:
    """The first item of an AVIF or HEIC, with size, configuration and depth."""
    outer = dict(reversed(list(boxes(data))))
    inner = dict(boxes(outer[b"meta"], 4))
    places = inner[b"iloc"]
    assert places[4] == 0x44
    # Behind version, sizes and count: number, method (from version 1 on), file, base, count.
    at, of_base = 8 + (6 if places[0] else 4), places[5] >> 4
    base = int.from_bytes(places[at : at + of_base], "big")
    at += of_base + 2
    offset, length = struct.unpack(">II", places[at : at + 8])
    kinds = (b"ispe", b"pixi", b"av1C", b"hvcC")
    found: dict[bytes, bytes] = {}
    for kind, content in boxes(dict(boxes(inner[b"iprp"]))[b"ipco"]):
        if kind in kinds:
            found.setdefault(kind, box(kind, content))
    return Coded(data[base + offset : base + offset + length], tuple(found.values()))


def av1(image: Image.Image, **options: object) -> Coded:
    return taken_out(encode(image, "AVIF", **{"speed": 10, **options}))
